//go:build !unix

package main

// maxFiles would be how many files this process may have open, if there was a
// limit.
func maxFiles() (uint64, bool) { return 0, false }
