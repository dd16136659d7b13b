#!/usr/bin/env bash
# Prints the licences of the other works that are compiled into the browser's core.
set -euo pipefail

notice() { printf '\n%s\n\n' "---- $1"; cat "$2"; }

echo "kadmesh.wasm and kadmesh.exec.js contain parts of these works."
notice "Go, https://go.dev" "$(go env GOROOT)/LICENSE"
GOOS=js GOARCH=wasm go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' ./cmd/wasm | sort -u |
	while read -r path dir; do notice "$path" "$dir"/LICENSE*; done
