# One target for each thing that a person does here. CI calls `make test`.

GO       ?= go
PYTHON   := .venv/bin/python
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X main.version=$(VERSION)

# Where scripts/setup.sh puts a Node.js if the system's is too old.
export PATH := $(CURDIR)/.tools/node:$(PATH)

STATICCHECK_VERSION := v0.7.0
STATICCHECK := .tools/staticcheck-$(STATICCHECK_VERSION)
ACTIONLINT_VERSION := v1.7.12
ACTIONLINT  := .tools/actionlint-$(ACTIONLINT_VERSION)
APIDIFF_VERSION := v0.0.0-20250819193227-8b4c13bb791b
APIDIFF     := .tools/apidiff-$(APIDIFF_VERSION)
WASM_EXEC   := -exec=$(abspath scripts/go_js_exec)
WASM        := GOOS=js GOARCH=wasm

# The packages that run in a browser as well.
SHARED = $(shell GO=$(GO) scripts/shared.sh)

# Without inlining the core is larger, but smaller when compressed.
WASM_FLAGS := -trimpath -buildvcs=false -gcflags=all=-l -ldflags='-s -w'

.PHONY: help build module npm release npm-test page-test size demo sim apart direct chaos chaos-short check test unit wasm arm64 lint house api fences vectors interop compat bench fuzz mutate clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

build: web/kadmesh/kadmesh.wasm.br ## build bin/kadmesh and bin/kadmesh-relay, with the page in them
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/kadmesh ./cmd/native
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/kadmesh-relay ./cmd/relay

module: ## build the node of the page: web/kadmesh/kadmesh.wasm
	@$(WASM) $(GO) build $(WASM_FLAGS) -o web/kadmesh/kadmesh.wasm.new ./cmd/wasm
	@$(GO) run ./scripts/segments web/kadmesh/kadmesh.wasm.new
	@cmp -s web/kadmesh/kadmesh.wasm.new web/kadmesh/kadmesh.wasm && rm web/kadmesh/kadmesh.wasm.new || \
	 { mv web/kadmesh/kadmesh.wasm.new web/kadmesh/kadmesh.wasm; rm -f web/kadmesh/kadmesh.wasm.br web/kadmesh/kadmesh.wasm.gz; }
	@cmp -s "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" web/kadmesh/kadmesh.exec.js || \
	 cp "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" web/kadmesh/kadmesh.exec.js

web/kadmesh/kadmesh.wasm.br: module
	@[ -f $@ ] || $(GO) run ./scripts/compress web/kadmesh/kadmesh.wasm

# The largest download for a visitor of the page, in bytes.
MAX_WASM_BR := 900000

size: web/kadmesh/kadmesh.wasm.br ## check that the browser's core is small
	@echo "== size"
	@size=$$(wc -c <$<); echo "kadmesh.wasm with brotli: $$size bytes of $(MAX_WASM_BR)"; [ $$size -le $(MAX_WASM_BR) ]

demo: ## start a small network with a page on this machine, and show it at work
	@scripts/setup.sh go
	@$(MAKE) --no-print-directory module
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/kadmesh ./cmd/native
	@exec bin/kadmesh demo

# The simulated scenario, and its size.
SCENARIO ?= scale
SEED     ?= 1

sim: NODES ?= 1000
sim: ## simulate NODES nodes: SCENARIO, SEED, DURATION, OPS, K, SVG, JSON=1; SCENARIO=list lists
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/kadmesh-sim ./cmd/sim
	@bin/kadmesh-sim $(if $(filter list,$(SCENARIO)),--list,--scenario $(SCENARIO) --nodes $(NODES) --seed $(SEED) \
	 $(if $(DURATION),--duration $(DURATION)) $(if $(OPS),--ops $(OPS)) $(if $(K),--k $(K)) $(if $(SVG),--svg $(SVG))) $(if $(JSON),--json)

test: setup lint fences size unit wasm arm64 vectors interop compat apart chaos-short page-test npm-test browser ## install the tools of all tests, and run them
	@echo "all tests passed"

