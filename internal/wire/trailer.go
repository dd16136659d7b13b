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
	// CapLeaving: the sender is about to stop. It does not belong in a routing table.
	CapLeaving
)

// Marks are properties of the value beside a trailer.
type Marks uint64

const (
	// MarkCopy: the sender is not a holder of the value. It cached a copy that was on
	// the path of a lookup, and the copy may be older than the value of the holders.
	MarkCopy Marks = 1 << iota
	// MarkDeleted: the value was deleted. The body has nil in its place.
	MarkDeleted
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
	// Version is key 4, beside a value: of two values under a key, the one with the
	// larger version is newer. It is a time in milliseconds since 1970, chosen by the
	// writer of the value. Zero when absent.
	Version uint64
	// Marks is key 5, beside a value. Zero when absent.
	Marks Marks
	// Run is key 6: a number that the sender drew when it started. Zero when absent.
	Run uint32
	// Network is key 7: a hash of the name of the sender's network. Zero when absent, as
	// in the default network.
	Network uint32
	// Condition is key 9, in store: the value is kept only if the receiver has this
	// version, or no value if it is the largest number. Zero when absent.
	Condition uint64
	// K is key 8, in answers to ping: the sender's bucket size. Zero when absent.
	K uint8
}

// Keys of the trailer map.
const (
	keyCaps = iota
	keySender
	keyAge
	keyTTL
	keyVersion
	keyMarks
	keyRun
	keyNetwork
	keyK
	keyCondition
)

// maxTrailer is the longest encoding of a Trailer, in bytes.
const maxTrailer = 1 + 10 + 23 + 10 + 10 + 10 + 10 + 6 + 6 + 3 + 10

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
	case keyVersion, keyCondition, keyMarks, keyRun, keyNetwork, keyK:
		n, ok := p.uint()
		t.setNumber(key, n)
		return ok
	}
	_, ok := p.value()
	return ok
}

// setNumber sets the field of a key whose value is a number.
func (t *Trailer) setNumber(key, n uint64) {
	switch key {
	case keyVersion:
		t.Version = n
	case keyCondition:
		t.Condition = n
	case keyMarks:
		t.Marks = Marks(n)
	case keyRun:
		t.Run = uint32(n)
	case keyNetwork:
		t.Network = uint32(n)
	case keyK:
		t.K = uint8(min(n, 255))
	}
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
	optional := [...]struct{ key, value uint64 }{
		{keyVersion, t.Version}, {keyMarks, uint64(t.Marks)}, {keyRun, uint64(t.Run)},
		{keyNetwork, uint64(t.Network)}, {keyK, uint64(t.K)}, {keyCondition, t.Condition},
	}
	n := 1
	if t.Sender != (ID{}) {
		n++
	}
	if t.Life {
		n += 2
	}
	for i := range optional {
		if optional[i].value != 0 {
			n++
		}
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
	for i := range optional {
		if optional[i].value != 0 {
			w.pair(optional[i].key, optional[i].value)
		}
	}
}

func (w *Writer) pair(key, value uint64) {
	w.enc.EncodeUint(key)
	w.enc.EncodeUint(value)
}
