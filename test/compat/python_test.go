//go:build compat

package compat

import (
	"fmt"
	"net/netip"
	"os"
	"testing"
)

// A node of the Python reference is in one network with both versions.
func TestPython(t *testing.T) {
	interpreter := os.Getenv("KADMESH_PYTHON")
	if interpreter == "" {
		t.Fatal("KADMESH_PYTHON is not set to a Python that has test/python/requirements.txt: use `make compat`")
	}
	eachPair(t, func(t *testing.T, first, second version) {
		python := drive(t, "Python", interpreter, "../interop/node.py")
		at := python.first["listening"].([]any)
		one, _ := first.node(t, fmt.Sprintf("%v:%v", at[0], at[1]))
		two, _ := second.node(t, one)
		join := netip.MustParseAddrPort(two)
		python.call("bootstrap", map[string]any{"addrs": [][]any{{join.Addr().String(), join.Port()}}})
		python.set("from Python", "a")
		for _, v := range []version{first, second} {
			for _, via := range []string{one, two} {
				if got := v.get(t, via, "from Python"); got != "a" {
					t.Errorf("%s got %q, want what Python has set", v.name, got)
				}
			}
			v.set(t, two, "from "+v.name, "b")
			if got := python.get("from " + v.name); got != "b" {
				t.Errorf("Python got %q, want what %s has set", got, v.name)
			}
		}
		if stats := python.call("stats", nil); stats["errors"] != float64(0) {
			t.Errorf("Python met errors: %v", stats["quotes"])
		}
	})
}
