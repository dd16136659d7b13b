package core

import (
	"encoding/binary"
	"math/rand/v2"
)

// randomSeed returns 32 unpredictable bytes from the runtime's generator, seeded by
// the browser's crypto.getRandomValues. The package crypto/rand would do the same and
// make the binary larger.
func randomSeed() (seed [32]byte) {
	for i := 0; i < len(seed); i += 8 {
		binary.LittleEndian.PutUint64(seed[i:], rand.Uint64())
	}
	return seed
}
