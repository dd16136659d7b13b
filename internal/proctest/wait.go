package proctest

import (
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// Eventually waits until what becomes true, where nothing tells when it does.
func Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	late, again := time.After(Patience), time.NewTicker(10*time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// Persist calls send each second until stop is called: UDP may lose what it sends.
// When that takes too long it calls giveUp, once.
func Persist(send, giveUp func()) (stop func()) {
	var sender sync.WaitGroup
	over := make(chan bool)
	sender.Go(func() {
		for late := time.After(Patience); ; {
			send()
			select {
			case <-over:
				return
			case <-late:
				giveUp()
				return
			case <-time.After(time.Second):
			}
		}
	})
	return func() {
		close(over)
		sender.Wait()
	}
}

// NothingLeft runs the tests of a package, and fails if more goroutines or file
// descriptors are left than there were. Some take a moment to end.
func NothingLeft(m *testing.M) (code int) {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close() // package net has its descriptors now
	}
	goroutines, files := runtime.NumGoroutine(), openFiles()
	code = m.Run()
	if f := flag.Lookup("test.fuzz"); f != nil && f.Value.String() != "" {
		return code // fuzzing leaves a goroutine of its own
	}
	late := time.After(20 * time.Second)
	for runtime.NumGoroutine() > goroutines || openFiles() > files {
		select {
		case <-time.After(10 * time.Millisecond):
			continue
		case <-late:
		}
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		fmt.Fprintf(os.Stderr, "%d goroutines, want %d; %d open files, want %d:\n%s\n",
			runtime.NumGoroutine(), goroutines, openFiles(), files, stacks)
		return 1
	}
	return code
}

// openFiles counts file descriptors, where the system shows them.
func openFiles() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}
