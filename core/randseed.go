//go:build !js

package core

import "crypto/rand"

// randomSeed returns 32 unpredictable bytes.
func randomSeed() (seed [32]byte) {
	rand.Read(seed[:])
	return seed
}
