package core

import "time"

// This file is for those who want to look into a node: pages, commands, tests.

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
	// Prefix is how many leading bits its id has in common with the node's own.
	Prefix int
	// Replacement says that it waits for a place in a bucket (paper, section 4.1).
	Replacement bool
	// Fails counts RPCs in a row that went unanswered.
	Fails int
}

// Table returns the whole routing table, bucket by bucket, in each of which the
// contact that was heard last comes last.
func (e *Engine) Table() []TableEntry {
	contacts, replacements := e.table.size()
	list := make([]TableEntry, 0, contacts+replacements)
	for i := range e.table.buckets {
		b := &e.table.buckets[i]
		for j := range b.contacts {
			list = append(list, e.entry(&b.contacts[j], false))
		}
		for j := range b.replacements {
			list = append(list, e.entry(&b.replacements[j], true))
		}
	}
	return list
}

func (e *Engine) entry(p *peer, replacement bool) TableEntry {
	return TableEntry{e.table.contact(p), PrefixLen(e.id, e.table.id(p)), replacement, int(p.fails)}
}

// Records calls yield for each record whose life has not ended, in no order,
// until it returns false.
func (e *Engine) Records(now time.Time, yield func(ID, Record) bool) {
	t := e.at(now)
	for key := range e.records.index {
		if r, ok := e.records.get(t, key); ok && !yield(key, r) {
			return
		}
	}
}
