package core

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		nodes := board.nodes(t, 12, Config{K: 2, B: 1, TTL: time.Hour, RepublishInterval: 2 * time.Hour})
		if _, err := nodes[0].Set(t.Context(), "greeting", String("hello")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		waiting, kept := 0, 0
		for _, n := range nodes {
			contacts, replacements := 0, 0
			for _, e := range n.Table() {
				if e.Replacement {
					replacements++
				} else {
					contacts++
				}
				if want := PrefixLen(n.ID(), e.ID); e.Prefix != want {
					t.Errorf("entry %v of %v has prefix %d, want %d", e.ID, n.ID(), e.Prefix, want)
				}
			}
			s := n.Stats()
			if contacts != s.Contacts || replacements != s.Replacements {
				t.Errorf("table has %d contacts and %d replacements, want %d and %d", contacts, replacements, s.Contacts, s.Replacements)
			}
			waiting += replacements
			n.Records(func(key ID, r Record) bool {
				if key != Key("greeting") || r.Value != String("hello") {
					t.Errorf("record %v: %q", key, r.Value.Text())
				}
				kept++
				return true
			})
		}
		if waiting == 0 || kept < 2 {
			t.Errorf("%d replacements, %d records in all, want some and at least 2", waiting, kept)
		}
		time.Sleep(2 * time.Hour)
		for _, n := range nodes {
			n.Records(func(ID, Record) bool { t.Error("a record is shown after its life"); return true })
		}
	})
}
