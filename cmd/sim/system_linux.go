package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// largePage is the size of a large page on most machines.
const largePage = 2 << 20

// collapse is MADV_COLLAPSE, which moves memory already in use to large pages. Linux
// has it since 6.1.
const collapse = 25

// wantLargePages requests large pages for all memory of the program. A simulation
// accesses its memory in no order, and spends a quarter of its time on translating
// addresses of small pages. The system may refuse.
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

// memoryFree returns the memory, in bytes, that the system has for programs; zero if
// unknown.
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
