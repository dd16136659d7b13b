//go:build linux

package wsrelay

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nhooyr.io/websocket"
)

// The measurements are for people: go test ./transport/wsrelay -run Measure
// -measure -v. They need 20,000 file descriptors, and take some minutes.
var (
	measure      = flag.Bool("measure", false, "run the measurements")
	measureWait  = flag.Duration("measure-wait", 10*time.Second, "how long peers are idle before memory is read")
	measurePeers = flag.String("measure-peers", "5000,9000", "how many idle peers")
)

// measureRole is the variable that makes this program a part of a measurement.
const measureRole = "KADMESH_MEASURE"

func init() {
	switch os.Getenv(measureRole) {
	case "relay":
		measureRelay()
		os.Exit(0)
	case "clients":
		measureClients(os.Args[1], os.Args[2])
		os.Exit(0)
	}
}

// measureRelay is a relay without limits, until its input ends.
func measureRelay() {
	none := Rate{PerSecond: -1}
	s, err := NewServer(ServerConfig{AllowPrivate: true, Limits: Limits{
		Peers: 1 << 16, PeersPerIP: -1, Sent: none, SentBytes: none, Received: none, ReceivedBytes: none,
		NewDestinations: none, Unproven: none,
	}})
	exitOn(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	exitOn(err)
	go http.Serve(l, s)
	fmt.Println(l.Addr())
	io.Copy(io.Discard, os.Stdin)
}

// measureClients opens that many clients of a relay, which do nothing, until its
// input ends.
func measureClients(addr, count string) {
	n, err := strconv.Atoi(count)
	exitOn(err)
	var opening sync.WaitGroup
	places := make(chan bool, 64)
	for range n {
		places <- true
		opening.Go(func() {
			ws, _, err := websocket.Dial(context.Background(), "ws://"+addr, &websocket.DialOptions{Subprotocols: []string{Subprotocol}})
			exitOn(err)
			exitOn(ws.Write(context.Background(), websocket.MessageBinary, (&hello{}).encode()))
			_, b, err := ws.Read(context.Background())
			exitOn(err)
			if kind(b[0]) != kindWelcome {
				exitOn(fmt.Errorf("no welcome: %q", b))
			}
			ws.CloseRead(context.Background())
			<-places
		})
	}
	opening.Wait()
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// part starts this program in a role, and returns its first line of output.
func part(t testing.TB, role string, args ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), measureRole+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%s says nothing: %v", role, err)
	}
	return cmd, strings.TrimSpace(line)
}

// resident is the memory of a process in kB.
func resident(t testing.TB, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

func TestMeasureMemory(t *testing.T) {
	if !*measure {
		t.Skip("-measure is not given")
	}
	for count := range strings.SplitSeq(*measurePeers, ",") {
		t.Run(count, func(t *testing.T) {
			relay, addr := part(t, "relay")
			n, err := strconv.Atoi(count)
			if err != nil {
				t.Fatal(err)
			}
			before := resident(t, relay.Process.Pid)
			part(t, "clients", addr, count)
			atOnce := resident(t, relay.Process.Pid)
			time.Sleep(*measureWait)
			after := resident(t, relay.Process.Pid)
			t.Logf("%d idle peers: %.1f kB each (%d kB in all; %.1f kB each when the last had come)", n,
				float64(after-before)/float64(n), after, float64(atOnce-before)/float64(n))
		})
	}
	_ = netip.AddrPort{}
}
