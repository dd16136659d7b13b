package core

import (
	"time"

	"golang.org/x/sys/unix"
)

// suspended returns how long the system was suspended since it was booted. The clock
// that counts sleep is read first: a pause between the two readings must not look like
// a sleep.
func suspended() time.Duration {
	var all, awake unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &all) != nil ||
		unix.ClockGettime(unix.CLOCK_UPTIME_RAW, &awake) != nil {
		return 0
	}
	return time.Duration(all.Nano() - awake.Nano())
}
