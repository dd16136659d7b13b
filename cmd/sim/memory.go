package main

import (
	"runtime/debug"
	"runtime/metrics"
)

// memoryUsed returns the memory, in bytes, that the program has from the system.
func memoryUsed() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// limitMemory tunes the garbage collector for a program whose memory nearly all stays
// in use: garbage may add half to it, and the limit is 90 % of the memory that the
// system has free, or GOMEMLIMIT if that is less.
func limitMemory() {
	debug.SetGCPercent(50)
	if free := memoryFree(); free > 0 {
		debug.SetMemoryLimit(min(debug.SetMemoryLimit(-1), int64(free/10*9)))
	}
}
