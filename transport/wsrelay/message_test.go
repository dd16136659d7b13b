package wsrelay

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
		b = appendDatagram(b, d.addr, []byte(d.payload))
		if got := len(b) - before; got > datagramLen(len(d.payload)) {
			t.Errorf("datagram of %d bytes takes %d, more than datagramLen", len(d.payload), got)
		}
	}
	var got []datagram
	for rest := b[1:]; len(rest) > 0; {
		addr, payload, r, err := nextDatagram(rest)
		if err != nil {
			t.Fatal(err)
		}
		got, rest = append(got, datagram{addr, string(payload)}), r
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %d datagrams back, or other ones, want %d", len(got), len(want))
	}
	if one := appendDatagram(nil, v6, make([]byte, MaxDatagram)); len(one) > maxMessage {
		t.Errorf("the longest datagram takes a message of %d bytes, more than %d", len(one), maxMessage)
	}
}

func TestControlMessagesRoundTrip(t *testing.T) {
	h := hello{family: 6, token: "secret", resume: strings.Repeat("r", 255)}
	if got, v, err := decodeHello(h.encode()[1:]); err != nil || v != version || got != h {
		t.Errorf("hello = %v, version %d, %v, want %v", got, v, err, h)
	}
	w := welcome{
		lent: v4, grace: time.Minute, maxDatagram: MaxDatagram, newPerMinute: 1200,
		resume: "0123456789abcdef", bootstrap: []netip.AddrPort{v6, v4},
	}
	if got, v, err := decodeWelcome(w.encode()[1:]); err != nil || v != version || !reflect.DeepEqual(got, w) {
		t.Errorf("welcome = %v, version %d, %v, want %v", got, v, err, w)
	}
	r := restarting{reconnectIn: 1500 * time.Millisecond, tryFor: time.Minute}
	if got, err := decodeRestarting(r.encode()[1:]); err != nil || got != r {
		t.Errorf("restarting = %v, %v, want %v", got, err, r)
	}
	full := Errorf(CodeFull, "no port is free")
	if got, err := decodeError(full.encode()[1:]); err != nil || *got != *full {
		t.Errorf("error = %v, %v, want %v", got, err, full)
	}
	var counts [DropReasons]uint64
	sent := [DropReasons]uint32{DropRate: 7, DropQueue: 1 << 31}
	if err := decodeDrops(encodeDrops(&sent)[1:], &counts); err != nil || counts[DropRate] != 7 || counts[DropQueue] != 1<<31 {
		t.Errorf("drops = %v, %v, want %v", counts, err, sent)
	}
}

// Each message, cut short or with a byte too many, is malformed, and so is an
// address that no datagram could have.
func TestMalformedMessages(t *testing.T) {
	w := welcome{lent: v4, bootstrap: []netip.AddrPort{v6}}
	decoders := map[string]struct {
		message []byte
		decode  func([]byte) error
	}{
		"datagram":   {appendDatagram(nil, v6, []byte("payload")), func(b []byte) error { _, _, _, err := nextDatagram(b); return err }},
		"hello":      {(&hello{token: "t", resume: "r"}).encode(), func(b []byte) error { _, _, err := decodeHello(b); return err }},
		"welcome":    {w.encode(), func(b []byte) error { _, _, err := decodeWelcome(b); return err }},
		"restarting": {(&restarting{}).encode(), func(b []byte) error { _, err := decodeRestarting(b); return err }},
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
		if _, _, _, err := nextDatagram(append([]byte{0, 0}, addr...)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzMessage(f *testing.F) {
	w := welcome{lent: v4, grace: time.Minute, resume: "token", bootstrap: []netip.AddrPort{v6}}
	f.Add(appendDatagram(appendDatagram(nil, v4, []byte("a")), v6, []byte("b")))
	f.Add((&hello{token: "t", resume: "r"}).encode())
	f.Add(w.encode())
	f.Add((&restarting{reconnectIn: time.Second, tryFor: time.Minute}).encode())
	f.Add(Errorf(CodeSlow, "too slow").encode())
	f.Add(encodeDrops(&[DropReasons]uint32{1, 2, 3}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		// What decodes, encodes to the same bytes: there is one form of each.
		rest := b[1:]
		switch kind(b[0]) {
		case kindDatagrams:
			var again []byte
			for len(rest) > 0 {
				a, payload, r, err := nextDatagram(rest)
				if err != nil {
					return
				}
				again, rest = appendDatagram(again, a, payload), r
			}
			if len(again) > 0 && !bytes.Equal(again, b) {
				t.Errorf("datagrams %x come back as %x", b, again)
			}
		case kindHello:
			if h, v, err := decodeHello(rest); err == nil && v == version && !bytes.Equal(h.encode(), b) {
				t.Errorf("hello %x comes back as %x", b, h.encode())
			}
		case kindWelcome:
			if w, v, err := decodeWelcome(rest); err == nil && v == version && !bytes.Equal(w.encode(), b) {
				t.Errorf("welcome %x comes back as %x", b, w.encode())
			}
		case kindRestarting:
			if r, err := decodeRestarting(rest); err == nil && !bytes.Equal(r.encode(), b) {
				t.Errorf("restarting %x comes back as %x", b, r.encode())
			}
		case kindError:
			decodeError(rest)
		case kindDrops:
			decodeDrops(rest, new([DropReasons]uint64))
		}
	})
}
