// Package core is Kademlia as the paper describes it, on the wire of the Python
// package kademlia: a routing table, lookups, the RPCs as client and server, and a
// store. It works on any transport that implements Conn.
package core

import "net/netip"

// Conn carries datagrams between addresses. It is all that core needs of a transport,
// and is made of standard types, so that a transport need not import core.
//
// ReadBatch and WriteBatch may be called at the same time, WriteBatch from
// several goroutines at once; ReadBatch is called by one at a time.
type Conn interface {
	// ReadBatch waits for at least one datagram and fills in as many as there are:
	// bufs[i][:sizes[i]] came from from[i], for each i below the result.
	// The three slices have the same length, which is at least one. A datagram
	// longer than its buffer is dropped. Addresses are never v4-mapped.
	//
	// After Close it returns an error. Every other error is passing: the caller
	// may try again.
	ReadBatch(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error)

	// WriteBatch sends bufs[i] to to[i] for all i and returns how many were
	// handed to the network. A datagram that cannot be sent, because there is no
	// route or it is too long, is skipped; the first such error is returned
	// after the others were tried. The conn keeps none of the slices.
	WriteBatch(bufs [][]byte, to []netip.AddrPort) (int, error)

	// LocalAddr is the address under which other nodes reach this conn, as far as it
	// knows. The IP is unspecified for a socket that listens on all addresses.
	LocalAddr() netip.AddrPort

	// Close releases the conn and ends a waiting ReadBatch.
	Close() error
}
