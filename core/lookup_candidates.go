package core

import "github.com/kadmesh/kadmesh/internal/wire"

// This file answers questions about the candidates of a shortlist.

// hops returns the length of the path to c, or 0 if c is not in the list.
func (s *shortlist) hops(c Contact) uint8 {
	if i, known := s.find(c); known {
		return s.candidates[i].hops
	}
	return 0
}

// noteTrailer notes the kind of node that c is, by the trailer of its answer.
func (s *shortlist) noteTrailer(c Contact, t *wire.Trailer) {
	if i, known := s.find(c); known {
		s.candidates[i].extended, s.candidates[i].versioned = t.Present, t.Run != 0
	}
}

// isVersioned reports whether c reads versions and deletions.
func (s *shortlist) isVersioned(c Contact) bool {
	i, known := s.find(c)
	return known && s.candidates[i].versioned
}

// noteValue notes that the answer of c had the value.
func (s *shortlist) noteValue(c Contact) {
	s.set(c, answered)
	if i, known := s.find(c); known {
		s.candidates[i].returned = true
	}
}

// amongNearest reports whether c is one of the k nearest candidates. Candidates that do
// not answer count as well: they may be silent for this node only.
func (s *shortlist) amongNearest(c Contact) bool {
	i, known := s.find(c)
	return known && i < s.k
}

// silentAmongNearest returns the candidates that did not answer and are nearer than the
// k-th one that did.
func (s *shortlist) silentAmongNearest() (list []Contact) {
	left := s.k
	for i := 0; i < len(s.candidates) && left > 0; i++ {
		switch c := &s.candidates[i]; c.state {
		case answered:
			left--
		case overdue, failed, dead:
			list = append(list, c.Contact)
		}
	}
	return list[:min(len(list), s.k)]
}

// mostlySilent reports whether fewer of the k nearest candidates have answered than were
// asked in vain.
func (s *shortlist) mostlySilent() bool {
	balance := 0
	for i := range s.candidates[:min(s.k, len(s.candidates))] {
		switch s.candidates[i].state {
		case answered:
			balance++
		case failed, overdue, waiting, late:
			balance--
		}
	}
	return balance < 0
}

// unnamed returns up to alpha of the nearest candidates that have returned a value and
// no contacts, and counts them as asked for contacts. It returns none if k candidates
// have answered.
func (s *shortlist) unnamed() (list []Contact) {
	seen := 0
	for i := range s.candidates {
		if s.candidates[i].state == answered {
			seen++
		}
	}
	for i := 0; i < len(s.candidates) && seen < s.k && len(list) < s.alpha && s.budget > 0; i++ {
		if c := &s.candidates[i]; c.state == answered && c.returned && !c.named {
			c.named = true
			s.budget--
			list = append(list, c.Contact)
		}
	}
	return list
}

// requests returns the number of contacts that next has returned.
func (s *shortlist) requests() int { return budgetPerK*s.k - s.budget }

// best returns the nearest candidate that has answered.
func (s *shortlist) best() (candidate, bool) {
	for i := range s.candidates {
		if s.candidates[i].state == answered {
			return s.candidates[i], true
		}
	}
	return candidate{}, false
}

// nearest returns the nearest k peers that have answered, nearest first.
func (s *shortlist) nearest() []Contact {
	list := make([]Contact, 0, min(s.k, len(s.candidates)))
	for i := range s.candidates {
		c := s.candidates[i].Contact
		if s.candidates[i].state != answered || len(list) > 0 && list[len(list)-1].ID == c.ID {
			continue
		}
		if list = append(list, c); len(list) == s.k {
			break
		}
	}
	return list
}
