//go:build !js

package wsrelay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

var lentB = netip.MustParseAddrPort("198.51.100.2:40000")

// A client whose connection breaks comes back soon with its token, and gets its address
// again. Only datagrams written meanwhile are lost.
func TestResume(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := newFakeNet(t)
		r := n.relay("relay:80")
		cfg, states := watched(n.config("relay:80"))
		go r.welcome(v4)
		c := dialFake(t, cfg)
		s := <-r.welcomed
		next(t, states, Connected)
		s.send(messageOf(datagram{v6, "before"}))
		synctest.Wait()
		start := time.Now()
		s.breakOff()
		lost := next(t, states, Lost)
		if lost.Reason == nil || lost.Retry >= 500*time.Millisecond || lost.Addr != v4 {
			t.Errorf("lost = %v, want with a reason, the address, and a retry within 500ms", lost)
		}
		if n, err := c.WriteBatch([][]byte{nil, nil}, []netip.AddrPort{v4, v4}); n != 0 || !errors.Is(err, errOffline) {
			t.Errorf("WriteBatch while lost = %d, %v, want 0, %v", n, err, errOffline)
		}
		again := r.session()
		if took := time.Since(start); took != lost.Retry {
			t.Errorf("came back after %v, want %v", took, lost.Retry)
		}
		if want := "resume " + v4.String(); again.hello.Resume != want {
			t.Errorf("token = %q, want %q", again.hello.Resume, want)
		}
		again.send((&message.Welcome{Lent: v4, MaxDatagram: 9000, Resume: "next"}).Encode())
		if st := next(t, states, Connected); !st.Resumed || st.Changed {
			t.Errorf("state = %v, want resumed", st)
		}
		write(t, c, v6, "after")
		if got := datagrams(t, again.read()); len(got) != 1 || got[0].payload != "after" {
			t.Errorf("relay got %v, want only what was written after", got)
		}
		if got := read(t, c, 9); len(got) != 1 || got[0].payload != "before" {
			t.Errorf("client got %v, want what came before", got)
		}
		st := c.Stats()
		if st.Connected != 2 || st.Resumed != 1 || st.Dropped.Offline != 2 {
			t.Errorf("stats = %+v, want 2 connections, 1 resumed, 2 dropped", st)
		}
	})
}

// If the relay has lent the port to somebody else, or has forgotten, the address
// is another one.
func TestAddressChange(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := newFakeNet(t)
		r := n.relay("relay:80")
		cfg, states := watched(n.config("relay:80"))
		go r.welcome(v4)
		c := dialFake(t, cfg)
		(<-r.welcomed).breakOff()
		next(t, states, Lost)
		r.welcome(lentB)
		if st := next(t, states, Connected); st.Resumed || !st.Changed || st.Addr != lentB {
			t.Errorf("state = %v, want changed to %v", st, lentB)
		}
		if c.LocalAddr() != lentB {
			t.Errorf("LocalAddr = %v, want %v", c.LocalAddr(), lentB)
		}
	})
}

// A relay that does not come back is tried for a short while, then the next one
// is, and with another address the node goes on. A third one is never asked.
func TestSecondRelayTakesOver(t *testing.T) {
	for _, how := range []string{"refused", "dead"} {
		t.Run(how, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				n := newFakeNet(t)
				a, b := n.relay("a:80"), n.relay("b:80")
				n.relay("c:80")
				cfg, states := watched(n.config("a:80", "b:80", "c:80"))
				go a.welcome(v4)
				c := dialFake(t, cfg)
				time.Sleep(10 * time.Second)
				a.stop()
				n.kill("a:80", how == "dead")
				start := time.Now()
				(<-a.welcomed).breakOff()
				s := b.welcome(lentB)
				if took := time.Since(start); took < 5*time.Second || took > 15*time.Second {
					t.Errorf("moved on after %v, want not before 5s", took)
				}
				if s.hello.Resume != "" {
					t.Errorf("second relay was told the first one's token %q", s.hello.Resume)
				}
				if s.hello.Family != 4 {
					t.Errorf("second relay was asked for family %d, want 4, that of the first address", s.hello.Family)
				}
				next(t, states, Connected)
				if st := next(t, states, Connected); !st.Changed || st.Relay != "ws://b:80/relay" || c.LocalAddr() != lentB {
					t.Errorf("state = %v, want changed, at b", st)
				}
			})
		})
	}
}

