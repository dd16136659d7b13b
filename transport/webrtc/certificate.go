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

// certRest is the least remaining validity of a certificate for a new channel, so that
// no channel outlives its certificate. Peers check the fingerprint alone.
const certRest = 7 * 24 * time.Hour

// newCertificate makes a certificate for all channels of a node, valid for a month.
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
