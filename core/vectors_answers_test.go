package core

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// oddAnswerVector is an operation of a node that knows only one peer, which lies.
type oddAnswerVector struct {
	Name      string
	Operation string
	RPC       string // that is answered with
	Answers   []struct {
		Type byte
		Body hexBytes
	}
	Returned *tagged
	Found    int
	Raised   string
}

// Where the two are, and where the contacts are that the liar tells of.
var (
	askerID   = Key("client")
	liar      = Contact{Key("server"), netip.MustParseAddrPort("127.0.0.1:4001")}
	nobodyAt4 = netip.MustParseAddrPort("127.0.0.1:9")
	nobodyAt6 = netip.MustParseAddrPort("[::1]:9")
)

// want returns the result that the operation should have: that of the reference. If
// the reference raises an error, the answer counts as none.
func (v *oddAnswerVector) want(t *testing.T) string {
	t.Helper()
	switch {
	case v.Operation == "get" && (v.Raised != "" || v.Returned.T == "nil"):
		return "not found"
	case v.Operation == "get":
		x, _ := v.Returned.value(t)
		return fmt.Sprintf("found %x", x.Raw())
	case v.Operation == "bootstrap" && v.RPC == "ping" && v.Raised != "":
		return "no answer"
	case v.Operation == "bootstrap":
		return "joined through 1"
	case len(v.Answers) == 1 && string(v.Answers[0].Body) == "\xc3":
		return "stored on 2"
	}
	// The reference says that it is stored whatever the liar answers. Another node is
	// known, so one has to acknowledge.
	return "not stored"
}

var oddAnswerDifferences = differences{
	"get, bad, then good":                          {"not found", "who answers badly has answered: the request is over"},
	"get, value is nil":                            {"found c0", "the reference stores nil and reads it as missing"},
	"get, value is list":                           {"found 9101", "the reference stores lists and cannot get them"},
	"get, value is map":                            {"found 80", "the reference stores maps and cannot get them"},
	"bootstrap, ping answered with the asker's id": {"no answer", "to join through itself is not to join"},
	"bootstrap, ping answered with 19 bytes":       {"no answer", idsOf20},
	"get, value is list 100 deep":                  {"found " + strings.Repeat("91", 100) + "c0", "the reference stores lists and cannot get them"},
}

func TestVectorsOddAnswers(t *testing.T) {
	exists := make(map[string]bool)
	for _, c := range loadVectors(t).OddAnswers {
		exists[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			l := newLied(t, &c)
			got := l.run()
			oddAnswerDifferences.check(t, c.Name, got, c.want(t))
			l.checkTable()
		})
	}
	oddAnswerDifferences.checkNames(t, exists)
}

// lied is an engine and the liar, on virtual time.
type lied struct {
	t   *testing.T
	c   *oddAnswerVector
	e   *Engine
	now time.Time
	out Outbox
}

func newLied(t *testing.T, c *oddAnswerVector) *lied {
	e := NewEngine(epoch, Config{ID: askerID, Rand: rand.NewChaCha8([32]byte{})})
	if c.Operation != "bootstrap" {
		e.table.insert(liar)
	}
	return &lied{t: t, c: c, e: e, now: epoch}
}

// run runs the operation, and for some time more, and returns what became of it.
func (l *lied) run() string {
	l.t.Helper()
	outcome := "nothing"
	over := func(format string, args ...any) {
		if outcome != "nothing" {
			l.t.Errorf("%s after %s, want one end", fmt.Sprintf(format, args...), outcome)
		}
		outcome = fmt.Sprintf(format, args...)
	}
	switch l.c.Operation {
	case "bootstrap":
		l.e.Bootstrap(l.now, []netip.AddrPort{liar.Addr}, func(n int, err error) {
			if err != nil {
				over("%s", errorText(err))
				return
			}
			over("joined through %d", n)
		})
	case "get":
		l.e.Get(l.now, Key("key"), GetOptions{}, func(f Found, err error) {
			if errors.Is(err, ErrNoAnswer) {
				err = ErrNotFound // the reference does not tell them apart
			}
			if err != nil {
				over("%s", errorText(err))
				return
			}
			over("found %x", f.Value.Raw())
		})
	case "set":
		_, err := l.e.Set(l.now, Key("key"), String("value"), SetOptions{}, func(n SetResult, err error) {
			if err != nil {
				over("%s", errorText(err))
				return
			}
			over("stored on %d", n.Nodes)
		})
		if err != nil {
			l.t.Fatal(err)
		}
	}
	for end := epoch.Add(time.Minute); l.now.Before(end); {
		l.exchange()
		if next := l.e.Next(); next.After(l.now) {
			l.now = next
		}
		l.e.Advance(l.now)
	}
	return outcome
}

// errorText tells the errors that a user may see from all others.
func errorText(err error) string {
	switch {
	case errors.Is(err, ErrNotFound):
		return "not found"
	case errors.Is(err, ErrNoAnswer):
		return "no answer"
	case errors.Is(err, ErrNotStored):
		return "not stored"
	}
	return "the error " + err.Error()
}

// exchange lets the liar answer what the engine asks, until it asks no more.
func (l *lied) exchange() {
	l.t.Helper()
	for {
		l.e.Flush(&l.out)
		if l.out.Len() == 0 {
			return
		}
		l.now = l.now.Add(time.Millisecond)
		for i := range l.out.Len() {
			to, d := l.out.At(i)
			if to != liar.Addr && to != nobodyAt4 && to != nobodyAt6 {
				l.t.Errorf("a datagram to %v, want none there", to)
			}
			if kind, msg, body, err := wire.Header(d); to == liar.Addr && kind == wire.KindRequest && err == nil {
				l.answer(msg, body)
			}
		}
	}
}

func (l *lied) answer(msg wire.MsgID, body []byte) {
	l.t.Helper()
	var r wire.Request
	if err := wire.NewParser().Request(body, &r); err != nil {
		l.t.Errorf("request %x: %v", body, err)
		return
	}
	send := func(kind byte, body []byte) {
		l.e.Receive(l.now, liar.Addr, append(append([]byte{kind}, msg[:]...), body...))
	}
	switch {
	case r.Method.String() == l.c.RPC:
		for _, a := range l.c.Answers {
			send(a.Type, a.Body)
		}
	case r.Method == wire.Ping:
		send(1, append([]byte{0xc4, 20}, liar.ID[:]...))
	case r.Method == wire.Store:
		send(1, []byte{0xc3})
	default:
		send(1, []byte{0x90})
	}
}

// checkTable checks that the liar, and nobody else, is a contact: it answers, if
// badly. It is not if it does not say who it is.
func (l *lied) checkTable() {
	l.t.Helper()
	want := []Contact{liar}
	if l.c.RPC == "ping" && l.c.Name != "bootstrap, ping answered with an id" {
		want = nil
	}
	if got := l.e.Contacts(); fmt.Sprint(got) != fmt.Sprint(want) {
		l.t.Errorf("contacts %v, want %v", got, want)
	}
	for i := range l.e.table.buckets {
		for _, p := range withContacts(&l.e.table, l.e.table.buckets[i].replacements) {
			if !canKeep(p.Addr) {
				l.t.Errorf("replacement at %v, want none there", p.Addr)
			}
		}
	}
}
