package core

import (
	"encoding/binary"
	"time"
)

// staleAfter is how many RPCs in a row must go unanswered before a contact is
// stale, so that another may take its place (paper, section 4.1).
const staleAfter = 5

// A contact that did not answer is left alone for backoffBase, then for twice as
// long after each further failure, up to backoffMax (paper, section 4.1).
const (
	backoffBase = 5 * time.Second
	backoffMax  = 10 * time.Minute
)

// peer is a contact as the routing table keeps it: 12 bytes, and no pointer.
type peer struct {
	number uint32 // in the table's book
	// until is the end of the back-off after a failure, in whole seconds since
	// the engine's start; zero if there is none.
	until uint32
	// fails counts RPCs in a row that went unanswered.
	fails uint8
	// proven says that the peer itself answered under this id at this address.
	// All contacts in buckets have done so; one of them loses it again if it is
	// silent when somebody elsewhere goes by its id. Replacements may not have.
	proven bool
	// tag is equal if the id is: who looks for an id opens the book for few others.
	tag uint16
}

func tagOf(id ID) uint16 { return binary.LittleEndian.Uint16(id[len(id)-2:]) }

func (p *peer) stale() bool { return p.fails >= staleAfter }

// backingOff reports whether p failed so recently that it should not be asked.
func (p *peer) backingOff(now time.Duration) bool {
	return now < time.Duration(p.until)*time.Second
}

// fail notes that p did not answer, and returns when it may be asked again.
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
