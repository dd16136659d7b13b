//go:build !js

package webrtc

import (
	"bufio"
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/proctest"
)

var (
	measure  = flag.Int("measure", 0, "how many channels TestMeasureMemory opens")
	measured = flag.Int("measured", 0, "how many nodes TestMeasuredPeers starts, for TestMeasureMemory")
)

// TestMeasureMemory measures what a channel takes in a process that has one end of
// each:
//
//	go test -run MeasureMemory -v ./transport/webrtc -measure 200
func TestMeasureMemory(t *testing.T) {
	if *measure == 0 {
		t.Skip("measures memory: use -measure CHANNELS")
	}
	peers := exec.Command(os.Args[0], "-test.run", "^TestMeasuredPeers$", "-measured", strconv.Itoa(*measure))
	peers.Stderr = os.Stderr
	in, err := peers.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := peers.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := peers.Start(); err != nil {
		t.Fatal(err)
	}
	defer peers.Wait()
	defer in.Close()
	a := newNode(t, 1, nil)
	var addrs []netip.AddrPort
	for lines := bufio.NewScanner(out); len(addrs) < *measure && lines.Scan(); {
		addrs = append(addrs, netip.MustParseAddrPort(lines.Text()))
	}
	before, goroutines := usage(), runtime.NumGoroutine()
	for i, addr := range addrs {
		if err := a.call(addr); err != nil {
			t.Fatal(err)
		}
		proctest.Eventually(t, "the next one is open", func() bool { return a.Stats().Open > i })
	}
	time.Sleep(5 * time.Second) // until timers of the handshakes are over
	after := usage()
	for i, what := range []string{"live heap", "heap with its gaps", "stacks", "resident"} {
		t.Logf("%s: %.1f kB for each of %d channels", what, (after[i]-before[i])/1024/float64(*measure), *measure)
	}
	t.Logf("%.1f goroutines for each", float64(runtime.NumGoroutine()-goroutines)/float64(*measure))
}

// usage returns how many bytes there are of live heap, of heap, of stacks, and of
// memory that the system has given to the process.
func usage() [4]float64 {
	for range 5 { // a stack becomes half as large each time, at most
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return [4]float64{float64(m.HeapAlloc), float64(m.HeapInuse), float64(m.StackInuse), resident()}
}

// resident returns the resident memory of the process in bytes, if the system says so.
func resident() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	if f := strings.Fields(rest); len(f) > 0 {
		kB, _ := strconv.Atoi(f[0])
		return float64(kB) * 1024
	}
	return 0
}

// TestMeasuredPeers is the other process of TestMeasureMemory.
func TestMeasuredPeers(t *testing.T) {
	if *measured == 0 {
		return
	}
	for i := range *measured {
		n := newNode(t, 2, func(c *Config) { c.ID[1], c.ID[2] = byte(i), byte(i>>8) })
		os.Stdout.WriteString(n.LocalAddr().String() + "\n")
	}
	bufio.NewReader(os.Stdin).ReadByte() // until TestMeasureMemory is over
}
