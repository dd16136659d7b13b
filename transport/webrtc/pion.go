//go:build !js

package webrtc

import (
	"errors"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v3"
)

// pion.go, pion_listen.go and certificate.go are the only files that use pion.

// Time-outs of ICE for a quiet path. On a path in use, the guard is faster.
const (
	iceKeepalive    = 4 * time.Second
	iceDisconnected = 10 * time.Second
	iceFailed       = 10 * time.Second
)

// handshakeRetry is the delay before a flight of the DTLS handshake is sent again.
const handshakeRetry = 300 * time.Millisecond

const (
	receiveWindow = 128 << 10 // of SCTP, in bytes per channel
	maxBuffered   = 256 << 10 // in bytes per channel; send refuses more
)

// Wrap adds direct paths to a connection. It owns the connection from then on, even
// after an error.
func Wrap(wrapped Wrapped, cfg Config) (*Conn, error) {
	c := newConn(wrapped, cfg)
	d, err := listen(c, listenAddr(wrapped, cfg))
	if err != nil {
		return nil, errors.Join(err, wrapped.Close())
	}
	c.listen = d.addr
	c.run(d, d.close)
	return c, nil
}

// pion is the driver of native nodes.
type pion struct {
	conn *Conn
	addr netip.AddrPort // of mux
	api  *webrtc.API
	mux  io.Closer
	done chan struct{} // closed by close

	running sync.WaitGroup

	mu    sync.RWMutex // guards the fields below
	links map[chanID]*link
	cert  webrtc.Certificate
	ended bool
}

// link is one peer connection with its data channel.
type link struct {
	conn *webrtc.PeerConnection
	data *webrtc.DataChannel
	open atomic.Pointer[datachannel.ReadWriteCloser] // nil before it is open
	gone chan struct{}                               // closed by stop
}

// start implements driver.
func (d *pion) start(ch chanID, remote *description) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return
	}
	l := &link{gone: make(chan struct{})}
	d.links[ch] = l
	d.running.Go(func() { d.begin(ch, l, remote) })
}

// begin connects l and reports the result to the Conn.
func (d *pion) begin(ch chanID, l *link, remote *description) {
	own, err := d.connect(ch, l, remote)
	if err != nil {
		d.conn.ended(ch)
		return
	}
	d.conn.described(ch, own)
}

// connect makes the connection of l and returns its description.
func (d *pion) connect(ch chanID, l *link, remote *description) (description, error) {
	if err := d.open(ch, l); err != nil {
		return description{}, err
	}
	describe := func() (webrtc.SessionDescription, error) { return l.conn.CreateOffer(nil) }
	if remote != nil {
		offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: remote.sdp()}
		if err := l.conn.SetRemoteDescription(offer); err != nil {
			return description{}, err
		}
		describe = func() (webrtc.SessionDescription, error) { return l.conn.CreateAnswer(nil) }
	}
	own, err := describe()
	if err != nil {
		return description{}, err
	}
	gathered := webrtc.GatheringCompletePromise(l.conn)
	if err := l.conn.SetLocalDescription(own); err != nil {
		return description{}, err
	}
	select {
	case <-gathered:
	case <-l.gone: // pion may never say that it has gathered
		return description{}, ErrClosed
	case <-d.done:
		return description{}, ErrClosed
	}
	return parseSDP(l.conn.LocalDescription().SDP)
}

// open gives l its connection and its channel, unless it was stopped already.
func (d *pion) open(ch chanID, l *link) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.links[ch] != l {
		return ErrClosed
	}
	if time.Until(d.cert.Expires()) < certRest {
		cert, err := newCertificate()
		if err != nil {
			return err
		}
		d.cert = cert
	}
	conn, err := d.api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{d.cert}})
	if err != nil {
		return err
	}
	l.conn = conn
	conn.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			d.conn.ended(ch)
		}
	})
	conn.OnDataChannel(func(*webrtc.DataChannel) { d.conn.ended(ch) }) // a second one is a violation
	yes, no, zero := true, false, uint16(0)
	l.data, err = conn.CreateDataChannel("kadmesh", &webrtc.DataChannelInit{
		Ordered: &no, MaxRetransmits: &zero, Negotiated: &yes, ID: &zero,
	})
	if err == nil {
		l.data.OnOpen(func() { d.run(ch, l) })
	}
	return err
}

// run receives messages until the channel ends.
func (d *pion) run(ch chanID, l *link) {
	raw, err := l.data.Detach()
	if err != nil {
		d.conn.ended(ch)
		return
	}
	l.open.Store(&raw)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return
	}
	d.running.Go(func() {
		d.conn.opened(ch)
		b := make([]byte, maxMessage)
		for {
			n, err := raw.Read(b)
			if err != nil && !errors.Is(err, io.ErrShortBuffer) {
				d.conn.ended(ch)
				return
			}
			if err != nil {
				n = 0 // too long, but still a record
			}
			d.conn.received(ch, b[:n])
		}
	})
}

// accept implements driver.
func (d *pion) accept(ch chanID, remote description) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.links[ch]
	if d.ended || l == nil || l.conn == nil {
		return
	}
	d.running.Go(func() {
		answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: remote.sdp()}
		if err := l.conn.SetRemoteDescription(answer); err != nil {
			d.conn.ended(ch)
		}
	})
}

// send implements driver.
func (d *pion) send(ch chanID, data []byte) bool {
	d.mu.RLock()
	l := d.links[ch]
	d.mu.RUnlock()
	if l == nil {
		return false
	}
	raw := l.open.Load()
	if raw == nil || l.data.BufferedAmount() > maxBuffered {
		return false
	}
	_, err := (*raw).Write(data)
	return err == nil
}

// stop implements driver.
func (d *pion) stop(ch chanID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.links[ch]
	delete(d.links, ch)
	if l != nil {
		close(l.gone)
	}
	if l != nil && l.conn != nil && !d.ended {
		d.running.Go(func() { l.conn.Close() })
	}
}

// close ends all connections and returns after the last event.
func (d *pion) close() error {
	d.mu.Lock()
	d.ended = true
	links := d.links
	d.links = nil
	close(d.done)
	d.mu.Unlock()
	var closing sync.WaitGroup
	for _, l := range links {
		if l.conn != nil {
			closing.Go(func() { l.conn.Close() })
		}
	}
	closing.Wait()
	err := d.mux.Close()
	d.running.Wait()
	return err
}
