package core

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// vectorNode is a node of the reference.
type vectorNode struct {
	ID       ID
	Contacts []struct {
		ID ID
		vectorAddr
	}
	Stored []struct {
		Key   ID
		Value tagged
	}
}

// engine returns an engine that is in the same state.
func (n *vectorNode) engine(t *testing.T) *Engine {
	t.Helper()
	e := NewEngine(epoch, Config{ID: n.ID, Rand: rand.NewChaCha8([32]byte{})})
	for _, c := range n.Contacts {
		if !e.table.insert(Contact{c.ID, c.addrPort()}) {
			t.Fatalf("no room for contact %v", c.ID)
		}
	}
	for _, s := range n.Stored {
		v, ok := s.Value.value(t)
		if !ok || !e.putRecord(0, s.Key, Record{Value: v, Published: epoch, TTL: e.cfg.TTL}) {
			t.Fatalf("no room for %v under %v", v.Text(), s.Key)
		}
	}
	return e
}

// answerOf gives an engine a datagram and returns its answer, or nil. Besides it
// the engine may only send pings, to the sender or to its contacts.
func answerOf(t *testing.T, e *Engine, from netip.AddrPort, datagram []byte) []byte {
	t.Helper()
	may := map[netip.AddrPort]bool{from: true}
	for _, c := range e.Contacts() {
		may[c.Addr] = true
	}
	e.Receive(epoch, from, datagram)
	var out Outbox
	e.Flush(&out)
	var answer []byte
	for i := range out.Len() {
		to, d := out.At(i)
		kind, _, body, err := wire.Header(d)
		switch {
		case err != nil:
			t.Fatalf("sent %x: %v", d, err)
		case kind == wire.KindAnswer && to == from && answer == nil:
			answer = d
		case kind == wire.KindAnswer:
			t.Errorf("answer %x to %v, want one at most, to %v", d, to, from)
		case !may[to]:
			t.Errorf("request %x to %v, want to %v or a contact", d, to, from)
		default:
			var r wire.Request
			if err := wire.NewParser().Request(body, &r); err != nil || r.Method != wire.Ping {
				t.Errorf("sent the request %x, %v, want only pings", d, err)
			}
		}
	}
	return answer
}

// describe says what an answer to m is, for people; nil is silence.
func describe(t *testing.T, m wire.Method, datagram []byte) string {
	t.Helper()
	if datagram == nil {
		return "silence"
	}
	var a wire.Answer
	if err := wire.NewParser().Answer(datagram[wire.HeaderLen:], m, 1000, &a); err != nil {
		t.Fatalf("answer %x to %v: %v", datagram, m, err)
	}
	switch {
	case m == wire.Ping:
		return "id " + ID(a.ID).String()
	case m == wire.Store:
		return fmt.Sprintf("stored: %v", a.Stored)
	case m == wire.Stun:
		return a.Addr.String()
	case a.Value != nil:
		return fmt.Sprintf("value %x", a.Value)
	}
	var list []string
	for _, c := range a.Contacts {
		list = append(list, c.Addr.String())
	}
	return fmt.Sprintf("contacts %v", list)
}

// rpcVector is one call of the reference: of a client of it to a server of it.
type rpcVector struct {
	Name              string
	RPC               string
	Args              []tagged
	Server            vectorNode
	Sender            vectorAddr
	Request, Response hexBytes
	Result            tagged
}

func (v *rpcVector) method(t *testing.T) wire.Method {
	t.Helper()
	for m := range wire.Methods {
		if m.String() == v.RPC {
			return m
		}
	}
	t.Fatalf("no method is called %q", v.RPC)
	return 0
}

// request returns the request, made of its arguments.
func (v *rpcVector) request(t *testing.T) wire.Request {
	t.Helper()
	r := wire.Request{Msg: wire.MsgID(v.Request[1:wire.HeaderLen]), Method: v.method(t)}
	for i, arg := range v.Args {
		x, ok := arg.value(t)
		switch {
		case !ok:
			t.Fatalf("argument %d has no encoding", i)
		case i == 0:
			r.Sender = wire.ID(x.Any().([]byte))
		case i == 1:
			r.Target = wire.ID(x.Any().([]byte))
		default:
			r.Value = x.Raw()
		}
	}
	return r
}

// from is where a Conn says that the request comes from: never a mapped address.
func (v *rpcVector) from() netip.AddrPort {
	return netip.AddrPortFrom(v.Sender.IP.Unmap(), v.Sender.Port)
}

var rpcDifferences = differences{
	"stun over IPv6, link-local": {
		"[fe80::2]:8469", "the scope is only known to the socket, and means nothing to the asker: it is 0"},
	"stun over IPv4 on a dual-stack socket": {
		"192.0.2.2:8469", "a mapped address is of no use to nodes on IPv4"},
	"find_node leaves the target out": {
		"contacts [198.51.100.1:127 198.51.100.0:1 198.51.100.2:128]", "the node that is looked for is the nearest one to the target (paper, section 2.3)"},
	"find_value, a stored nil is no value": {
		"value c0", "what is stored is served as it came; the reference reads it as missing"},
	"find_node with an IPv6 contact": {
		"contacts [198.51.100.0:1 198.51.100.1:127 198.51.100.2:128]", "an asker on IPv4 could not reach it"},
}

