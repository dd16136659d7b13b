package relay

import (
	"os"
	"testing"

	"github.com/kadmesh/kadmesh/internal/proctest"
)

// TestMain fails if a goroutine or a file descriptor outlives the tests.
func TestMain(m *testing.M) { os.Exit(proctest.NothingLeft(m)) }
