# What a person does with this repository. CI calls `make test`.

GO       ?= go
PYTHON   := .venv/bin/python
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X main.version=$(VERSION)

STATICCHECK_VERSION := v0.7.0
STATICCHECK := .tools/staticcheck-$(STATICCHECK_VERSION)
WASM_EXEC    = -exec=$(shell $(GO) env GOROOT)/lib/wasm/go_js_wasm_exec
WASM        := GOOS=js GOARCH=wasm

# The packages that run in a browser as well.
SHARED := ./core/... ./internal/...

.PHONY: help build demo test unit wasm lint fences vectors interop bench fuzz clean

help: ## show what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

build: ## build bin/kadmesh
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/kadmesh ./cmd/native

demo: ## start a small network on this machine and show it at work
	@scripts/setup.sh go
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/kadmesh ./cmd/native
	@exec bin/kadmesh demo

test: setup lint fences unit wasm vectors interop ## install what the tests need, and run them all
	@echo "all tests passed"

.PHONY: setup
setup:
	@scripts/setup.sh go cc python node

$(STATICCHECK):
	GOBIN=$(abspath .tools) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@mv .tools/staticcheck $@

lint: $(STATICCHECK) ## gofmt, vet and staticcheck, for native and js
	@echo "== lint"
	@bad=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	 [ -z "$$bad" ] || { echo "gofmt would change:"; echo "$$bad"; exit 1; }
	$(GO) vet -tags interop ./...
	$(WASM) $(GO) vet $(SHARED)
	$(STATICCHECK) -tags interop ./...
	$(WASM) $(STATICCHECK) $(SHARED)

fences: ## check which packages know which
	@echo "== fences"
	scripts/fences.sh

unit: ## the tests of all packages, with the race detector
	@echo "== unit"
	$(GO) test -race ./...
	$(GO) test -run Flood ./core # a tenth of it under the race detector

wasm: ## the core's own tests, compiled to WebAssembly, under Node.js
	@echo "== wasm"
	$(WASM) $(GO) test -short $(WASM_EXEC) $(SHARED)

.venv/stamp: test/python/requirements.txt
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

vectors: .venv/stamp ## check that the Python reference still says what the vectors say
	@echo "== vectors"
	$(PYTHON) test/vectors/generate.py --check
	$(PYTHON) test/interop/test_node.py

interop: .venv/stamp ## networks of real Python nodes and ours
	@echo "== interop"
	KADMESH_PYTHON=$(abspath $(PYTHON)) $(GO) test -tags interop -count 1 -timeout 15m ./test/interop

bench: ## measure what a request costs
	$(GO) test -run '^$$' -bench . ./core ./internal/wire ./transport/udp

fuzz: ## fuzz each parser for FUZZTIME (default 1m)
	scripts/fuzz.sh $(or $(FUZZTIME),1m)

clean: ## remove what was built and installed here
	rm -rf bin .venv .tools artifacts
