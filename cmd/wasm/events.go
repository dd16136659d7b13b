//go:build js

package main

import (
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/transport/webrtc"
)

// events gathers the events of the node's trace, and hands them to the host some times
// a second as the text of a JSON array. A call across the border costs about as much as
// writing a whole event.
type events struct {
	send    func(text []byte)
	b       []byte // "[" and events, each with a comma behind it
	pending bool   // a flush is planned
	on      map[string]bool
}

const (
	// eventsInterval is a frame of the screen or two.
	eventsInterval = 30 * time.Millisecond

	// maxEvents is how many bytes are gathered at most, in case timers are slow.
	maxEvents = 32 << 10
)

func newEvents(send func([]byte)) *events {
	return &events{send: send, b: []byte{'['}, on: make(map[string]bool)}
}

// listen chooses the events to gather, by name.
func (e *events) listen(names []string) {
	for _, name := range []string{"contact", "request", "lookup", "served", "record", "path"} {
		e.on[name] = slices.Contains(names, name)
	}
}

// hooks returns the functions that gather the events. They are called under the node's lock.
func (e *events) hooks() trace.Hooks {
	return trace.Hooks{Contact: e.contact, Request: e.request, Lookup: e.lookup, Served: e.served, Record: e.record}
}

func (e *events) contact(at time.Time, c trace.Contact, change trace.Change) {
	if e.begin("contact", at) {
		e.text("change", change.String())
		e.peer(c)
		e.end()
	}
}

func (e *events) request(r trace.Request) {
	if e.begin("request", r.At) {
		e.number("request", r.Request)
		e.number("lookup", r.Lookup)
		e.text("method", r.Method)
		e.b = append(e.b, `"to":{`...)
		e.peer(r.To)
		e.b = append(e.b[:len(e.b)-1], "},"...)
		e.text("stage", r.Stage.String())
		e.millis("rtt", float64(r.RTT.Microseconds())/1000)
		e.end()
	}
}

func (e *events) lookup(l trace.Lookup) {
	if e.begin("lookup", l.At) {
		e.number("lookup", l.Lookup)
		e.text("purpose", l.Purpose.String())
		e.id("target", l.Target)
		stage := "started"
		if l.Done {
			stage = "done"
		}
		e.text("stage", stage)
		e.flag("found", l.Found)
		e.number("hops", uint64(l.Hops))
		e.number("requests", uint64(l.Requests))
		e.end()
	}
}

func (e *events) served(at time.Time, from trace.Contact, method string) {
	if e.begin("served", at) {
		e.text("method", method)
		e.text("from", from.Addr.String())
		e.id("id", from.ID)
		e.end()
	}
}

func (e *events) record(at time.Time, key trace.ID, change trace.RecordChange, bytes int) {
	if e.begin("record", at) {
		e.text("change", change.String())
		e.id("key", key)
		e.number("bytes", uint64(bytes))
		e.end()
	}
}

func (e *events) path(p webrtc.Path, why string) {
	if e.begin("path", time.Now()) {
		e.peer(trace.Contact{ID: p.ID, Addr: p.Addr})
		e.text("path", pathName(p.State))
		e.text("reason", why)
		e.millis("rtt", float64(p.RTT.Microseconds())/1000)
		e.end()
	}
}

// begin starts an event, if it is to be gathered.
func (e *events) begin(name string, at time.Time) bool {
	if !e.on[name] {
		return false
	}
	e.b = append(e.b, '{')
	e.text("type", name)
	e.millis("at", float64(at.UnixMicro())/1000)
	return true
}

// end ends an event. The texts of an event are letters, digits and a few marks without
// a meaning in JSON.
func (e *events) end() {
	e.b = append(e.b[:len(e.b)-1], "},"...)
	switch {
	case len(e.b) > maxEvents:
		e.flush()
	case !e.pending:
		e.pending = true
		time.AfterFunc(eventsInterval, e.flush)
	}
}

func (e *events) flush() {
	e.pending = false
	if len(e.b) == 1 {
		return
	}
	e.b[len(e.b)-1] = ']'
	e.send(e.b)
	e.b = append(e.b[:0], '[')
}

func (e *events) peer(c trace.Contact) {
	e.id("id", c.ID)
	e.text("address", c.Addr.String())
}

func (e *events) name(s string) {
	e.b = append(append(append(e.b, '"'), s...), `":`...)
}

func (e *events) text(name, s string) {
	e.name(name)
	e.b = append(append(append(e.b, '"'), s...), `",`...)
}

func (e *events) id(name string, id trace.ID) {
	e.name(name)
	e.b = append(e.b, '"')
	e.b = hex.AppendEncode(e.b, id[:])
	e.b = append(e.b, `",`...)
}

func (e *events) number(name string, n uint64) {
	e.name(name)
	e.b = append(strconv.AppendUint(e.b, n, 10), ',')
}

func (e *events) millis(name string, f float64) {
	e.name(name)
	e.b = append(strconv.AppendFloat(e.b, f, 'f', 3, 64), ',')
}

func (e *events) flag(name string, f bool) {
	e.name(name)
	e.b = append(strconv.AppendBool(e.b, f), ',')
}
