package webrtc

import "syscall/js"

// Wrap adds direct paths to a connection, and owns the connection from then on. links is
// an object of web/kadmesh/kadmesh.direct.js, the near end of the page's connections:
//
//	start(ch, sdp), accept(ch, sdp), stop(ch)   as in driver; sdp is "" for none
//	send(ch, bytes, n)                          as in driver, for the first n bytes
//	close()                                     stops all channels
//	ondescribed(ch, sdp), onopened(ch), onreceived(ch, bytes), onended(ch)
//	                                            are events; Wrap sets them to functions
func Wrap(wrapped Wrapped, cfg Config, links js.Value) *Conn {
	c := newConn(wrapped, cfg)
	d := &page{conn: c, links: links, in: make([]byte, maxMessage), out: js.Global().Get("Uint8Array").New(maxMessage)}
	d.listen()
	c.run(d, d.close)
	return c
}

// page is the driver in a browser. All of a tab's Go runs in one thread, so that page
// needs no lock.
type page struct {
	conn  *Conn
	links js.Value
	in    []byte   // the last message, reused
	out   js.Value // a Uint8Array for the next message to send, reused
	funcs []js.Func
}

// listen sets the event functions of links. None of them blocks.
func (d *page) listen() {
	d.on("ondescribed", func(ch chanID, sdp js.Value) {
		own, err := parseSDP(sdp.String())
		if err != nil {
			d.conn.ended(ch)
			return
		}
		d.conn.described(ch, own)
	})
	d.on("onopened", func(ch chanID, _ js.Value) { d.conn.opened(ch) })
	d.on("onreceived", func(ch chanID, message js.Value) {
		if message.Length() <= len(d.in) {
			d.conn.received(ch, d.in[:js.CopyBytesToGo(d.in, message)])
		}
	})
	d.on("onended", func(ch chanID, _ js.Value) { d.conn.ended(ch) })
}

func (d *page) on(event string, f func(ch chanID, detail js.Value)) {
	called := js.FuncOf(func(_ js.Value, args []js.Value) any {
		f(chanID(args[0].Int()), args[1])
		return nil
	})
	d.funcs = append(d.funcs, called)
	d.links.Set(event, called)
}

// start implements driver.
func (d *page) start(ch chanID, remote *description) {
	sdp := ""
	if remote != nil {
		sdp = remote.sdp()
	}
	d.links.Call("start", int(ch), sdp)
}

// accept implements driver.
func (d *page) accept(ch chanID, remote description) {
	d.links.Call("accept", int(ch), remote.sdp())
}

// send implements driver.
func (d *page) send(ch chanID, data []byte) bool {
	n := js.CopyBytesToJS(d.out, data)
	return n == len(data) && d.links.Call("send", int(ch), d.out, n).Bool()
}

// stop implements driver.
func (d *page) stop(ch chanID) { d.links.Call("stop", int(ch)) }

// close ends all connections. There are no events afterwards.
func (d *page) close() error {
	d.links.Call("close")
	for _, f := range d.funcs {
		f.Release()
	}
	return nil
}
