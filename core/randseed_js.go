package core

import (
	"encoding/binary"
	"math/rand/v2"
)

// randomSeed returns 32 unpredictable bytes: of the runtime's generator, which
// the browser's crypto.getRandomValues has seeded. The package crypto/rand would
// make the binary larger and do the same.
func randomSeed() (seed [32]byte) {
	for i := 0; i < len(seed); i += 8 {
		binary.LittleEndian.PutUint64(seed[i:], rand.Uint64())
	}
	return seed
}
