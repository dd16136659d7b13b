package relay

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// restoreTime is how long after its start a relay honours tokens from before the start.
// Later, such a token is likely to be of a client that gave up its port long ago.
const restoreTime = 10 * time.Minute

// tokens issues and checks resume tokens. A token has the lent port and the time of the
// welcome, signed by the relay. Each welcome has a new one.
//
//	offset 0   u8        family, 4 or 6
//	offset 1   u16       port
//	offset 3   u64       time in ns since 1970, different in each token
//	offset 11  16 bytes  of HMAC-SHA-256 over bytes 0 to 10 and the IP address
type tokens struct {
	secret []byte
	last   int64 // the latest time in a token
}

const (
	tokenBody = 1 + 2 + 8
	tokenLen  = tokenBody + 16
)

// newTokens signs with a secret, or with a random one if it is empty.
func newTokens(secret []byte) tokens {
	if len(secret) == 0 {
		secret = make([]byte, 32)
		rand.Read(secret)
	}
	return tokens{secret: secret}
}

// issue returns a new token for the lease of a.
func (t *tokens) issue(now time.Time, a netip.AddrPort) string {
	t.last = max(t.last+1, now.UnixNano())
	b := make([]byte, 0, tokenLen)
	b = append(b, netaddr.Family(a.Addr()))
	b = binary.BigEndian.AppendUint16(b, a.Port())
	b = binary.BigEndian.AppendUint64(b, uint64(t.last))
	return string(t.sign(b, a.Addr()))
}

func (t *tokens) sign(b []byte, ip netip.Addr) []byte {
	h := hmac.New(sha256.New, t.secret)
	h.Write(b)
	h.Write(ip.AsSlice())
	return append(b, h.Sum(nil)[:tokenLen-tokenBody]...)
}

// read returns the family, port and time in a token, without checking the signature.
func (t *tokens) read(token string) (fam byte, port uint16, lent time.Time, ok bool) {
	if len(token) != tokenLen {
		return 0, 0, time.Time{}, false
	}
	b := []byte(token)
	lent = time.Unix(0, int64(binary.BigEndian.Uint64(b[3:])))
	return b[0], binary.BigEndian.Uint16(b[1:]), lent, true
}

// valid reports whether this relay issued a token for a lease of ip.
func (t *tokens) valid(token string, ip netip.Addr) bool {
	return hmac.Equal(t.sign([]byte(token)[:tokenBody:tokenBody], ip), []byte(token))
}
