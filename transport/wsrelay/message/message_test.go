package message

import (
	"bytes"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

var (
	v4 = netip.MustParseAddrPort("192.0.2.7:8468")
	v6 = netip.MustParseAddrPort("[2001:db8::7]:65535")
)

func TestDatagramsRoundTrip(t *testing.T) {
	type datagram struct {
		addr    netip.AddrPort
		payload string
	}
	want := []datagram{{v4, "first"}, {v6, ""}, {v4, strings.Repeat("x", MaxDatagram)}}
	var b []byte
	for _, d := range want {
		before := len(b)
		b = AppendDatagram(b, d.addr, []byte(d.payload))
		if got := len(b) - before; got > DatagramLen(len(d.payload)) {
			t.Errorf("datagram of %d bytes takes %d, more than datagramLen", len(d.payload), got)
		}
	}
	var got []datagram
	for rest := b[1:]; len(rest) > 0; {
		addr, payload, r, err := NextDatagram(rest)
		if err != nil {
			t.Fatal(err)
		}
		got, rest = append(got, datagram{addr, string(payload)}), r
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %d datagrams back, or other ones, want %d", len(got), len(want))
	}
	if one := AppendDatagram(nil, v6, make([]byte, MaxDatagram)); len(one) > MaxLen {
		t.Errorf("the longest datagram takes a message of %d bytes, more than %d", len(one), MaxLen)
	}
}

func TestControlMessagesRoundTrip(t *testing.T) {
	h := Hello{Family: 6, Token: "secret", Resume: strings.Repeat("r", 255)}
	if got, v, err := DecodeHello(h.Encode()[1:]); err != nil || v != Version || got != h {
		t.Errorf("hello = %v, version %d, %v, want %v", got, v, err, h)
	}
	w := Welcome{
		Lent: v4, Grace: time.Minute, MaxDatagram: MaxDatagram, NewPerMinute: 1200,
		Resume: "0123456789abcdef", Bootstrap: []netip.AddrPort{v6, v4},
	}
	if got, v, err := DecodeWelcome(w.Encode()[1:]); err != nil || v != Version || !reflect.DeepEqual(got, w) {
		t.Errorf("welcome = %v, version %d, %v, want %v", got, v, err, w)
	}
	r := Restarting{ReconnectIn: 1500 * time.Millisecond, TryFor: time.Minute}
	if got, err := DecodeRestarting(r.Encode()[1:]); err != nil || got != r {
		t.Errorf("restarting = %v, %v, want %v", got, err, r)
	}
	full := Errorf(CodeFull, "no port is free")
	if got, err := DecodeError(full.Encode()[1:]); err != nil || *got != *full {
		t.Errorf("error = %v, %v, want %v", got, err, full)
	}
	var counts [DropReasons]uint64
	sent := [DropReasons]uint32{DropRate: 7, DropQueue: 1 << 31}
	err := DecodeDrops(EncodeDrops(&sent)[1:], &counts)
	if err != nil || counts[DropRate] != 7 || counts[DropQueue] != 1<<31 {
		t.Errorf("drops = %v, %v, want %v", counts, err, sent)
	}
}

// The codes are those of docs/relay-protocol.md: clients and relays of all versions
// agree on them.
func TestCodesOfTheProtocol(t *testing.T) {
	codes := []Code{CodeMalformed, CodeVersion, CodeToken, CodeFull, CodePerIP, CodeReplaced, CodeSlow}
	for i, got := range codes {
		if want := Code(i + 1); got != want {
			t.Errorf("code %d of the table is %d", want, got)
		}
	}
	kinds := []Kind{KindDatagrams, KindHello, KindWelcome, KindRestarting, KindError, KindDrops}
	for i, got := range kinds {
		if want := Kind(i); got != want {
			t.Errorf("type %d of the table is %d", want, got)
		}
	}
	drops := []Drop{DropDestination, DropNotRPC, DropNewDestinations, DropSilent, DropRate, DropQueue, DropSystem}
	for i, got := range drops {
		if want := Drop(i); got != want {
			t.Errorf("drop reason %d of the table is %d", want, got)
		}
	}
}

// Each message, cut short or with a byte too many, is malformed, and so is an
// address that no datagram could have.
func TestMalformedMessages(t *testing.T) {
	w := Welcome{Lent: v4, Bootstrap: []netip.AddrPort{v6}}
	nextError := func(b []byte) error { _, _, _, err := NextDatagram(b); return err }
	helloError := func(b []byte) error { _, _, err := DecodeHello(b); return err }
	decoders := map[string]struct {
		message []byte
		decode  func([]byte) error
	}{
		"datagram":   {AppendDatagram(nil, v6, []byte("payload")), nextError},
		"hello":      {(&Hello{Token: "t", Resume: "r"}).Encode(), helloError},
		"welcome":    {w.Encode(), func(b []byte) error { _, _, err := DecodeWelcome(b); return err }},
		"restarting": {(&Restarting{}).Encode(), func(b []byte) error { _, err := DecodeRestarting(b); return err }},
	}
	for name, d := range decoders {
		b := d.message[1:]
		for n := range b {
			if d.decode(b[:n]) == nil {
				t.Errorf("%s cut to %d of %d bytes is accepted", name, n, len(b))
			}
		}
		if name != "datagram" && d.decode(append(bytes.Clone(b), 0)) == nil {
			t.Errorf("%s with a byte too many is accepted", name)
		}
	}
	for name, addr := range map[string][]byte{
		"port 0":     {4, 1, 2, 3, 4, 0, 0},
		"family 5":   {5, 1, 2, 3, 4, 1, 1},
		"mapped":     append(append([]byte{6}, netip.MustParseAddr("::ffff:1.2.3.4").AsSlice()...), 1, 1),
		"no address": {},
	} {
		if _, _, _, err := NextDatagram(append([]byte{0, 0}, addr...)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzMessage(f *testing.F) {
	w := Welcome{Lent: v4, Grace: time.Minute, Resume: "token", Bootstrap: []netip.AddrPort{v6}}
	f.Add(AppendDatagram(AppendDatagram(nil, v4, []byte("a")), v6, []byte("b")))
	f.Add((&Hello{Token: "t", Resume: "r"}).Encode())
	f.Add(w.Encode())
	f.Add((&Restarting{ReconnectIn: time.Second, TryFor: time.Minute}).Encode())
	f.Add(Errorf(CodeSlow, "too slow").Encode())
	f.Add(EncodeDrops(&[DropReasons]uint32{1, 2, 3}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		// A decoded message encodes to the same bytes: there is one form of each.
		rest := b[1:]
		switch Kind(b[0]) {
		case KindDatagrams:
			var again []byte
			for len(rest) > 0 {
				a, payload, r, err := NextDatagram(rest)
				if err != nil {
					return
				}
				again, rest = AppendDatagram(again, a, payload), r
			}
			if len(again) > 0 && !bytes.Equal(again, b) {
				t.Errorf("datagrams %x come back as %x", b, again)
			}
		case KindHello:
			if h, v, err := DecodeHello(rest); err == nil && v == Version && !bytes.Equal(h.Encode(), b) {
				t.Errorf("hello %x comes back as %x", b, h.Encode())
			}
		case KindWelcome:
			if w, v, err := DecodeWelcome(rest); err == nil && v == Version && !bytes.Equal(w.Encode(), b) {
				t.Errorf("welcome %x comes back as %x", b, w.Encode())
			}
		case KindRestarting:
			if r, err := DecodeRestarting(rest); err == nil && !bytes.Equal(r.Encode(), b) {
				t.Errorf("restarting %x comes back as %x", b, r.Encode())
			}
		case KindError:
			DecodeError(rest)
		case KindDrops:
			DecodeDrops(rest, new([DropReasons]uint64))
		}
	})
}
