//go:build !js

package webrtc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/ice/v2"
	"github.com/pion/logging"
	"github.com/pion/transport/v2/stdnet"
	"github.com/pion/webrtc/v3"
)

// This file is all that knows pion.

// How soon ICE notices that a quiet path is dead. A path in use is watched by the
// guard, which is faster.
const (
	iceKeepalive    = 4 * time.Second
	iceDisconnected = 10 * time.Second
	iceFailed       = 10 * time.Second
)

// handshakeRetry is when a lost flight of the DTLS handshake is sent again.
const handshakeRetry = 300 * time.Millisecond

const (
	receiveWindow = 128 << 10 // bytes of SCTP, per channel
	maxBuffered   = 256 << 10 // bytes that wait to be sent over a channel; beyond, it takes no more
)

// Wrap puts direct paths over a connection, which it owns from then on, even
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

func listenAddr(wrapped Wrapped, cfg Config) netip.AddrPort {
	ip := cfg.Listen.Addr()
	if !ip.IsValid() && cfg.SameIP {
		ip = wrapped.LocalAddr().Addr()
	}
	if !ip.IsValid() {
		ip = netip.IPv6Unspecified()
	}
	return netip.AddrPortFrom(ip.Unmap(), cfg.Listen.Port())
}

// pion is the driver of native nodes.
type pion struct {
	conn *Conn
	addr netip.AddrPort // that of mux
	api  *webrtc.API
	mux  io.Closer
	done chan struct{} // closed by close

	running sync.WaitGroup

	mu    sync.RWMutex // guards what follows
	links map[chanID]*link
	cert  webrtc.Certificate
	ended bool
}

// link is one peer connection with its data channel.
type link struct {
	conn *webrtc.PeerConnection
	data *webrtc.DataChannel
	open atomic.Pointer[datachannel.ReadWriteCloser] // nil until it is
	gone chan struct{}                               // closed by stop
}

func listen(c *Conn, addr netip.AddrPort) (*pion, error) {
	cert, err := newCertificate()
	if err != nil {
		return nil, err
	}
	system, err := stdnet.NewNet() // once, and not for each channel
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	mux, port, err := listenUDP(addr)
	if err != nil {
		return nil, fmt.Errorf("listen for direct paths on %v: %w", addr, err)
	}
	var s webrtc.SettingEngine
	s.LoggerFactory = newQuiet()
	s.SetNet(system)
	s.DetachDataChannels()
	s.SetICEUDPMux(onePerFamily{mux})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.SetIncludeLoopbackCandidate(true) // tell sees to who hears of it
	s.SetICETimeouts(iceDisconnected, iceFailed, iceKeepalive)
	s.SetPrflxAcceptanceMinWait(0) // tabs have no candidates, so others cannot come
	s.SetDTLSRetransmissionInterval(handshakeRetry)
	s.SetSCTPMaxReceiveBufferSize(receiveWindow)
	media := &webrtc.MediaEngine{} // none
	return &pion{
		conn: c, addr: netip.AddrPortFrom(addr.Addr(), port), mux: mux, done: make(chan struct{}), cert: cert, links: make(map[chanID]*link),
		api: webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(media)),
	}, nil
}

// quiet makes loggers that say nothing: what goes wrong on a path is counted. All
// are one, since a channel has dozens.
type quiet struct{ one logging.LeveledLogger }

func newQuiet() quiet {
	f := logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
	return quiet{f.NewLogger("webrtc")}
}

func (q quiet) NewLogger(string) logging.LeveledLogger { return q.one }

// listenUDP opens the port that all channels share; of both families for the
// unspecified IPv6 address, if there are both.
func listenUDP(addr netip.AddrPort) (mux ice.UDPMux, port uint16, err error) {
	any6 := addr.Addr() == netip.IPv6Unspecified()
	network := "udp4"
	if addr.Addr().Is6() {
		network = "udp6"
	}
	sock, err := openUDP(network, addr)
	switch {
	case err != nil && any6:
		return listenUDP(netip.AddrPortFrom(netip.IPv4Unspecified(), addr.Port()))
	case err != nil:
		return nil, 0, err
	}
	port = sock.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	if any6 {
		four, err := openUDP("udp4", netip.AddrPortFrom(netip.IPv4Unspecified(), port))
		if err == nil {
			// The one of IPv6 claims the IPv4 addresses too; the last one has them.
			return ice.NewMultiUDPMuxDefault(newMux(sock), newMux(four)), port, nil
		}
	}
	return newMux(sock), port, nil
}

func openUDP(network string, addr netip.AddrPort) (*net.UDPConn, error) {
	return net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
}

func newMux(sock *net.UDPConn) ice.UDPMux {
	return ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: sock, Logger: newQuiet().one})
}

// onePerFamily is a mux that names one of its addresses for each IP version: all are the
// same socket, of which ICE would have a reader for each. It is one that others can
// come to, if there is one.
type onePerFamily struct{ ice.UDPMux }

// GetListenAddresses is that of ice.UDPMux.
func (m onePerFamily) GetListenAddresses() (list []net.Addr) {
	var four, six net.Addr
	for _, a := range m.UDPMux.GetListenAddresses() {
		ip := a.(*net.UDPAddr).IP
		best := &six
		if ip.To4() != nil {
			best = &four
		}
		if *best == nil || (*best).(*net.UDPAddr).IP.IsLoopback() {
			*best = a
		}
	}
	for _, a := range []net.Addr{four, six} {
		if a != nil {
			list = append(list, a)
		}
	}
	return list
}

// start is of driver.
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

// begin makes the connection of l and describes it.
func (d *pion) begin(ch chanID, l *link, remote *description) {
	own, err := d.connect(ch, l, remote)
	if err != nil {
		d.conn.ended(ch)
		return
	}
	d.conn.described(ch, own)
}

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
	conn.OnDataChannel(func(*webrtc.DataChannel) { d.conn.ended(ch) }) // there is to be one, no more
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
				n = 0 // too long, which counts as a record all the same
			}
			d.conn.received(ch, b[:n])
		}
	})
}

// accept is of driver.
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

// send is of driver.
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

// stop is of driver.
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

// close ends all connections and returns when nothing is told any more.
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