// A client that has been elsewhere asks for the port that it had.
func TestBackToTheFirstRelay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := newFakeNet(t)
		a, b := n.relay("a:80"), n.relay("b:80")
		go a.welcome(v4)
		dialFake(t, n.config("a:80", "b:80"))
		(<-a.welcomed).breakOff() // soon after the welcome: not tried again
		b.welcome(lentB).breakOff()
		if s, want := a.session(), "resume "+v4.String(); s.hello.Resume != want {
			t.Errorf("token = %q, want %q", s.hello.Resume, want)
		}
	})
}

// Only after all relays have refused is there a wait, which grows, is random, and
// has an end. Nothing makes the client give up.
func TestRelaysAreTriedForever(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := newFakeNet(t)
		a := n.relay("a:80")
		cfg, states := watched(n.config("a:80", "b:80", "c:80"))
		go a.welcome(v4)
		dialFake(t, cfg)
		time.Sleep(10 * time.Second)
		a.stop()
		start := time.Now()
		(<-a.welcomed).breakOff()
		var tried strings.Builder
		var waits []time.Duration
		for range 60 {
			st := next(t, states, Lost)
			tried.WriteByte(st.Relay[len("ws://")])
			if time.Since(start) > 15*time.Second && st.Retry > 0 {
				waits = append(waits, st.Retry)
			}
		}
		if order := strings.TrimLeft(tried.String(), "a"); !strings.HasPrefix(order, strings.Repeat("bca", 15)) {
			t.Errorf("tried %s, want a for a while and then all in turn", tried.String())
		}
		for i, w := range waits {
			if w >= 30*time.Second {
				t.Errorf("wait = %v, want less than 30s", w)
			}
			if i > 0 && w == waits[i-1] {
				t.Errorf("waited %v twice in a row, want random times", w)
			}
		}
		if len(waits) < 10 || len(waits) > 20 {
			t.Errorf("%d waits, want one after each round", len(waits))
		}
		n.relay("c:80").welcome(lentB)
		next(t, states, Connected)
	})
}

// A relay that announces its restart is waited for as long as it says, even if
// there are others.
func TestRestarting(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := newFakeNet(t)
		a, b := n.relay("a:80"), n.relay("b:80")
		cfg, states := watched(n.config("a:80", "b:80"))
		go a.welcome(v4)
		dialFake(t, cfg)
		s := <-a.welcomed
		a.stop()
		start := time.Now()
		s.send((&message.Restarting{ReconnectIn: 8 * time.Second, TryFor: 30 * time.Second}).Encode())
		synctest.Wait()
		time.Sleep(2 * time.Second)
		s.breakOff()
		if lost := next(t, states, Lost); lost.Retry < 6*time.Second || lost.Retry >= 6*time.Second+500*time.Millisecond {
			t.Errorf("retry in %v, want in 6 to 6.5s", lost.Retry)
		}
		next(t, states, Connecting)
		if took := time.Since(start); took < 8*time.Second {
			t.Errorf("came back after %v, want not before 8s", took)
		}
		time.Sleep(15 * time.Second) // the restart takes longer than planned
		a = n.relay("a:80")
		if s := a.welcome(v4); s.hello.Resume != "resume "+v4.String() {
			t.Errorf("token = %q, want that of before", s.hello.Resume)
		}
		if st := next(t, states, Connected); !st.Resumed {
			t.Errorf("state = %v, want resumed", st)
		}

		s = <-a.welcomed
		s.send((&message.Restarting{ReconnectIn: time.Second, TryFor: 10 * time.Second}).Encode())
		synctest.Wait()
		a.stop()
		start = time.Now()
		s.breakOff()
		b.welcome(lentB)
		if took := time.Since(start); took < 10*time.Second || took > 60*time.Second {
			t.Errorf("gave up the first relay after %v, want not before 11s", took)
		}
	})
}

