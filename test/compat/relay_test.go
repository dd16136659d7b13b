//go:build compat

package compat

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/kadmesh/kadmesh/internal/proctest"
)

// The relay protocol: a tab of the other version than the relay is a node as any
// other, for nodes and for tabs of both versions.
func TestRelay(t *testing.T) {
	eachPair(t, func(t *testing.T, first, second version) {
		seed, _ := first.node(t)
		relay, _ := first.startRelay(t, "127.0.0.1:0", seed)
		peer, tab := first.tab(t, relay), second.tab(t, relay)
		tab.set("from the tab", "a")
		peer.set("from its peer", "b")
		second.set(t, seed, "from a client", "c")
		for _, v := range []version{first, second} {
			v.run(t, "ping", tab.address())
			if got := v.get(t, seed, "from the tab"); got != "a" {
				t.Errorf("%s got %q through a node, want what the tab has set", v.name, got)
			}
			if got := v.get(t, tab.address(), "from a client"); got != "c" {
				t.Errorf("%s got %q through the tab, want what a client has set", v.name, got)
			}
		}
		if got := peer.get("from the tab"); got != "a" {
			t.Errorf("%s got %q, want what the other tab has set", peer.name, got)
		}
		if got := tab.get("from its peer"); got != "b" {
			t.Errorf("%s got %q, want what the other tab has set", tab.name, got)
		}
	})
}

// A relay is replaced by one of the other version while tabs of both are connected:
// each comes back, and has the port that it had, by the secret that the first relay
// has kept in a file.
func TestRelayReplaced(t *testing.T) {
	eachPair(t, func(t *testing.T, first, second version) {
		secret := filepath.Join(t.TempDir(), "secret")
		seed, _ := first.node(t)
		addr, relay := first.startRelay(t, "127.0.0.1:0", seed, "--secret-file", secret)
		tabs := []*driven{first.tab(t, addr), second.tab(t, addr)}
		if code := relay.Stop(t, syscall.SIGTERM); code != 0 {
			t.Errorf("the relay of %s ended with status %d", first.name, code)
		}
		before, err := os.ReadFile(secret)
		if err != nil {
			t.Fatal(err)
		}
		second.startRelay(t, addr, seed, "--secret-file", secret)
		for _, tab := range tabs {
			proctest.Eventually(t, tab.name+" is back", func() bool { return tab.call("state", nil)["state"] == "connected" })
			if now := tab.call("state", nil)["address"]; now != tab.address() {
				t.Errorf("%s is at %v now, want %s as before", tab.name, now, tab.address())
			}
			second.run(t, "ping", tab.address())
			tab.set("from "+tab.name, "back")
			if got := first.get(t, seed, "from "+tab.name); got != "back" {
				t.Errorf("got %q from %s, want what it has set since", got, tab.name)
			}
		}
		if after, err := os.ReadFile(secret); string(after) != string(before) || err != nil {
			t.Errorf("the secret has changed: %v", err)
		}
	})
}
