// Package web holds the page with which a browser tab becomes a node, and the module
// that runs the node. kadmesh.d.ts is the interface of the module.
package web

import "embed"

// Files are the page and, in the directory kadmesh, the module. kadmesh.wasm and its
// compressed forms are built by `make build` before the program; without that they are
// missing.
//
//go:embed index.html icon.svg page.css page.js page kadmesh/*.js kadmesh/kadmesh.d.ts kadmesh/kadmesh.w*
var Files embed.FS