// A relay that wants to be waited for longer than makes sense is left for
// another one, or else tried earlier.
func TestRestartingTooLong(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := newFakeNet(t)
		a, b := n.relay("a:80"), n.relay("b:80")
		go a.welcome(v4)
		dialFake(t, n.config("a:80", "b:80"))
		time.Sleep(10 * time.Second)
		s := <-a.welcomed
		s.send((&message.Restarting{ReconnectIn: 1 << 31 * time.Millisecond, TryFor: 1 << 31 * time.Millisecond}).Encode())
		synctest.Wait()
		a.stop()
		s.breakOff()
		start := time.Now()
		b.welcome(lentB)
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("moved on after %v, want soon", took)
		}
		one := relays{list: make([]relay, 1), backoff: newBackoff(rand.NewPCG(1, 2))}
		now := time.Now()
		if d := one.ended(now, ending{err: errBroken, back: now.Add(time.Hour)}); d > 30*time.Second+500*time.Millisecond {
			t.Errorf("the only relay is tried again in %v, want at most 30.5s", d)
		}
		two := relays{list: make([]relay, 2), backoff: newBackoff(rand.NewPCG(1, 2))}
		two.ended(now, ending{err: errBroken, back: now.Add(time.Second), tryFor: time.Hour})
		if two.ended(now.Add(3*time.Minute), ending{err: errBroken}); two.at != 1 {
			t.Error("the relay is tried for more than two minutes, want the other one")
		}
	})
}

func TestErrorCodes(t *testing.T) {
	tests := []struct {
		code message.Code
		move bool // at once to the other relay
	}{
		{message.CodeMalformed, true}, {message.CodeVersion, true}, {message.CodeToken, true},
		{message.CodeFull, true}, {message.CodePerIP, true}, {message.CodeSlow, false}, {99, true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.code), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				n := newFakeNet(t)
				a, b := n.relay("a:80"), n.relay("b:80")
				cfg, states := watched(n.config("a:80", "b:80"))
				go a.welcome(v4)
				dialFake(t, cfg)
				time.Sleep(10 * time.Second)
				text := "a text\xff" + strings.Repeat("x", 60000)
				(<-a.welcomed).send(message.Errorf(tt.code, "%s", text).Encode())
				lost := next(t, states, Lost)
				var e *message.Error
				if !errors.As(lost.Reason, &e) || e.Code != tt.code || !strings.HasPrefix(e.Text, "a textxx") {
					t.Errorf("reason = %v, want the relay's error in valid UTF-8", lost.Reason)
				} else if len(e.Text) > 512 {
					t.Errorf("%d bytes of the relay's text are kept, want at most 512", len(e.Text))
				}
				if moved := lost.Retry == 0; moved != tt.move {
					t.Errorf("retry in %v, want moved = %v", lost.Retry, tt.move)
				}
				if tt.move {
					b.welcome(lentB)
				} else {
					a.welcome(v4)
				}
				next(t, states, Connected)
			})
		})
	}
}

// A client that was replaced must not take the session back.
func TestReplaced(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := newFakeNet(t)
		a := n.relay("a:80")
		n.relay("b:80")
		cfg, states := watched(n.config("a:80", "b:80"))
		go a.welcome(v4)
		c := dialFake(t, cfg)
		(<-a.welcomed).send(message.Errorf(message.CodeReplaced, "resumed from elsewhere").Encode())
		if st := next(t, states, Stopped); !hasCode(st.Reason, message.CodeReplaced) {
			t.Errorf("reason = %v, want replaced", st.Reason)
		}
		reading := make(chan error)
		go func() {
			_, err := c.ReadBatch([][]byte{nil}, make([]int, 1), make([]netip.AddrPort, 1))
			reading <- err
		}()
		c.Wake()
		time.Sleep(time.Hour)
		select {
		case s := <-states:
			t.Errorf("state = %v an hour later, want none", s)
		case err := <-reading:
			t.Errorf("ReadBatch = %v, want it to wait", err)
		default:
		}
		c.Close()
		if err := <-reading; err != ErrClosed {
			t.Errorf("ReadBatch = %v, want %v", err, ErrClosed)
		}
	})
}

