//go:build !js

package webrtc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/pion/webrtc/v3"
)

// certRest is how long a certificate must still be valid to be used: no channel
// outlives it. Peers look at the fingerprint alone.
const certRest = 7 * 24 * time.Hour

// newCertificate makes the certificate of all channels of a node. It is a new one
// each time the node starts, and lasts a month.
func newCertificate() (webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("make a key for direct paths: %w", err)
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("make a certificate for direct paths: %w", err)
	}
	return *cert, nil
}
