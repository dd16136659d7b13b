package core

import (
	"encoding/binary"
	"time"
)

// staleAfter is the number of unanswered RPCs in a row after which a contact is
// stale: a replacement may take its place (paper, section 4.1).
const staleAfter = 5

// A contact that did not answer is not asked for backoffBase, then for twice as long
// after each further failure, up to backoffMax (paper, section 4.1).
const (
	backoffBase = 5 * time.Second
	backoffMax  = 10 * time.Minute
)

// peer is a contact in the routing table: 16 bytes without a pointer.
type peer struct {
	number uint32 // of its entry in the table's contactPool
	// until is the end of the back-off after a failure, in whole seconds since
	// the engine's start; zero if there is none.
	until uint32
	// run is the run of the node that the contact has last announced: see wire.Trailer.
	// Zero if it has announced none.
	run uint32
	// fails counts RPCs in a row that went unanswered.
	fails uint8
	// proven is set once the peer has answered under this id from this address, as
	// every contact in a bucket has. It is cleared if the peer stays silent while
	// another address uses its id. A replacement need not be proven.
	proven bool
	// tag is the last 16 bits of the id: a search by id looks at few wrong entries.
	tag uint16
}

func tagOf(id ID) uint16 { return binary.LittleEndian.Uint16(id[len(id)-2:]) }

func (p *peer) stale() bool { return p.fails >= staleAfter }

// backingOff reports whether p failed so recently that it should not be asked.
func (p *peer) backingOff(now time.Duration) bool {
	return now < time.Duration(p.until)*time.Second
}

// fail notes that p did not answer, and returns the end of its back-off.
func (p *peer) fail(now time.Duration) time.Duration {
	if p.fails < 255 {
		p.fails++
	}
	rest := backoffMax
	if n := p.fails - 1; n < 7 {
		rest = min(backoffBase<<n, backoffMax)
	}
	end := (now + rest).Truncate(time.Second) + time.Second
	p.until = uint32(end / time.Second)
	return end
}

// answered notes that p has just answered.
func (p *peer) answered() {
	p.fails, p.until, p.proven = 0, 0, true
}

// takes reports whether the contact with that id can be sent r. A deletion is nothing but
// the value nil to a node that does not know of runs: a Python node, or one of before
// version 0.2.
func (t *table) takes(id ID, r *Record) bool {
	if !r.Deleted {
		return true
	}
	p := t.get(id)
	return p != nil && p.run != 0
}
