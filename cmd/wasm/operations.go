//go:build js

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall/js"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/webrtc"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// operations are the requests that the page may make to the node.
type operations struct {
	host   *host
	node   *core.Node
	conn   *wsrelay.Conn
	direct *webrtc.Conn // nil without direct paths
	events *events
	online *online
	cancel map[int]context.CancelFunc // by the number of the call
}

// serve offers the operations to the host, until ctx ends. There is one thread, so there
// is no lock.
func (o *operations) serve(ctx context.Context) {
	o.cancel = make(map[int]context.CancelFunc)
	o.host.offer("call", func(args []js.Value) {
		n, what := args[0].Int(), args[1].String()
		ctx, cancel := context.WithCancel(ctx)
		o.cancel[n] = cancel
		go func() {
			defer delete(o.cancel, n)
			defer cancel()
			if err := o.do(ctx, n, what, args[2:]); err != nil {
				o.host.refuse(n, err)
			}
		}()
	})
	o.host.offer("cancel", func(args []js.Value) {
		if cancel := o.cancel[args[0].Int()]; cancel != nil {
			cancel()
		}
	})
	o.host.offer("listen", func(args []js.Value) { o.events.listen(texts(args[0])) })
	o.host.offer("wake", func([]js.Value) { go o.conn.Wake() })
}

// do performs call n, and replies unless there is an error.
func (o *operations) do(ctx context.Context, n int, what string, args []js.Value) error {
	switch what {
	case "find":
		return o.find(ctx, n, args[0].String(), core.GetOptions{Quorum: args[1].Int(), MaxAge: duration(args[2])})
	case "set":
		return o.set(ctx, n, args[0].String(), args[1].String(), bytesOf(args[2]), changeOptions(args[3:]))
	case "delete":
		return o.delete(ctx, n, args[0].String(), changeOptions(args[1:]))
	case "lookup":
		return o.lookup(ctx, n, args[0].String())
	case "ping":
		return o.ping(ctx, n, args[0].String())
	case "keyOf":
		o.host.reply(n, core.Key(args[0].String()).String(), nil)
	case "table":
		o.host.reply(n, o.table(), nil)
	case "paths":
		o.host.reply(n, o.paths(), nil)
	case "records":
		o.records(n, args[0].Int())
	case "stats":
		o.host.reply(n, stats(o.node.Stats(), o.conn.Stats(), o.direct), nil)
	default:
		return fmt.Errorf("operation %q: %w", what, errInput)
	}
	return nil
}

func (o *operations) find(ctx context.Context, n int, name string, options core.GetOptions) error {
	var f core.Found
	err := o.online.do(ctx, func() (poor bool, err error) {
		f, err = o.node.Find(ctx, core.Key(name), options)
		return false, err
	})
	if err != nil {
		return fmt.Errorf("get %q: %w", name, err)
	}
	kind, b := export(f.Value)
	found := map[string]any{"type": kind, "holder": nil, "published": nil, "version": nil, "holders": f.Holders}
	if f.Holder.Addr.IsValid() {
		found["holder"] = contact(f.Holder)
	}
	if !f.Published.IsZero() {
		found["published"] = f.Published.UnixMilli()
	}
	if f.Version != 0 {
		found["version"] = f.Version
	}
	o.host.reply(n, found, b)
	return nil
}

func (o *operations) lookup(ctx context.Context, n int, name string) error {
	var list []core.Contact
	err := o.online.do(ctx, func() (poor bool, err error) {
		list, err = o.node.Lookup(ctx, core.Key(name))
		return len(list) == 0, err
	})
	if err != nil {
		return fmt.Errorf("look up %q: %w", name, err)
	}
	all := make([]any, len(list))
	for i, c := range list {
		all[i] = contact(c)
	}
	o.host.reply(n, all, nil)
	return nil
}

func (o *operations) ping(ctx context.Context, n int, address string) error {
	addr, err := parseAddr(address)
	if err != nil {
		return err
	}
	var id core.ID
	var rtt time.Duration
	err = o.online.do(ctx, func() (poor bool, err error) {
		id, rtt, err = o.node.Ping(ctx, addr)
		return false, err
	})
	if errors.Is(err, errOffline) {
		return fmt.Errorf("ping %v: %w", addr, err)
	}
	if err != nil {
		return err
	}
	o.host.reply(n, map[string]any{"id": id.String(), "rtt": millis(rtt)}, nil)
	return nil
}

