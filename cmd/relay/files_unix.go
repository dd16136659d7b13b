//go:build unix

package main

import "syscall"

// maxFiles returns how many files this process may have open. Package os has already
// raised the soft limit to the hard one.
func maxFiles() (uint64, bool) {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return 0, false
	}
	return uint64(lim.Cur), true
}
