package core

import "time"

// This file shows the state of a node to pages, commands and tests.

// Contacts returns all contacts in the node's buckets, nearest to it first.
func (e *Engine) Contacts() []Contact {
	n, _ := e.table.size()
	all := e.table.closest(nil, e.id, n, func(*peer) bool { return true })
	list := make([]Contact, len(all))
	for i, p := range all {
		list[i] = e.table.contact(p)
	}
	return list
}

// TableEntry is a contact with its place in the routing table.
type TableEntry struct {
	Contact
	// Prefix is the number of leading bits that its id shares with the node's own.
	Prefix int
	// Replacement is set if it waits for a place in a bucket (paper, section 4.1).
	Replacement bool
	// Fails counts RPCs in a row that went unanswered.
	Fails int
}

// Table returns the whole routing table, bucket by bucket. In each bucket, the
// contact with the latest message comes last.
func (e *Engine) Table() []TableEntry {
	contacts, replacements := e.table.size()
	list := make([]TableEntry, 0, contacts+replacements)
	for i := range e.table.buckets {
		b := &e.table.buckets[i]
		for j := range b.contacts {
			list = append(list, e.tableEntry(&b.contacts[j], false))
		}
		for j := range b.replacements {
			list = append(list, e.tableEntry(&b.replacements[j], true))
		}
	}
	return list
}

func (e *Engine) tableEntry(p *peer, replacement bool) TableEntry {
	return TableEntry{e.table.contact(p), PrefixLen(e.id, e.table.id(p)), replacement, int(p.fails)}
}

// Records calls yield for each record that has not expired, in no order, until
// yield returns false.
func (e *Engine) Records(now time.Time, yield func(ID, Record) bool) {
	t := e.clock.at(now)
	for key := range e.records.index {
		if r, ok := e.records.get(t, key); ok && !yield(key, r) {
			return
		}
	}
}
