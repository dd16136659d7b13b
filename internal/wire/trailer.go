package wire

import "time"

// Caps are a node's properties, as it states them in each trailer.
type Caps uint64

const (
	// CapClient: the sender will soon be gone and serves nobody; keep it out of
	// routing tables.
	CapClient Caps = 1 << iota
	// CapIPv4 and CapIPv6: the sender can reach contacts of that family.
	CapIPv4
	CapIPv6
	// CapDirect: the sender takes direct paths (docs/webrtc.md).
	CapDirect
)

// Trailer is what our nodes tell each other behind the body. It is a map with
// small integers as keys; unknown keys are skipped, so that it can grow. A
// datagram without one comes from an older node.
type Trailer struct {
	Present bool
	// Caps is key 0.
	Caps Caps
	// Sender is key 1, in answers: the answering node's id, which the body of
	// most answers does not say. Zero when absent.
	Sender ID
	// Life says that Age and TTL are there: keys 2 and 3, whole seconds, with a
	// value: how long ago it was published, and how long it lives from then.
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

// maxTrailer bounds what an encoded Trailer can take, in bytes.
const maxTrailer = 1 + 10 + 23 + 10 + 10

// maxLife is the longest age or TTL that is believed; longer ones are cut.
const maxLife = 10 * 365 * 24 * time.Hour

// readTrailer reads the trailer at the reader's position. What is not a
// well-formed trailer is none.
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

// trailer writes t behind the body, unless it is absent.
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
