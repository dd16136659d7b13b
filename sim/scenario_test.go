package sim

import (
	"encoding/xml"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// The limits of docs/results.md for large networks hold in small ones, or nearly.
func TestScenarios(t *testing.T) {
	for _, s := range Scenarios {
		if short() && s.Name != "dead10" {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			o := small(s.Name)
			if s.Name == "dead10" && !short() { // one in full size
				o = Options{Nodes: 10_000, Seed: 1, Duration: time.Nanosecond}
			}
			r, err := Play(s.Name, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(r)
			for _, m := range r.Metrics {
				if !nearly(m) {
					t.Errorf("%s = %v %s, want it within the limit above (seed %d)", m.Name, m.Value, m.Unit, r.Seed)
				}
			}
		})
	}
}

// small returns Options for a short run of a scenario.
func small(name string) Options {
	o := Options{Nodes: 400, Seed: 1, Ops: 200, Duration: time.Hour}
	switch name {
	case "bamboo":
		o.Nodes, o.Ops, o.Duration = 200, 100, 5*time.Minute
	case "kad":
		o.Nodes, o.Duration = 300, 3*time.Hour
	case "loss10", "loss30", "sybil", "lying20":
		o.Nodes, o.Ops = 200, 100
	case "restarts", "writers":
		o.Nodes = 150
	case "tabs":
		o.Duration = 20 * time.Minute
	}
	return o
}

// nearly reports whether a number keeps its limits or misses them by as little as
// chance may in a small sample. A limit of zero must be kept.
func nearly(m Metric) bool {
	switch {
	case m.AtMost != nil:
		return m.Value <= *m.AtMost*1.3
	case m.AtLeast != nil:
		return 1-m.Value <= 2*(1-*m.AtLeast)+0.005
	}
	return true
}

// short reports whether to leave out slow cases. make test runs them all.
func short() bool {
	build, ok := debug.ReadBuildInfo()
	race := ok && slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
	return testing.Short() || runtime.GOARCH == "wasm" || race
}

func TestPicture(t *testing.T) {
	r, err := Play("dead10", Options{Nodes: 50, Seed: 1, Ops: 20, Charts: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Charts) != 4 {
		t.Errorf("%d charts, want 4", len(r.Charts))
	}
	d := xml.NewDecoder(strings.NewReader(r.SVG()))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
	}
}

func TestPlayUnknown(t *testing.T) {
	if _, err := Play("no such", Options{}); err == nil {
		t.Error("Play of an unknown scenario gives no error")
	}
}
