//go:build !js

package wsrelay

import (
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain fails if a goroutine or a file descriptor outlives the tests.
func TestMain(m *testing.M) {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close() // package net has its descriptors now
	}
	goroutines, files := runtime.NumGoroutine(), openFiles()
	code := m.Run()
	if f := flag.Lookup("test.fuzz"); f != nil && f.Value.String() != "" {
		os.Exit(code) // fuzzing leaves a goroutine of its own
	}
	for start := time.Now(); time.Since(start) < 20*time.Second; {
		if runtime.NumGoroutine() <= goroutines && openFiles() <= files {
			os.Exit(code)
		}
		runtime.Gosched() // a finished test's goroutine may be on its last lines
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	fmt.Fprintf(os.Stderr, "%d goroutines, want %d; %d open files, want %d:\n%s\n",
		runtime.NumGoroutine(), goroutines, openFiles(), files, stacks)
	os.Exit(1)
}

// openFiles counts file descriptors, where the system shows them.
func openFiles() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}
