//go:build js

// Command wasm is a node for a browser, or for Node.js: core on a relay
// connection, as WebAssembly. web/kadmesh/kadmesh.host.js starts it; the comment of
// host lists the names by which the two talk.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/transport/webrtc"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

func main() {
	h := newHost(os.Args[1])
	h.ended(run(h))
	select {} // a program that exits is an error to timers that are still set
}

const (
	// relayTime is how long to try for a lent address before giving up.
	relayTime = 15 * time.Second

	// contactsInterval is how often contacts are given to the host to keep.
	contactsInterval = time.Minute

	// keptContacts is how many contacts are kept.
	keptContacts = 32
)

// run is a node's life. It returns nil when the host has stopped it.
func run(h *host) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	h.onStop(stop)

	moved := make(chan struct{}, 1)
	online := newOnline()
	conn, err := dial(ctx, h, online, moved)
	if err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	s := conn.State()
	h.progress(map[string]any{"step": "relay", "url": s.Relay, "address": s.Addr.String()})

	events := newEvents(h.events)
	node, direct := start(h, conn, core.Config{
		ID: h.options.id, Network: h.options.network, K: h.options.k, Alpha: h.options.alpha, StoreBytes: h.options.storeBytes,
		Store: h.store(), Trace: events.hooks(),
	}, events)
	defer node.Close()
	contacts, err := join(ctx, h, node, conn)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	h.progress(map[string]any{"step": "joined", "contacts": contacts})
	o := &operations{host: h, node: node, conn: conn, direct: direct, events: events, online: online}
	o.serve(ctx)
	h.ready(node.ID().String(), conn.LocalAddr().String())
	live(ctx, h, node, moved)
	return nil
}

// start starts the node on a relay connection, and puts direct paths between the
// two if the host wants that: else there is no trace of them.
func start(h *host, conn *wsrelay.Conn, cfg core.Config, events *events) (*core.Node, *webrtc.Conn) {
	links := h.js.Get("links")
	if h.options.direct == webrtc.RelayOnly || !links.Truthy() {
		return core.NewNode(conn, cfg), nil
	}
	if cfg.ID == (core.ID{}) {
		for i := range cfg.ID {
			cfg.ID[i] = byte(rand.Uint32())
		}
	}
	direct := webrtc.Wrap(conn, webrtc.Config{ID: webrtc.ID(cfg.ID), Mode: h.options.direct, Public: h.options.public, Changed: events.path}, links)
	cfg.Direct = func(c core.Contact, near bool) { direct.Met(c.Addr, webrtc.ID(c.ID), near) }
	return core.NewNode(direct, cfg), direct
}

// live keeps the network informed of where the node is, and the host of contacts,
// until ctx ends.
func live(ctx context.Context, h *host, node *core.Node, moved <-chan struct{}) {
	keep := time.NewTicker(contactsInterval)
	defer keep.Stop()
	h.keepContacts(sample(node.Contacts(), keptContacts))
	for {
		select {
		case <-ctx.Done():
			h.keepContacts(sample(node.Contacts(), keptContacts))
			return
		case <-keep.C:
			h.keepContacts(sample(node.Contacts(), keptContacts))
		case <-moved:
			// The neighbours, which hear this, learn the new address.
			node.Lookup(ctx, node.ID())
		}
	}
}

// dial connects to a relay. online is told of each change, and moved
// when a later connection has another address than the one before.
func dial(ctx context.Context, h *host, online *online, moved chan<- struct{}) (*wsrelay.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, relayTime)
	defer cancel()
	return wsrelay.Dial(ctx, wsrelay.Config{
		Relays: h.options.relays,
		Token:  h.options.token,
		Resume: h.options.resume,
		OnState: func(s wsrelay.State) {
			online.is(s)
			h.relay(s)
			if s.Changed {
				select {
				case moved <- struct{}{}:
				default:
				}
			}
		},
	})
}

// join joins the network and returns how many contacts that brought. Without any
// answer, the node goes on trying by itself. The only error is core.ErrOtherNetwork.
func join(ctx context.Context, h *host, node *core.Node, conn *wsrelay.Conn) (contacts int, err error) {
	seeds := h.options.bootstrap
	if len(seeds) == 0 {
		seeds = conn.Bootstrap()
	}
	names := make([]any, len(seeds))
	for i, s := range seeds {
		names[i] = s.String()
	}
	h.progress(map[string]any{"step": "joining", "seeds": names, "known": len(h.options.contacts)})
	all := append(append([]netip.AddrPort(nil), seeds...), h.options.contacts...)
	err = node.Bootstrap(ctx, all...)
	contacts = node.Stats().Contacts
	if contacts == 0 && errors.Is(err, core.ErrOtherNetwork) {
		return 0, fmt.Errorf("%w; its name goes into the option network", err)
	}
	return contacts, nil
}

// sample returns count contacts of a list that is sorted by distance, evenly
// spread over it: neighbours, and contacts that know other regions.
func sample(list []core.Contact, count int) []core.Contact {
	if len(list) <= count {
		return list
	}
	some := make([]core.Contact, count)
	for i := range some {
		some[i] = list[i*len(list)/count]
	}
	return some
}

// codeOf returns the code of an error in the module.
func codeOf(err error) string {
	switch {
	case errors.Is(err, core.ErrNotFound):
		return "not-found"
	case errors.Is(err, core.ErrNoAnswer):
		return "no-answer"
	case errors.Is(err, core.ErrConflict):
		return "conflict"
	case errors.Is(err, core.ErrOtherNetwork):
		return "other-network"
	case errors.Is(err, core.ErrNotStored):
		return "not-stored"
	case errors.Is(err, core.ErrValueType), errors.Is(err, core.ErrNotUTF8), errors.Is(err, core.ErrTooLong), errors.Is(err, errInput):
		return "value"
	case errors.Is(err, core.ErrClosed), errors.Is(err, wsrelay.ErrClosed), errors.Is(err, context.Canceled):
		return "stopped"
	case relayCodeOf(err) != "", errors.Is(err, context.DeadlineExceeded), errors.Is(err, errOffline):
		return "relay"
	}
	return "failed"
}

// relayCodes are the names of a relay's reasons in the module.
var relayCodes = map[message.Code]string{
	message.CodeMalformed: "malformed", message.CodeVersion: "version", message.CodeToken: "token", message.CodeFull: "full",
	message.CodePerIP: "per-ip", message.CodeReplaced: "replaced", message.CodeSlow: "slow",
}

// relayCodeOf returns why a relay does not serve this client; "" if err is not of
// a relay.
func relayCodeOf(err error) string {
	var refused *message.Error
	if !errors.As(err, &refused) {
		return ""
	}
	return cmp.Or(relayCodes[refused.Code], "other")
}

// errInput is wrapped by errors in the input of the page.
var errInput = errors.New("not valid")

// parseAddr reads an address from the page.
func parseAddr(s string) (netip.AddrPort, error) {
	a, err := netip.ParseAddrPort(s)
	if err != nil || a.Port() == 0 || a.Addr().Zone() != "" {
		return a, fmt.Errorf("address %q: %w: want IP:PORT, as 192.0.2.1:8468", s, errInput)
	}
	return netaddr.Unmap(a), nil
}
