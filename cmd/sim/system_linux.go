package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// largePage is what large pages come in on most machines.
const largePage = 2 << 20

// collapse is MADV_COLLAPSE, which puts what is already there into large pages, since
// Linux 6.1.
const collapse = 25

// wantLargePages asks the system for large pages wherever the program's memory is. A
// simulation goes to and fro in it, and looking up where small pages are takes a
// quarter of its time. What the system says to that does not matter.
func wantLargePages() {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// 7f0000000000-7f0000200000 rw-p 00000000 00:00 0 [anon: Go: heap]
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 || fields[1] != "rw-p" || fields[4] != "0" {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil && end-start >= largePage {
			for _, advice := range []uintptr{syscall.MADV_HUGEPAGE, collapse} {
				syscall.Syscall(syscall.SYS_MADVISE, uintptr(start), uintptr(end-start), advice)
			}
		}
	}
}

// memoryFree returns how many bytes the system has for programs; zero if it does not
// say.
func memoryFree() uint64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// MemAvailable:   23984512 kB
		if name, rest, _ := strings.Cut(lines.Text(), ":"); name == "MemAvailable" {
			kB, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kB << 10
		}
	}
	return 0
}
