package webrtc

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
)

// sdp expands d to a session description (RFC 8866, RFC 8841), as browsers and pion take
// it. Candidates of kind portOnly have no form in SDP and are left out.
func (d *description) sdp() string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n" +
		"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n")
	for i, c := range d.candidates {
		if c.kind == portOnly {
			continue
		}
		// The priority of a host candidate (RFC 8445, section 5.1.2), the first highest.
		priority := 126<<24 | (65535-i)<<8 | 255
		b.WriteString("a=candidate:" + strconv.Itoa(i+1) + " 1 udp " + strconv.Itoa(priority) + " " + c.host() +
			" " + strconv.Itoa(int(c.port)) + " typ host\r\n")
	}
	b.WriteString("a=ice-ufrag:" + d.ufrag + "\r\na=ice-pwd:" + d.pwd + "\r\na=fingerprint:sha-256 ")
	for i, x := range d.fingerprint {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strings.ToUpper(hex.EncodeToString([]byte{x})))
	}
	b.WriteString("\r\na=setup:" + setups[d.role] + "\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:65536\r\n")
	return b.String()
}

var setups = [roles]string{"actpass", "active", "passive"}

// host returns the address of c in the form of SDP.
func (c candidate) host() string {
	if c.kind != mdns {
		return c.ip.String()
	}
	ip := c.ip.As16()
	h := hex.EncodeToString(ip[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:] + ".local"
}

// parseSDP reduces a session description to a description. It drops TCP candidates and
// others without an encoding, and all beyond maxCandidates.
func parseSDP(sdp string) (description, error) {
	var d description
	fingerprint, setup := false, false
	for line := range strings.Lines(sdp) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch key {
		case "a=ice-ufrag":
			d.ufrag = value
		case "a=ice-pwd":
			d.pwd = value
		case "a=fingerprint":
			fingerprint = d.setFingerprint(value)
		case "a=setup":
			setup = d.setRole(value)
		case "a=candidate":
			if c, ok := parseCandidate(value); ok && len(d.candidates) < maxCandidates {
				d.candidates = append(d.candidates, c)
			}
		}
	}
	if !fingerprint || !setup || !validICE(d.ufrag, minUfrag, maxUfrag) || !validICE(d.pwd, minPwd, maxPwd) {
		return d, errDescription
	}
	return d, nil
}

// validICE reports whether s has a valid length and consists of ICE characters.
func validICE(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && isICE(s)
}

func (d *description) setFingerprint(value string) bool {
	hash, digits, _ := strings.Cut(value, " ")
	digits = strings.ReplaceAll(digits, ":", "")
	if !strings.EqualFold(hash, "sha-256") || len(digits) != 2*len(d.fingerprint) {
		return false
	}
	_, err := hex.Decode(d.fingerprint[:], []byte(digits))
	return err == nil
}

func (d *description) setRole(value string) bool {
	for r, s := range setups {
		if s == value {
			d.role = role(r)
			return true
		}
	}
	return false
}

// parseCandidate reads "foundation component transport priority address port typ ..."
// (RFC 8839, section 5.1).
func parseCandidate(value string) (candidate, bool) {
	f := strings.Fields(value)
	if len(f) < 6 || f[1] != "1" || !strings.EqualFold(f[2], "udp") {
		return candidate{}, false
	}
	port, err := strconv.ParseUint(f[5], 10, 16)
	if err != nil || port == 0 {
		return candidate{}, false
	}
	if uuid, ok := strings.CutSuffix(f[4], ".local"); ok {
		var ip [16]byte
		digits := strings.ReplaceAll(uuid, "-", "")
		if len(digits) != 32 {
			return candidate{}, false
		}
		_, err := hex.Decode(ip[:], []byte(digits))
		return candidate{mdns, netip.AddrFrom16(ip), uint16(port)}, err == nil
	}
	ip, err := netip.ParseAddr(f[4])
	if err != nil {
		return candidate{}, false
	}
	return candidateAt(netip.AddrPortFrom(ip, uint16(port))), true
}
