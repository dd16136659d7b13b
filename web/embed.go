// Package web holds the page with which a browser tab becomes a node, and the
// module that does it. See kadmesh.d.ts for what the module offers to pages.
package web

import "embed"

// Files are the page and the module. kadmesh.wasm and its compressed forms are
// among them if they were there when the program was built: `make build` sees to
// that.
//
//go:embed index.html icon.svg page.css page.js page kadmesh/*.js kadmesh/kadmesh.d.ts kadmesh/kadmesh.w*
var Files embed.FS
