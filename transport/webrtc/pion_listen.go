//go:build !js

package webrtc

import (
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/pion/ice/v2"
	"github.com/pion/logging"
	"github.com/pion/transport/v2/stdnet"
	"github.com/pion/webrtc/v3"
)

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