// Dial returns a final error at once, and otherwise tries until its context ends.
func TestDialFails(t *testing.T) {
	tests := []struct {
		name    string
		a, b    []byte // what the relays answer; nil: there is none
		want    string
		code    message.Code
		forever bool
	}{
		{"token", message.Errorf(message.CodeToken, "members only").Encode(), message.Errorf(message.CodeVersion, "too new").Encode(),
			"connect to a relay: ws://a:80/relay: relay: members only (code 3); ws://b:80/relay: relay: too new (code 2)", message.CodeToken, false},
		{"version", (&message.Welcome{Lent: v4}).Encode()[:1], append([]byte{byte(message.KindWelcome), 9}, "later"...),
			"no relay after 60 s: ws://a:80/relay: message of type 2: malformed message; " +
				"ws://b:80/relay: the relay speaks another version of the protocol: 9, not 1", 0, true},
		{"full", message.Errorf(message.CodeFull, "no port").Encode(), nil,
			"no relay after 60 s: ws://a:80/relay: relay: no port (code 4); ws://b:80/relay: connection refused", message.CodeFull, true},
		{"nobody", nil, nil,
			"no relay after 60 s: ws://a:80/relay: connection refused; ws://b:80/relay: connection refused", 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				n := newFakeNet(t)
				for addr, answer := range map[string][]byte{"a:80": tt.a, "b:80": tt.b} {
					if answer != nil {
						r := n.relay(addr)
						r.answer = func(s *fakeSession) { s.send(answer) }
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				_, err := Dial(ctx, n.config("a:80", "b:80"))
				var e *message.Error
				if err == nil || err.Error() != tt.want {
					t.Errorf("Dial = %v, want %s", err, tt.want)
				}
				if errors.As(err, &e) && e.Code != tt.code || e == nil && tt.code != 0 {
					t.Errorf("Dial = %v, want code %d", err, tt.code)
				}
				if errors.Is(err, context.DeadlineExceeded) != tt.forever || (time.Since(start) == time.Minute) != tt.forever {
					t.Errorf("Dial ended after %v, %v, want it to wait = %v", time.Since(start), err, tt.forever)
				}
			})
		})
	}
}

func TestDialRefusesConfig(t *testing.T) {
	for _, cfg := range []Config{
		{},
		{Relays: []string{"relay.example"}},
		{Relays: []string{"udp://relay.example"}},
		{Relays: []string{"wss:///relay"}},
		{Relays: []string{"wss://ok", ""}},
		{Relays: []string{"wss://ok"}, Token: strings.Repeat("x", 256)},
		{Relays: []string{"wss://ok"}, Family: 5},
	} {
		if _, err := Dial(t.Context(), cfg); err == nil {
			t.Errorf("Dial(%q, family %d) = nil, want an error", cfg.Relays, cfg.Family)
		}
	}
}

// A relay must say something at least every minute; its pings are enough.
func TestSilence(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, s, states := pair(t)
		go s.read() // for the pongs
		for range 100 {
			time.Sleep(25 * time.Second)
			if err := s.ws.Ping(t.Context()); err != nil {
				t.Fatalf("ping = %v, want nil", err)
			}
		}
		if p := c.State().Phase; p != Connected {
			t.Fatalf("phase = %v, want connected: the relay pings", p)
		}
		start := time.Now()
		if lost := next(t, states, Lost); time.Since(start) != time.Minute || !errors.Is(lost.Reason, errSilent) {
			t.Errorf("lost after %v, %v, want after 1m of silence", time.Since(start), lost.Reason)
		}
	})
}

// A relay that takes connections and says nothing is left.
func TestNoWelcome(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := newFakeNet(t)
		n.relay("a:80")
		b := n.relay("b:80")
		go b.welcome(v4)
		start := time.Now()
		dialFake(t, n.config("a:80", "b:80"))
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("moved on after %v, want 10s", took)
		}
	})
}