// records replies with up to limit records, the latest first, and their values
// one after the other.
func (o *operations) records(n, limit int) {
	type kept struct {
		key core.ID
		core.Record
	}
	var list []kept
	o.node.Records(func(key core.ID, r core.Record) bool {
		if !r.Deleted {
			list = append(list, kept{key, r})
		}
		return true
	})
	slices.SortFunc(list, func(a, b kept) int {
		return cmp.Or(b.Published.Compare(a.Published), a.key.Compare(b.key))
	})
	list = list[:min(limit, len(list))]
	all := make([]any, len(list))
	var values []byte
	for i, r := range list {
		kind, b := export(r.Value)
		values = append(values, b...)
		all[i] = map[string]any{
			"key": r.key.String(), "type": kind, "bytes": r.Value.Size(), "length": len(b),
			"published": r.Published.UnixMilli(), "expires": r.Expires().UnixMilli(), "cached": r.Cached,
			"version": r.Version,
		}
	}
	o.host.reply(n, all, values)
}

func (o *operations) table() []any {
	list := o.node.Table()
	paths := make(map[core.Contact]webrtc.Path)
	for _, p := range o.listPaths() {
		paths[core.Contact{ID: core.ID(p.ID), Addr: p.Addr}] = p
	}
	all := make([]any, len(list))
	for i, e := range list {
		entry := pathOf(paths[e.Contact])
		entry["id"], entry["address"] = e.ID.String(), e.Addr.String()
		entry["prefix"], entry["fails"], entry["place"] = e.Prefix, e.Fails, "bucket"
		if e.Replacement {
			entry["place"] = "replacement"
		}
		all[i] = entry
	}
	return all
}

// listPaths lists the peers that take direct paths.
func (o *operations) listPaths() []webrtc.Path {
	if o.direct == nil {
		return nil
	}
	return o.direct.Paths()
}

func (o *operations) paths() []any {
	list := o.listPaths()
	all := make([]any, len(list))
	for i, p := range list {
		path := pathOf(p)
		path["id"], path["address"] = core.ID(p.ID).String(), p.Addr.String()
		path["state"] = p.State.String()
		all[i] = path
	}
	return all
}

// pathOf says how a peer is reached: by a relay, if p is the zero Path.
func pathOf(p webrtc.Path) map[string]any {
	path := map[string]any{"path": pathName(p.State), "rtt": nil}
	if p.RTT > 0 {
		path["rtt"] = millis(p.RTT)
	}
	return path
}

func pathName(s webrtc.State) string {
	if s == webrtc.Open {
		return "direct"
	}
	return "relay"
}

func stats(s core.Stats, c wsrelay.Stats, direct *webrtc.Conn) map[string]any {
	refused := make(map[string]uint64)
	for reason, n := range c.Refused {
		refused[message.Drop(reason).String()] = n
	}
	refused["offline"] = c.Dropped.Offline
	refused["queue full here"] = c.Dropped.Outgoing + c.Dropped.Incoming
	refused["unfit"] = c.Dropped.Unfit + c.Dropped.TooLong
	return map[string]any{
		"received": s.Received, "receivedBytes": s.ReceivedBytes,
		"sent": s.Sent, "sentBytes": s.SentBytes, "unsent": s.Unsent,
		"served": counts(s.Served), "replied": s.Replied, "timedOut": s.TimedOut,
		"dropped": counts(s.Dropped), "relayDropped": counts(refused),
		"lookups": s.Lookups, "contacts": s.Contacts, "replacements": s.Replacements,
		"records": s.Records, "recordBytes": s.RecordBytes, "refused": s.Refused,
		"paths": pathStats(s, direct),
	}
}

func pathStats(all core.Stats, direct *webrtc.Conn) map[string]any {
	s := webrtc.Stats{Wrapped: webrtc.Traffic{Sent: all.Sent, Received: all.Received}}
	if direct != nil {
		s = direct.Stats()
	}
	return map[string]any{
		"direct":   map[string]any{"sent": s.Direct.Sent, "received": s.Direct.Received},
		"relay":    map[string]any{"sent": s.Wrapped.Sent, "received": s.Wrapped.Received},
		"upgrades": s.Upgrades, "renewals": s.Renewals, "open": s.Open, "pending": s.Pending, "resent": s.Resent,
		"offersSent": s.OffersSent, "offersHeard": s.OffersHeard,
		"fallbacks": byReason[webrtc.Fallback](s.Fallbacks[:]),
		"failures":  byReason[webrtc.Failure](s.Failures[:]),
		"refusals":  byReason[webrtc.Refusal](s.Refused[:]),
	}
}

// byReason returns the counters above zero.
func byReason[R interface {
	~uint8
	fmt.Stringer
}](list []uint64) map[string]any {
	some := make(map[string]any)
	for reason, n := range list {
		if n > 0 {
			some[R(reason).String()] = n
		}
	}
	return some
}

// counts returns the counters above zero.
func counts(m map[string]uint64) map[string]any {
	some := make(map[string]any)
	for name, n := range m {
		if n > 0 {
			some[name] = n
		}
	}
	return some
}

func contact(c core.Contact) map[string]any {
	return map[string]any{"id": c.ID.String(), "address": c.Addr.String()}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
