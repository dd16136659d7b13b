package wsrelay

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

const (
	// steady is how long a connection must last to count as a success. A relay that
	// takes clients and loses them at once is like one that is down.
	steady = 10 * time.Second

	// patience is for how long the client tries to come back to a relay before it
	// goes to another one. The same relay means the same address, but to be
	// unreachable for long is worse than another address.
	patience = 5 * time.Second

	// maxPatience bounds the time that a relay may ask for when it announces a restart.
	maxPatience = 2 * time.Minute
)

// relay is one of the relays in a Conn's Config.
type relay struct {
	url    string
	resume string // the token of the last welcome, or empty
	err    error  // how the last attempt ended
}

// relays decides which relay to use next, and when.
type relays struct {
	list    []relay
	family  byte      // of the address to ask for: 4, 6, or 0 until a relay has lent one
	at      int       // index of the relay in use
	refused int       // attempts in a row that failed, each at another relay
	stay    time.Time // until then, the relay in use is tried again
	backoff backoff
}

// ending is how an attempt to use a relay ended.
type ending struct {
	err    error
	lasted time.Duration // as a connection; zero if it never became one
	back   time.Time     // when the relay will be back, as announced; or zero
	tryFor time.Duration // for how long to try then
}

// current is the relay to use.
func (r *relays) current() *relay { return &r.list[r.at] }

// ended notes how the use of the current relay ended, picks the next relay, and returns
// how long to wait before using it. After a connection has broken, the same relay is
// preferred for a while. Otherwise all relays are tried without a wait, and a wait
// follows each round.
func (r *relays) ended(now time.Time, e ending) time.Duration {
	r.current().err = e.err
	if e.lasted >= steady {
		r.refused = 0
		if !hasCode(e.err, message.CodeSlow) {
			r.backoff.reset()
		}
		if !mustMove(e.err) {
			r.stay = now.Add(patience)
		}
	}
	if wait := max(0, e.back.Sub(now)); !e.back.IsZero() && (wait <= maxDelay || len(r.list) == 1) {
		wait = min(wait, maxDelay) + r.backoff.jitter(minDelay)
		r.stay = now.Add(wait + min(max(e.tryFor, patience), maxPatience))
		return wait
	}
	if now.Before(r.stay) && !mustMove(e.err) {
		return min(r.backoff.next(), r.stay.Sub(now))
	}
	return r.move()
}

// move goes on to the next relay. It returns a wait only after the last one.
func (r *relays) move() time.Duration {
	r.stay = time.Time{}
	r.at = (r.at + 1) % len(r.list)
	r.refused++
	if r.refused < len(r.list) {
		return 0
	}
	r.refused = 0
	return r.backoff.next()
}

// mustMove reports whether err means that the same relay is of no use now. A relay that
// found the client too slow may be tried again.
func mustMove(err error) bool {
	var e *message.Error
	return errors.Is(err, message.ErrMalformed) || errors.As(err, &e) && e.Code != message.CodeSlow
}

// hasCode reports whether err is a relay's error with code c.
func hasCode(err error, c message.Code) bool {
	var e *message.Error
	return errors.As(err, &e) && e.Code == c
}

// hopeless reports whether no relay will ever take this client, however long it waits.
func (r *relays) hopeless() bool {
	for i := range r.list {
		if !final(r.list[i].err) {
			return false
		}
	}
	return true
}

// errors joins the errors of the last attempt at each relay.
func (r *relays) errors() (err error) {
	for i := range r.list {
		err = join(err, r.list[i].err)
	}
	return err
}

// join returns an error that wraps a and b, either of which may be nil, and fits
// on one line.
func join(a, b error) error {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return fmt.Errorf("%w; %w", a, b)
}

// final reports whether the relay, or the platform, would give the same error again.
func final(err error) bool {
	return hasCode(err, message.CodeToken) || hasCode(err, message.CodeVersion) ||
		hasCode(err, message.CodeMalformed) || errors.Is(err, errVersion) || errors.Is(err, errForbidden)
}