// Wake makes a client that waits try at once, and one that has heard nothing for
// long connect anew.
func TestWake(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := newFakeNet(t)
		r := n.relay("relay:80")
		cfg, states := watched(n.config("relay:80"))
		go r.welcome(v4)
		c := dialFake(t, cfg)
		c.Wake()
		synctest.Wait()
		if p := c.State().Phase; p != Connected {
			t.Fatalf("phase = %v, want connected: the relay was just heard", p)
		}
		s := <-r.welcomed
		go s.ends()
		time.Sleep(25 * time.Second)
		s.ws.Ping(t.Context())
		time.Sleep(35 * time.Second)
		c.Wake()
		if lost := next(t, states, Lost); !errors.Is(lost.Reason, errSilent) {
			t.Errorf("reason = %v, want %v", lost.Reason, errSilent)
		}
		start := time.Now()
		r.welcome(v4)
		if took := time.Since(start); took != 0 {
			t.Errorf("came back after %v, want at once", took)
		}
		next(t, states, Connected)

		r.stop()
		(<-r.welcomed).breakOff()
		for next(t, states, Lost).Retry < time.Second {
		}
		r = n.relay("relay:80")
		start = time.Now()
		c.Wake()
		r.welcome(v4)
		if took := time.Since(start); took != 0 {
			t.Errorf("came back after %v, want at once", took)
		}
	})
}

// A malformed message ends the connection and is counted, and the client comes back.
func TestMalformedFromRelay(t *testing.T) {
	good := (&message.Welcome{Lent: v4, MaxDatagram: 1}).Encode()
	tests := map[string][][]byte{
		"empty":                  {{}},
		"datagrams first":        {messageOf(datagram{v4, "x"})},
		"hello first":            {(&message.Hello{}).Encode()},
		"unknown first":          {{200, 1}},
		"short welcome":          {good[:len(good)-1]},
		"two welcomes":           {good, good},
		"hello":                  {good, (&message.Hello{}).Encode()},
		"empty later":            {good, {}},
		"half a datagram":        {good, messageOf(datagram{v4, "x"})[:5]},
		"a datagram and a half":  {good, append(messageOf(datagram{v4, "x"}), 0)},
		"mapped address":         {good, append([]byte{0, 0, 0, 6}, append(make([]byte, 10), 255, 255, 1, 2, 3, 4, 5, 6)...)},
		"short restarting":       {good, {byte(message.KindRestarting), 1}},
		"error without a code":   {good, {byte(message.KindError)}},
		"drops without a number": {good, {byte(message.KindDrops), 1}},
	}
	for name, messages := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				n := newFakeNet(t)
				r := n.relay("relay:80")
				cfg, states := watched(n.config("relay:80"))
				go func() {
					s := r.session()
					for _, m := range messages {
						s.send(m)
					}
					s.ends()
					r.welcome(v4)
				}()
				c := dialFake(t, cfg)
				if lost := next(t, states, Lost); !errors.Is(lost.Reason, message.ErrMalformed) {
					t.Errorf("reason = %v, want malformed", lost.Reason)
				}
				<-r.welcomed
				if n := c.Stats().Malformed; n != 1 {
					t.Errorf("malformed = %d, want 1", n)
				}
			})
		})
	}
}

// Messages of a later version are ignored, and drops reported by relays are counted.
func TestOtherMessages(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, s, _ := pair(t)
		s.send([]byte{200, 1, 2, 3})
		s.send([]byte{byte(message.KindDrops), 77, 0, 0, 0, 1})
		s.send(message.EncodeDrops(&[message.DropReasons]uint32{message.DropRate: 2, message.DropQueue: 3}))
		s.send(message.EncodeDrops(&[message.DropReasons]uint32{message.DropRate: 5}))
		s.send([]byte{byte(message.KindDatagrams)})
		s.send(messageOf(datagram{v4, "x"}))
		read(t, c, 1)
		if got, want := c.Stats().Refused, ([message.DropReasons]uint64{message.DropRate: 7, message.DropQueue: 3}); got != want {
			t.Errorf("refused = %v, want %v", got, want)
		}
	})
}
