//go:build linux

package relay

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"nhooyr.io/websocket"
)

// The measurements are for people: go test ./transport/wsrelay/relay -run Measure
// -measure -v. They need 20,000 file descriptors, and take some minutes.
var (
	measure        = flag.Bool("measure", false, "run the measurements")
	measureWait    = flag.Duration("measure-wait", 10*time.Second, "how long clients are idle before memory is read")
	measureIdle    = flag.String("measure-peers", "5000,9000", "how many idle clients")
	measureClients = flag.Int("measure-clients", 5000, "how many clients exchange datagrams")
	measureBack    = flag.Int("measure-back", 2000, "how many clients come back after a restart")
)

// measureRole is the variable that makes this program a part of a measurement.
const measureRole = "KADMESH_MEASURE"

// roles are the parts. Each prints a line when it is ready, and then one for each
// that it reads.
var roles = map[string]func(args []string){
	"relay": relayRole, "idle": idleRole, "clients": clientsRole, "node": nodeRole, "sender": senderRole,
}

func init() {
	if role, ok := roles[os.Getenv(measureRole)]; ok {
		role(os.Args[1:])
		os.Exit(0)
	}
}

// answers prints ready, then an answer to each line that comes in.
func answers(ready any, answer func(line string) any) {
	fmt.Println(ready)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(answer(lines.Text()))
	}
}

// relayRole is a relay without limits at the address given. It says how many
// datagrams it has passed on, from clients and to them.
func relayRole(args []string) {
	debug.SetGCPercent(20) // as kadmesh-relay does
	none := Rate{PerSecond: -1}
	s, err := New(Config{
		AllowPrivate: true, Secret: []byte("of the measurements"), Ports: PortRange{10000, 29999},
		RestartTime: time.Second,
		Limits: Limits{
			Clients: 1 << 16, ClientsPerIP: -1, Sent: none, SentBytes: none, Received: none, ReceivedBytes: none,
			NewDestinations: none, Unproven: none,
		}})
	exitOn(err)
	l, err := net.Listen("tcp", args[0])
	exitOn(err)
	go http.Serve(l, s)
	answers(l.Addr(), func(string) any {
		stats := s.Stats()
		return fmt.Sprint(stats.FromClients.Datagrams, stats.ToClients.Datagrams)
	})
	l.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s.Shutdown(ctx)
}

// idleRole opens that many clients of a relay, which do nothing.
func idleRole(args []string) {
	n, err := strconv.Atoi(args[1])
	exitOn(err)
	var opening sync.WaitGroup
	places := make(chan bool, 64)
	for range n {
		places <- true
		opening.Go(func() {
			options := &websocket.DialOptions{Subprotocols: []string{message.Subprotocol}}
			ws, _, err := websocket.Dial(context.Background(), "ws://"+args[0], options)
			exitOn(err)
			exitOn(ws.Write(context.Background(), websocket.MessageBinary, (&message.Hello{}).Encode()))
			_, b, err := ws.Read(context.Background())
			exitOn(err)
			if message.Kind(b[0]) != message.KindWelcome {
				exitOn(fmt.Errorf("no welcome: %q", b))
			}
			ws.CloseRead(context.Background())
			<-places
		})
	}
	opening.Wait()
	answers("ready", func(string) any { return "idle" })
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// process is a part of a measurement.
type process struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// start starts this program in a role on that many processors, and returns its
// first line as well.
func start(t testing.TB, processors int, role string, args ...string) (*process, string) {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], args...)}
	p.cmd.Env = append(os.Environ(), measureRole+"="+role, fmt.Sprint("GOMAXPROCS=", processors))
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	return p, p.line()
}

// stop ends the process in order.
func (p *process) stop() {
	p.in.Close()
	p.cmd.Wait()
}

func (p *process) line() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%s says nothing: %v", p.cmd.Args, err)
	}
	return strings.TrimSpace(line)
}

// ask returns the answer to a line.
func (p *process) ask(line string) string {
	p.t.Helper()
	fmt.Fprintln(p.in, line)
	return p.line()
}

// numbers returns the numbers in an answer.
func (p *process) numbers(line string) (n []int) {
	p.t.Helper()
	for _, s := range strings.Fields(p.ask(line)) {
		i, err := strconv.Atoi(s)
		if err != nil {
			p.t.Fatal(err)
		}
		n = append(n, i)
	}
	return n
}

// resident is the memory of a process in kB.
func (p *process) resident() int {
	p.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	p.t.Fatal("no VmRSS")
	return 0
}

// processor is the time for which a process has run.
func (p *process) processor() time.Duration {
	p.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')'):]))
	user, _ := strconv.Atoi(f[12])
	system, _ := strconv.Atoi(f[13])
	return time.Duration(user+system) * 10 * time.Millisecond
}

func needsMeasure(t *testing.T) {
	t.Helper()
	if !*measure {
		t.Skip("-measure is not given")
	}
}

func TestMeasureMemory(t *testing.T) {
	needsMeasure(t)
	for count := range strings.SplitSeq(*measureIdle, ",") {
		t.Run(count, func(t *testing.T) {
			relay, addr := start(t, 2, "relay", "127.0.0.1:0")
			n, err := strconv.Atoi(count)
			if err != nil {
				t.Fatal(err)
			}
			before := relay.resident()
			start(t, 2, "idle", addr, count)
			atOnce := relay.resident()
			time.Sleep(*measureWait)
			after := relay.resident()
			t.Logf("%d idle clients: %.1f kB each (%d kB in all; %.1f kB each when the last had come)", n,
				float64(after-before)/float64(n), after, float64(atOnce-before)/float64(n))
		})
	}
}
