//go:build !unix

package main

// maxFiles returns false: there is no limit on open files.
func maxFiles() (uint64, bool) { return 0, false }
