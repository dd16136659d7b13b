//go:build !linux && !darwin

package core

import "time"

// suspended returns how long the system was suspended since it was booted, as far as
// the monotonic clock has left that out. On Windows, Go's monotonic clock counts sleep.
// A browser does not tell.
func suspended() time.Duration { return 0 }
