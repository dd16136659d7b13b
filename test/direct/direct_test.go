//go:build direct && linux

// Package direct tests direct paths between distant hosts: network namespaces of this
// machine, with delays between them.
package direct

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/netns"
	"github.com/kadmesh/kadmesh/internal/proctest"
)

// Environment variables that turn the test's program into a peer.
const (
	relayVariable = "KADMESH_TEST_RELAY"
	nodeVariable  = "KADMESH_TEST_NODE"
)

var kadmesh, relay string // the programs

var timed = flag.Bool("timed", false, "fail if it takes longer than it should; the machine must have time for it")

func TestMain(m *testing.M) {
	if node := os.Getenv(nodeVariable); node != "" {
		os.Exit(runPeer(os.Getenv(relayVariable), node))
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kadmesh")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	kadmesh, relay = dir+"/kadmesh", dir+"/kadmesh-relay"
	for program, source := range map[string]string{kadmesh: "native", relay: "relay"} {
		if out, err := exec.Command("go", "build", "-o", program, "../../cmd/"+source).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", source, err, out)
			return 1
		}
	}
	return m.Run()
}

// needs skips the test without the rights and devices for namespaces.
func needs(t *testing.T) {
	t.Helper()
	if err := netns.Available(); err != nil {
		t.Skip("no TUN: ", err)
	}
}

// Delays between hosts, in one direction.
const (
	toRelay = 40 * time.Millisecond
	toPeer  = 5 * time.Millisecond
)

var relayIP = netip.MustParseAddr("10.77.0.1")

func apart(a, b netip.Addr) time.Duration {
	if a == relayIP || b == relayIP {
		return toRelay
	}
	return toPeer
}

// start starts a program on h.
func start(t *testing.T, h *netns.Host, program string, args ...string) *proctest.Process {
	t.Helper()
	cmd := h.Command(program, args...)
	return proctest.Start(t, cmd.Path, cmd.Args[1:]...)
}

// pings starts a peer on h that pings node until the test is over, and returns its
// answers.
func pings(t *testing.T, h *netns.Host, relay, node string) <-chan answer {
	t.Helper()
	cmd := h.Command(os.Args[0])
	cmd.Env = append(os.Environ(), relayVariable+"="+relay, nodeVariable+"="+node)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answers := make(chan answer, 1<<16)
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer close(answers)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var a answer
			if json.Unmarshal(lines.Bytes(), &a) == nil {
				answers <- a
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-over
		cmd.Wait()
	})
	return answers
}

// await returns all answers up to the next one for which is returns true.
func await(t *testing.T, answers <-chan answer, what string, is func(answer) bool) (all []answer) {
	t.Helper()
	late := time.After(proctest.Patience)
	for {
		select {
		case a, ok := <-answers:
			if !ok {
				t.Fatalf("the peer has ended before %s", what)
			}
			if all = append(all, a); is(a) {
				return all
			}
		case <-late:
			t.Fatalf("%d answers, but none with %s: %+v", len(all), what, all[max(0, len(all)-1):])
		}
	}
}

// enough returns a function that is true for the nth answer over the path.
func enough(n int, path string) func(answer) bool {
	return func(a answer) bool {
		if a.Over == path && a.Err == "" {
			n--
		}
		return n == 0
	}
}

// p50 returns the median time of the answers over the path.
func p50(t *testing.T, answers []answer, path string) time.Duration {
	t.Helper()
	var took []time.Duration
	for _, a := range answers {
		if a.Over == path && a.Err == "" {
			took = append(took, a.Took)
		}
	}
	if len(took) == 0 {
		t.Fatalf("no answers over %s among %d", path, len(answers))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// A peer behind a relay and a node open a direct path, as quick as the wire between them.
// After a cut of the wire they go on over the relay, and nothing is lost.
func TestBehindRelay(t *testing.T) {
	needs(t)
	w := newWires(t, apart, "10.77.0.1", "10.77.0.2", "10.77.0.3")
	far, server, tab := w.hosts[0], w.hosts[1], w.hosts[2]
	running := start(t, far, relay, "--listen", "10.77.0.1:8080", "--public-ip", "10.77.0.1", "--allow-private")
	running.Stdout.Await(t, `listening`)
	start(t, server, kadmesh, "node", "--listen", "0.0.0.0:8468", "--webrtc").Stdout.Await(t, `listening`)
	const node = "10.77.0.2:8468"

	wire := p50(t, await(t, pings(t, tab, "", node), "100 over UDP", enough(100, "udp")), "udp")
	answers := pings(t, tab, "ws://10.77.0.1:8080/relay", node)
	all := await(t, answers, "a direct path", enough(500, "direct"))
	before, after := p50(t, all, "relay"), p50(t, all, "direct")
	t.Logf("p50 of %d requests: %v over UDP, %v over the relay, %v over the direct path", len(all), wire, before, after)
	if *timed && after > wire*13/10 {
		t.Errorf("a request takes %v over the direct path, want at most 1.3 times the wire's %v", after, wire)
	}

	cut := time.Now()
	w.cut(server, tab, true)
	rest := await(t, answers, "one over the relay again", func(a answer) bool { return a.At.After(cut) && a.Err == "" })
	back := rest[len(rest)-1]
	took := back.At.Add(back.Took).Sub(cut)
	rest = append(rest, await(t, answers, "200 over the relay", enough(200, "relay"))...)
	t.Logf("the wire was cut: first answer after %v, %d resent, then %v over the relay",
		took, back.Stats.Resent, p50(t, rest, "relay"))
	if *timed && took > 2*time.Second {
		t.Errorf("the first answer after the cut came after %v, want 2s at most", took)
	}
	all = append(all, rest...)

	w.cut(server, tab, false)
	all = append(all, await(t, answers, "10 over the direct path again", enough(10, "direct"))...)

	lost := 0
	for _, a := range all {
		if a.Err != "" {
			lost++
			t.Logf("lost: %v after the cut, %v, %s", a.At.Sub(cut), a.Took, a.Err)
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d requests are lost, want none", lost, len(all))
	}
}
