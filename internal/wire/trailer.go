package wire

import "time"

// Caps are the properties of a node, stated in each of its trailers.
type Caps uint64

const (
	// CapClient: the sender leaves soon and serves no requests. It does not belong in a
	// routing table.
	CapClient Caps = 1 << iota
	// CapIPv4 and CapIPv6: the sender can reach contacts of that family.
	CapIPv4
	CapIPv6
	// CapDirect: the sender accepts direct paths (docs/webrtc.md).
	CapDirect
)

// Trailer is the map that extended nodes append to the body. Its keys are small
// integers, and unknown keys are skipped, so that it can grow. A datagram without a
// trailer comes from an older node.
type Trailer struct {
	Present bool
	// Caps is key 0.
	Caps Caps
	// Sender is key 1, in answers: the id of the answering node, since most bodies lack
	// it. Zero when absent.
	Sender ID
	// Life reports whether Age and TTL are present: keys 2 and 3, beside a value. Age is
	// the time since its publication, TTL its lifetime from then, both in whole seconds
	// on the wire.
	Life bool
	Age  time.Duration
	TTL  time.Duration
}

// Keys of the trailer map.
const (
	keyCaps = iota
	keySender
	keyAge
	keyTTL
)

// maxTrailer is the longest encoding of a Trailer, in bytes.
const maxTrailer = 1 + 10 + 23 + 10 + 10

// maxLife is the longest age or TTL. Longer ones are cut.
const maxLife = 10 * 365 * 24 * time.Hour

// readTrailer reads the trailer at the reader's position. A malformed trailer counts as
// absent.
func (p *Parser) readTrailer() Trailer {
	t := Trailer{Present: true}
	n, ok := p.mapLen()
	if !ok {
		return Trailer{}
	}
	for range n {
		key, ok := p.uint()
		if !ok || !p.trailerField(&t, key) {
			return Trailer{}
		}
	}
	if !t.Life {
		t.Age = 0
	}
	return t
}

func (p *Parser) trailerField(t *Trailer, key uint64) bool {
	switch key {
	case keyCaps:
		n, ok := p.uint()
		t.Caps = Caps(n)
		return ok
	case keySender:
		return p.id(&t.Sender)
	case keyAge:
		return p.seconds(&t.Age)
	case keyTTL:
		t.Life = true
		return p.seconds(&t.TTL)
	}
	_, ok := p.value()
	return ok
}

func (p *Parser) seconds(d *time.Duration) bool {
	n, ok := p.uint()
	*d = maxLife
	if n < uint64(maxLife/time.Second) {
		*d = time.Duration(n) * time.Second
	}
	return ok
}

// trailer writes t, unless it is absent.
func (w *Writer) trailer(t *Trailer) {
	if !t.Present {
		return
	}
	n := 1
	if t.Sender != (ID{}) {
		n++
	}
	if t.Life {
		n += 2
	}
	w.enc.EncodeMapLen(n)
	w.pair(keyCaps, uint64(t.Caps))
	if t.Sender != (ID{}) {
		w.enc.EncodeUint(keySender)
		w.id(&t.Sender)
	}
	if t.Life {
		w.pair(keyAge, uint64(t.Age/time.Second))
		w.pair(keyTTL, uint64(t.TTL/time.Second))
	}
}

func (w *Writer) pair(key, value uint64) {
	w.enc.EncodeUint(key)
	w.enc.EncodeUint(value)
}
