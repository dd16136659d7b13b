//go:build compat

// Package compat runs the programs of the last release and of today in one network: a
// change must not strand the nodes, tabs and relays that run already. `make compat`
// runs it; README.md has the place for each later change.
package compat

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/proctest"
)

// A value set by a client of either version, through a node of either version, is
// kept by both nodes, and read by either client through either node.
func TestNodes(t *testing.T) {
	eachPair(t, func(t *testing.T, first, second version) {
		one, _ := first.node(t)
		two, _ := second.node(t, one)
		values := [][2]string{{"str", "grüß"}, {"int", "5"}, {"float", "1.5"}, {"bool", "true"}, {"bytes", "00ff"}}
		for i, setter := range []version{first, second} {
			for j, via := range []string{one, two} {
				kind, value := values[(2*i+j)%len(values)][0], values[(2*i+j)%len(values)][1]
				key := fmt.Sprintf("set by %d through %d", i, j)
				if said := setter.set(t, via, key, value, "--type", kind); !strings.Contains(said, "2 nodes") {
					t.Errorf("set by %s: %q, want it on 2 nodes", setter.name, said)
				}
				for _, getter := range []version{first, second} {
					for _, from := range []string{one, two} {
						if f := getter.find(t, from, key); f.Type != kind || fmt.Sprint(f.Value) != value {
							t.Errorf("%s got %+v, want %s %s", getter.name, f, kind, value)
						}
					}
				}
			}
		}
		for _, v := range []version{first, second} {
			if said := v.run(t, "lookup", "anything", "--bootstrap", two); strings.Count(said, "127.0.0.1:") != 2 {
				t.Errorf("lookup of %s found other than 2 nodes:\n%s", v.name, said)
			}
			v.run(t, "ping", one)
			v.run(t, "ping", two)
		}
	})
}

// The trailer: a newcomer gets a record from a node of the other version, with its
// age, so that the value does not live longer than it should.
func TestTrailer(t *testing.T) {
	eachPair(t, func(t *testing.T, first, second version) {
		one, old := first.node(t)
		first.set(t, one, "key", "value")
		before := first.find(t, one, "key")
		two, _ := second.node(t, one)
		var after found
		proctest.Eventually(t, "the newcomer has the value", func() bool {
			after = second.find(t, two, "key")
			return after.From.Addr == two
		})
		if apart := published(t, after).Sub(published(t, before)).Abs(); after.Value != "value" || apart > 2*time.Second {
			t.Errorf("the newcomer has %+v, want what the first node had: %+v", after, before)
		}
		old.Signal(t, os.Kill)
		old.End(t)
		if got := second.get(t, two, "key"); got != "value" {
			t.Errorf("after the first node's end: %q, want the value", got)
		}
	})
}

func published(t *testing.T, f found) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, f.Published)
	if err != nil {
		t.Errorf("%+v: the time of publication is lost: %v", f, err)
	}
	return at
}
