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

// Eventually polls until is returns true, for conditions without an event to wait for.
// condition describes it in the failure.
func Eventually(t testing.TB, condition string, is func() bool) {
	t.Helper()
	late, again := time.After(Patience), time.NewTicker(10*time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("waited %v in vain until %s", Patience, condition)
		}
	}
}

// Persist calls send at once and then each second, as UDP may lose datagrams, until
// stop is called. After Patience it calls giveUp, once, and ends.
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

// NothingLeft runs the tests of a package. It fails if more goroutines or file
// descriptors are left than before, after a grace period of 20 s.
func NothingLeft(m *testing.M) (code int) {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close() // by now package net has opened its own descriptors
	}
	goroutines, files := runtime.NumGoroutine(), openFiles()
	code = m.Run()
	if f := flag.Lookup("test.fuzz"); f != nil && f.Value.String() != "" {
		return code // fuzzing leaves a goroutine
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

// openFiles returns the number of open file descriptors; zero if the system does not
// tell.
func openFiles() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}
