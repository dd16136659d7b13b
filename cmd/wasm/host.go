//go:build js

package main

import (
	"context"
	"net/netip"
	"syscall/js"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/webrtc"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
)

// host is what started the program: an object of web/kadmesh/kadmesh.host.js with
//
//	options                  read by newHost
//	links                    of web/kadmesh/kadmesh.direct.js; null without direct paths
//	records                  saved before: see store
//	progress(step)           starting has come that far
//	ready(id, address, calls)  the node can be used, by these functions
//	relay(state)             the relay connection has changed
//	events(json)             some of Events, as text, since objects take long to make
//	reply(n, code, result, bytes)  call n has ended; if code is not "", with an error:
//	                         result is the message, bytes the reason of a relay, if any
//	save(record), remove(key)  keep a record of the database, or do not
//	contacts(list)           addresses to join through next time
//	onstop                   is set to a function that ends the node
//	ended(code, message, relayCode)  nothing will follow
type host struct {
	js      js.Value
	options options
	funcs   map[string]any // given to the host by ready
}

// options are the options of the page.
type options struct {
	relays              []string
	token               string
	resume              map[string]string
	bootstrap, contacts []netip.AddrPort
	id                  core.ID
	network             string
	k, alpha            int
	direct              webrtc.Mode
	public              bool // of webrtc.Config
	storeBytes          int64
}

// newHost finds the object under a global name, which is then free again.
func newHost(name string) *host {
	object := js.Global().Get(name)
	js.Global().Delete(name)
	h := &host{js: object, funcs: make(map[string]any)}
	o := object.Get("options")
	h.options = options{
		relays:     texts(o.Get("relays")),
		token:      o.Get("token").String(),
		resume:     make(map[string]string),
		network:    o.Get("network").String(),
		k:          o.Get("k").Int(),
		alpha:      o.Get("alpha").Int(),
		direct:     modes[o.Get("direct").String()],
		public:     o.Get("public").Truthy(),
		storeBytes: int64(o.Get("storeBytes").Float()),
	}
	if r := o.Get("resume"); r.Truthy() {
		h.options.resume[r.Get("url").String()] = string(bytesOf(r.Get("token")))
	}
	// The module has checked the input of the page. Kept values may be damaged: damaged
	// ones are left out.
	h.options.id, _ = core.ParseID(o.Get("id").String())
	h.options.bootstrap = addrs(texts(o.Get("bootstrap")))
	h.options.contacts = addrs(texts(o.Get("contacts")))
	return h
}

var modes = map[string]webrtc.Mode{"direct": webrtc.Direct, "lan": webrtc.LAN}

func addrs(list []string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, s := range list {
		if a, err := parseAddr(s); err == nil {
			all = append(all, a)
		}
	}
	return all
}

func (h *host) progress(step map[string]any) { h.js.Call("progress", step) }

func (h *host) events(text []byte) { h.js.Call("events", string(text)) }

// relay tells the host of a state, with the token by which the relay lends the same
// address again.
func (h *host) relay(s wsrelay.State) {
	state := map[string]any{
		"state":   [...]string{"connecting", "connected", "lost", "refused"}[s.Phase],
		"url":     s.Relay,
		"address": "",
		"resumed": s.Resumed, "changed": s.Changed,
		"reason": "", "relayCode": relayCodeOf(s.Reason), "retryIn": s.Retry.Milliseconds(),
	}
	if s.Addr.IsValid() {
		state["address"] = s.Addr.String()
	}
	if s.Reason != nil {
		state["reason"] = s.Reason.Error()
	}
	if s.Phase == wsrelay.Connected {
		h.js.Call("relay", state, uint8s([]byte(s.Resume)))
		return
	}
	h.js.Call("relay", state, js.Null())
}

// onStop lets the host end the node.
func (h *host) onStop(stop context.CancelFunc) {
	h.js.Set("onstop", js.FuncOf(func(js.Value, []js.Value) any {
		stop()
		return nil
	}))
}

// offer adds a function to the functions that ready gives to the host. It must not block.
func (h *host) offer(name string, f func(args []js.Value)) {
	h.funcs[name] = js.FuncOf(func(_ js.Value, args []js.Value) any {
		f(args)
		return nil
	})
}

func (h *host) ready(id, address string) { h.js.Call("ready", id, address, h.funcs) }

func (h *host) reply(n int, result any, b []byte) {
	h.js.Call("reply", n, "", result, uint8s(b))
}

func (h *host) refuse(n int, err error) {
	h.js.Call("reply", n, codeOf(err), err.Error(), relayCodeOf(err))
}

func (h *host) ended(err error) {
	if err != nil {
		h.js.Call("ended", codeOf(err), err.Error(), relayCodeOf(err))
		return
	}
	h.js.Call("ended", "", "", "")
}

func (h *host) keepContacts(list []core.Contact) {
	all := make([]any, len(list))
	for i, c := range list {
		all[i] = c.Addr.String()
	}
	h.js.Call("contacts", all)
}

// store returns a store in memory with the saved records. It tells the host of
// each change.
func (h *host) store() core.Store {
	s := keptStore{core.NewMemoryStore(), h.js}
	list := h.js.Get("records")
	for i := range list.Length() {
		item := list.Index(i)
		key, err := core.ParseID(item.Get("key").String())
		if r, sound := recordOf(item); sound && err == nil {
			s.Store.Save(key, r)
		}
	}
	h.js.Set("records", js.Null())
	return s
}

// recordOf reads a saved record. Modules of before version 0.2 saved no version.
func recordOf(item js.Value) (r core.Record, sound bool) {
	r = core.Record{
		Published: time.UnixMilli(int64(item.Get("published").Float())),
		TTL:       time.Duration(item.Get("ttl").Float()) * time.Millisecond,
		Cached:    item.Get("cached").Bool(),
		Deleted:   item.Get("deleted").Truthy(),
	}
	r.Version = uint64(max(r.Published.UnixMilli(), 1))
	if v := item.Get("version"); v.Truthy() {
		r.Version = uint64(v.Float())
	}
	if r.Deleted {
		return r, true
	}
	v, err := core.RawValue(bytesOf(item.Get("value")))
	r.Value = v
	return r, err == nil
}

// keptStore is a store in memory. The host keeps its content for the next start.
type keptStore struct {
	core.Store
	js js.Value
}

func (s keptStore) Save(key core.ID, r core.Record) error {
	s.js.Call("save", map[string]any{
		"key": key.String(), "value": uint8s(r.Value.Raw()), "published": r.Published.UnixMilli(),
		"ttl": r.TTL.Milliseconds(), "cached": r.Cached, "version": r.Version, "deleted": r.Deleted,
	})
	return s.Store.Save(key, r)
}

func (s keptStore) Delete(key core.ID) error {
	s.js.Call("remove", key.String())
	return s.Store.Delete(key)
}

// texts reads an array of strings.
func texts(v js.Value) []string {
	list := make([]string, v.Length())
	for i := range list {
		list[i] = v.Index(i).String()
	}
	return list
}

var uint8Array = js.Global().Get("Uint8Array")

// bytesOf copies a Uint8Array.
func bytesOf(v js.Value) []byte {
	b := make([]byte, v.Length())
	js.CopyBytesToGo(b, v)
	return b
}

// uint8s returns a Uint8Array with a copy of b.
func uint8s(b []byte) js.Value {
	v := uint8Array.New(len(b))
	js.CopyBytesToJS(v, b)
	return v
}