// P1: the four procedures of the paper, and stun, are answered as the reference does.
func TestVectorsRPC(t *testing.T) {
	exists := make(map[string]bool)
	for _, c := range loadVectors(t).RPC {
		exists[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			r := c.request(t)
			if got := wire.NewWriter().Request(nil, &r); string(got) != string(c.Request) {
				t.Errorf("request written as %x, want %x", got, []byte(c.Request))
			}
			e := c.Server.engine(t)
			got := answerOf(t, e, c.from(), c.Request)
			if string(got) == string(c.Response) {
				rpcDifferences.check(t, c.Name, "the same", "the same")
				return
			}
			ours, theirs := describe(t, r.Method, got), describe(t, r.Method, c.Response)
			rpcDifferences.check(t, c.Name, ours, fmt.Sprintf("%s, as %x", theirs, []byte(c.Response)))
		})
	}
	rpcDifferences.checkNames(t, exists)
}

// A client's side: what the engine asks begins like the reference's request, and
// what that answers is read as what its client read.
func TestVectorsRPCFromTheAsker(t *testing.T) {
	for _, c := range loadVectors(t).RPC {
		t.Run(c.Name, func(t *testing.T) {
			want := c.request(t)
			server := netip.MustParseAddrPort("192.0.2.1:8468")
			e := NewEngine(epoch, Config{ID: Key("client"), Rand: rand.NewChaCha8([32]byte{})})
			var got *wire.Answer
			fates := 0
			e.calls.watch(0, query{to: Contact{c.Server.ID, server}, req: wire.Request{Method: want.Method, Target: want.Target, Value: want.Value}},
				func(_ time.Duration, _ *call, stage trace.Stage, a *wire.Answer) {
					if fates++; stage == trace.Replied {
						got = a
					}
				})
			var out Outbox
			e.Flush(&out)
			if out.Len() != 1 {
				t.Fatalf("%d datagrams, want 1", out.Len())
			}
			to, d := out.At(0)
			if to != server || !strings.HasPrefix(string(d[wire.HeaderLen:]), string(c.Request[wire.HeaderLen:])) {
				t.Errorf("asks %v with %x, want %v with the body %x and a trailer", to, d, server, []byte(c.Request[wire.HeaderLen:]))
			}
			var r wire.Request
			if err := wire.NewParser().Request(d[wire.HeaderLen:], &r); err != nil || !r.Trailer.Present {
				t.Errorf("request with the trailer %+v, %v, want one", r.Trailer, err)
			}

			answer := append([]byte{1}, d[1:wire.HeaderLen]...)
			e.Receive(epoch, server, append(answer, c.Response[wire.HeaderLen:]...))
			if fates != 1 || got == nil {
				t.Fatalf("%d fates, answer %+v, want one reply", fates, got)
			}
			checkResult(t, want.Method, got, c.Result)
		})
	}
}

// checkResult compares an answer with what the reference's client made of it.
func checkResult(t *testing.T, m wire.Method, a *wire.Answer, want tagged) {
	t.Helper()
	var items []tagged
	switch {
	case want.T == "bytes":
		if id := string(a.ID[:]); m != wire.Ping || id != want.text(t) {
			t.Errorf("id %x, want %x", id, want.text(t))
		}
	case want.T == "bool":
		if m != wire.Store || a.Stored != want.bool(t) {
			t.Errorf("stored: %v, want %v", a.Stored, want.bool(t))
		}
	case want.T == "map":
		var pairs [][2]tagged
		want.decode(t, &pairs)
		v, _ := pairs[0][1].value(t)
		if m != wire.FindValue || string(a.Value) != v.raw || len(a.Contacts) != 0 {
			t.Errorf("value %x and contacts %v, want value %x", a.Value, a.Contacts, v.raw)
		}
	case m == wire.Stun:
		want.decode(t, &items)
		ip := netip.MustParseAddr(items[0].text(t)).Unmap()
		if a.Addr.Addr() != ip || fmt.Sprint(a.Addr.Port()) != items[1].text(t) {
			t.Errorf("address %v, want %v and %s", a.Addr, ip, items[1].text(t))
		}
	default:
		want.decode(t, &items)
		if len(a.Contacts) != len(items) || a.Skipped != 0 || a.Value != nil {
			t.Fatalf("%d contacts, %d skipped, value %x, want %d contacts", len(a.Contacts), a.Skipped, a.Value, len(items))
		}
		for i, item := range items {
			var parts []tagged
			item.decode(t, &parts)
			got := a.Contacts[i]
			if string(got.ID[:]) != parts[0].text(t) || got.Addr.Addr().String() != parts[1].text(t) || fmt.Sprint(got.Addr.Port()) != parts[2].text(t) {
				t.Errorf("contact %d: %v, want %x, %s, %s", i, got, parts[0].text(t), parts[1].text(t), parts[2].text(t))
			}
		}
	}
}
