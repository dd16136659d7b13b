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

// pion.go and certificate.go are the only files that use pion.

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

// listenAddr returns cfg.Listen with the default for a missing IP address.
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

// listen opens the UDP port of all channels and returns the driver.
func listen(c *Conn, addr netip.AddrPort) (*pion, error) {
	cert, err := newCertificate()
	if err != nil {
		return nil, err
	}
	system, err := stdnet.NewNet() // one for all channels
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
	s.SetIncludeLoopbackCandidate(true) // tellable keeps it from peers elsewhere
	s.SetICETimeouts(iceDisconnected, iceFailed, iceKeepalive)
	s.SetPrflxAcceptanceMinWait(0) // tabs have no candidates, so others cannot come
	s.SetDTLSRetransmissionInterval(handshakeRetry)
	s.SetSCTPMaxReceiveBufferSize(receiveWindow)
	media := &webrtc.MediaEngine{} // none
	return &pion{
		conn: c, addr: netip.AddrPortFrom(addr.Addr(), port), mux: mux, done: make(chan struct{}),
		cert: cert, links: make(map[chanID]*link),
		api: webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(media)),
	}, nil
}

// quiet makes loggers without output: a failure of a path is counted, not logged. All
// are the same logger, since a channel has dozens.
type quiet struct{ one logging.LeveledLogger }

func newQuiet() quiet {
	f := logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
	return quiet{f.NewLogger("webrtc")}
}

func (q quiet) NewLogger(string) logging.LeveledLogger { return q.one }

// listenUDP opens the port of all channels. For the unspecified IPv6 address it opens
// the port in both families if it can.
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
			// The IPv6 mux claims the IPv4 addresses, too, but the last mux gets them.
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

// onePerFamily is a mux that names one of its addresses for each family, if possible not
// loopback. All are the same socket, and ICE would start a reader for each.
type onePerFamily struct{ ice.UDPMux }

// GetListenAddresses implements ice.UDPMux.
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
