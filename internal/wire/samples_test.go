package wire

import (
	"crypto/sha1"
	"encoding/binary"
	"net/netip"
)

// testID returns the nth of a row of ids that have nothing in common.
func testID(n int) ID {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return sha1.Sum(b[:])
}

// testContacts returns n contacts, with ports of every length; every fourth has
// an IPv6 address if mixed.
func testContacts(n int, mixed bool) []Contact {
	ports := []uint16{1, 127, 128, 255, 256, 4000, 65535}
	list := make([]Contact, n)
	for i := range list {
		ip := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
		if mixed && i%4 == 3 {
			ip = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 14: byte(i), 15: 1})
		}
		list[i] = Contact{ID: testID(i), Addr: netip.AddrPortFrom(ip, ports[i%len(ports)])}
	}
	return list
}

// sampleRequests returns one request of each method.
func sampleRequests() []Request {
	list := make([]Request, Methods)
	for m := range Methods {
		r := Request{Msg: testID(100), Method: m}
		if m != Stun {
			r.Sender = testID(1)
		}
		if m != Stun && m != Ping {
			r.Target = testID(2)
		}
		if m == Store {
			r.Value = []byte("\xadhello, world!")
		}
		list[m] = r
	}
	return list
}

// sampleAnswer is an answer as a function that writes it.
type sampleAnswer struct {
	name   string
	method Method
	want   Answer // what parsing it gives, without the trailer
	write  func(w *Writer, dst []byte, t *Trailer) []byte
}

// sampleAnswers returns answers of each kind to each method.
func sampleAnswers() []sampleAnswer {
	msg, id := testID(100), testID(1)
	contacts := func(name string, m Method, list []Contact) sampleAnswer {
		return sampleAnswer{name, m, Answer{Contacts: list},
			func(w *Writer, dst []byte, t *Trailer) []byte { return w.Contacts(dst, &msg, list, t) }}
	}
	value := func(name string, v []byte) sampleAnswer {
		return sampleAnswer{name, FindValue, Answer{Value: v},
			func(w *Writer, dst []byte, t *Trailer) []byte { return w.Value(dst, &msg, v, t) }}
	}
	stored := func(name string, ok bool) sampleAnswer {
		return sampleAnswer{name, Store, Answer{Stored: ok},
			func(w *Writer, dst []byte, t *Trailer) []byte { return w.Stored(dst, &msg, ok, t) }}
	}
	stun := func(name, addr string) sampleAnswer {
		from := netip.MustParseAddrPort(addr)
		return sampleAnswer{name, Stun, Answer{Addr: netip.AddrPortFrom(from.Addr().Unmap(), from.Port())},
			func(w *Writer, dst []byte, t *Trailer) []byte { return w.Stun(dst, &msg, from, t) }}
	}
	long := make([]byte, 1+2+8137)
	copy(long, "\xc5\x1f\xc9")
	return []sampleAnswer{
		{"pong", Ping, Answer{ID: id},
			func(w *Writer, dst []byte, t *Trailer) []byte { return w.Pong(dst, &msg, &id, t) }},
		stored("stored", true),
		stored("not stored", false),
		contacts("no contacts", FindNode, []Contact{}),
		contacts("1 contact", FindNode, testContacts(1, false)),
		contacts("20 contacts", FindNode, testContacts(20, false)),
		contacts("20 contacts, some IPv6", FindNode, testContacts(20, true)),
		contacts("no value", FindValue, testContacts(20, false)),
		value("short value", []byte("\xadhello, world!")),
		value("longest value", long),
		stun("stun", "192.0.2.2:8469"),
		stun("stun IPv6", "[2001:db8::2]:1"),
		stun("stun mapped", "[::ffff:192.0.2.2]:65535"),
	}
}