check: module lint fences ## the quick loop: lint, fences and the short tests, before each commit
	@echo "== short tests"
	$(GO) test -short ./...
	node --test --test-reporter=dot test/page/*.test.mjs

.PHONY: setup
setup:
	@scripts/setup.sh go cc python node

$(STATICCHECK):
	GOBIN=$(abspath .tools) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@mv .tools/staticcheck $@

$(ACTIONLINT):
	GOBIN=$(abspath .tools) $(GO) install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
	@mv .tools/actionlint $@

$(APIDIFF):
	GOBIN=$(abspath .tools) $(GO) install golang.org/x/exp/cmd/apidiff@$(APIDIFF_VERSION)
	@mv .tools/apidiff $@

api: $(APIDIFF) ## compare the Go API with the last release; CHANGELOG.md must name what breaks programs
	@echo "== api"
	@GO=$(GO) APIDIFF=$(APIDIFF) scripts/api.sh

lint: $(STATICCHECK) $(ACTIONLINT) lint-js ## gofmt, vet and staticcheck, for native and js; the forge's workflows; prettier, tsc
	@echo "== lint"
	@bad=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	 [ -z "$$bad" ] || { echo "gofmt would change:"; echo "$$bad"; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet -tags interop,direct,compat,chaos ./...
	$(WASM) $(GO) vet $(SHARED)
	$(STATICCHECK) -tags interop,direct,compat,chaos ./...
	$(WASM) $(STATICCHECK) $(SHARED)
	$(ACTIONLINT) -shellcheck= -pyflakes=
	$(GO) run ./scripts/house -limits-only $(LIMITS:%=-limit %)

# The largest figures of make house that lint accepts, as name=number.
LIMITS := methods=45 structs=3 functions=0 files=0 notjs=3 public=1 words=0.4 columns=0 documents=0 exported=180 undocumented=0

house: ## measure how the code reads: words, long lines, large structs, exported names; V=1 shows where
	@$(GO) run ./scripts/house $(if $(V),-v)

web/node_modules/stamp: web/package-lock.json
	@scripts/setup.sh node npm
	cd web && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

SCRIPTS := $(shell git ls-files -co --exclude-standard 'web/*.js' 'web/*.ts' 'test/*.js' 'test/*.mjs' 'test/*.ts')

.PHONY: lint-js format-js
lint-js: web/node_modules/stamp ## the format of the scripts, and the types of the page and the module
	@echo "== lint-js"
	@web/node_modules/.bin/prettier --check --log-level warn $(SCRIPTS)
	@web/node_modules/.bin/tsc -p web

format-js: web/node_modules/stamp ## format the scripts
	@web/node_modules/.bin/prettier --write --log-level warn $(SCRIPTS)

fences: ## check which packages know which
	@echo "== fences"
	scripts/fences.sh

unit: module ## all Go tests with the race detector, and the slow ones without it
	@echo "== unit"
	GO=$(GO) scripts/unit.sh -race ./...
	GO=$(GO) scripts/unit.sh ./core ./sim

wasm: ## the core's own tests, compiled to WebAssembly, under Node.js
	@echo "== wasm"
	$(WASM) $(GO) test -short $(WASM_EXEC) $(SHARED)

arm64: ## the runs that must be the same everywhere, on an emulated arm64
	@echo "== arm64"
	@scripts/setup.sh arm64
	GOOS=linux GOARCH=arm64 $(GO) test -exec $(abspath scripts/go_arm64_exec) -run Same ./core ./sim

.venv/stamp: test/python/requirements.txt
	@scripts/setup.sh python
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

vectors: .venv/stamp ## check the recorded vectors against the Python reference
	@echo "== vectors"
	$(PYTHON) test/vectors/generate.py --check
	$(PYTHON) test/interop/test_node.py

interop: .venv/stamp ## networks of real Python nodes and Kadmesh nodes
	@echo "== interop"
	KADMESH_PYTHON=$(abspath $(PYTHON)) $(GO) test -tags interop -count 1 -timeout 15m ./test/interop

compat: module .venv/stamp ## the last release and today's programs in one network
	@echo "== compat"
	@scripts/setup.sh node
	KADMESH_PYTHON=$(abspath $(PYTHON)) $(GO) test -tags compat -count 1 -timeout 10m ./test/compat

npm: module ## build the npm package: artifacts/kadmesh-VERSION.tgz
	@scripts/setup.sh node npm
	@rm -rf artifacts/npm && mkdir -p artifacts/npm
	@cd web/kadmesh && cp ../../LICENSE package.json README.md kadmesh.js kadmesh.*.js kadmesh.d.ts kadmesh.wasm ../../artifacts/npm
	@scripts/notices.sh >artifacts/npm/NOTICES.txt
	@chmod 644 artifacts/npm/*
	@cd artifacts/npm && npm pack --silent --pack-destination ..

release: build npm ## build what a release consists of: artifacts/release
	@echo "== release"
	@GO=$(GO) scripts/release.sh $(VERSION) $(PLATFORMS)

test/npm/node_modules/stamp: test/npm/package-lock.json
	cd test/npm && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

apart: ## direct paths between network namespaces, with a relay far away; takes root
	@echo "== apart"
	@scripts/setup.sh ip
	GO=$(GO) scripts/unit.sh -count 1 -tags direct ./test/direct

direct: ## the same, and say how long things take; fails if that is too long
	$(GO) test -count 1 -tags direct -v ./test/direct -timed

chaos-short: ## restart, stop and overwrite among real processes, and a minute of make chaos
	@echo "== chaos-short"
	@scripts/setup.sh ip
	GO=$(GO) scripts/unit.sh -count 1 -timeout 20m -tags chaos ./test/chaos

chaos: NODES ?= 20
chaos: ## break a network of NODES processes for DURATION (default 10m), and judge each get: SEED, JSON=1
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/kadmesh ./cmd/native
	@$(GO) build -trimpath -tags chaos -o bin/kadmesh-chaos ./test/chaos
	@bin/kadmesh-chaos --kadmesh bin/kadmesh --nodes $(NODES) --seed $(SEED) --duration $(or $(DURATION),10m) \
	 $(if $(JSON),--json)

page-test: setup ## the page's own modules, under Node.js
	@echo "== page-test"
	node --test test/page/*.test.mjs

npm-test: build npm test/npm/node_modules/stamp ## test that package in Node.js, in Chromium, and with bundlers
	@echo "== npm-test"
	@scripts/setup.sh browser
	cd test/npm && npm test --silent

test/browser/node_modules/stamp: test/browser/package-lock.json
	@scripts/setup.sh node npm
	cd test/browser && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

.PHONY: browser bench-browser
browser: setup build .venv/stamp test/browser/node_modules/stamp ## tabs of a real browser, in networks with Go and Python nodes
	@echo "== browser"
	@scripts/setup.sh browser
	GO=$(GO) node --test test/browser/*.test.js

bench-browser: build test/browser/node_modules/stamp ## measure a node in a tab
	@scripts/setup.sh browser
	GO=$(GO) node test/browser/measure.mjs

bench: ## measure the cost of a request
	$(GO) test -run '^$$' -bench . ./core ./internal/wire ./transport/udp

fuzz: .venv/stamp ## fuzz each parser for FUZZTIME (default 1m), compare 10^6 values with the reference
	KADMESH_PYTHON=$(abspath $(PYTHON)) $(GO) test -tags interop -count 1 -v -run SameValues ./test/interop \
	 -values 1000000 -seed $$(date +%s)
	scripts/fuzz.sh $(or $(FUZZTIME),1m)

# The packages of make mutate; a package without tests of its own is left out.
MUTATED := ./core/... ./internal/wire ./transport/wsrelay/... ./transport/webrtc/...

mutate: ## break the code in N small ways (default 150), count the unnoticed: SEED, ONLY=regexp, MIN, P, JSON=1
	$(GO) run ./scripts/mutate -n $(or $(N),150) -seed $(SEED) $(if $(ONLY),-only '$(ONLY)') $(if $(JSON),-json) $(if $(MIN),-min $(MIN)) $(if $(P),-p $(P)) $(MUTATED)

NIGHTLY := nightly-fuzz nightly-repeat nightly-sim nightly-chaos nightly-mutate
.PHONY: nightly $(NIGHTLY)

nightly: ## the long forms of the tests: fuzz, repeat, sim, chaos, mutate
	@$(MAKE) --no-print-directory --keep-going $(NIGHTLY)

nightly-fuzz: ## fuzz each parser for 10 minutes
	@$(MAKE) --no-print-directory fuzz FUZZTIME=10m

nightly-repeat: module ## all Go tests ten times, with the race detector: which one fails now and then?
	GO=$(GO) scripts/unit.sh -race -count 10 -timeout 3h ./...

nightly-sim: ## simulate all scenarios in full size: ONLY=regexp
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/kadmesh-sim ./cmd/sim
	SEED=$(SEED) scripts/scenarios.sh '$(ONLY)'

nightly-chaos: ## every seed of make chaos that ever failed, and three hours of another one each day
	$(GO) test -count 1 -timeout 2h -tags chaos -v ./test/chaos -all
	@$(MAKE) --no-print-directory chaos DURATION=3h SEED=$(shell date +%Y%m%d)

nightly-mutate: ## break the code in 600 small ways, other ones each day
	@$(MAKE) --no-print-directory mutate N=600 SEED=$(shell date +%Y%m%d)

clean: ## remove all that was built and installed here
	rm -rf bin .venv .tools artifacts test/*/node_modules web/node_modules web/kadmesh/kadmesh.wasm* web/kadmesh/kadmesh.exec.js
