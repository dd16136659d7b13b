#!/usr/bin/env bash
# Lists the packages that run in a browser as well: of the core, the simulator, the
# module and all transports, each one that needs no package net when it is built for
# js. A new package is in the list without being named here.
set -euo pipefail
GOOS=js GOARCH=wasm ${GO:-go} list -f '
	{{- $net := false}}{{range .Deps}}{{if eq . "net"}}{{$net = true}}{{end}}{{end -}}
	{{if not $net}}{{.ImportPath}}{{end}}' ./core/... ./internal/netaddr ./internal/wire ./sim/... ./transport/... ./cmd/wasm
