package wsrelay

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

func TestBackoff(t *testing.T) {
	b := newBackoff(rand.NewPCG(1, 2))
	var sums [10]time.Duration
	const runs = 2000
	for range runs {
		b.reset()
		for i := range sums {
			ceiling := min(500*time.Millisecond<<i, 30*time.Second)
			d := b.next()
			if d < 0 || d >= ceiling {
				t.Fatalf("wait %d = %v, want less than %v", i, d, ceiling)
			}
			sums[i] += d
		}
	}
	for i, sum := range sums {
		mean, want := sum/runs, min(500*time.Millisecond<<i, 30*time.Second)/2
		if mean < want*9/10 || mean > want*11/10 {
			t.Errorf("wait %d is %v in the mean, want about %v", i, mean, want)
		}
	}
}

// Which relay is next, and whether there is a wait before, for a history of how
// attempts at three relays ended.
func TestRelays(t *testing.T) {
	type step struct {
		after  time.Duration // the step before
		e      ending
		at     int
		waits  bool
		reason string
	}
	full := &message.Error{Code: message.CodeFull}
	slow := &message.Error{Code: message.CodeSlow}
	lasted := func(d time.Duration, err error) ending { return ending{err: err, lasted: d} }
	failed := ending{err: errBroken}
	tests := map[string][]step{
		"none answers": {
			{0, failed, 1, false, "the next one at once"},
			{0, failed, 2, false, "and the next"},
			{0, failed, 0, true, "a round is over"},
			{time.Second, failed, 1, false, "a new round"},
		},
		"one that worked is preferred for a while": {
			{0, lasted(time.Hour, errBroken), 0, true, "it was good"},
			{time.Second, failed, 0, true, "within patience"},
			{5 * time.Second, failed, 1, false, "patience is over"},
			{0, failed, 2, false, "and so on"},
			{0, failed, 0, true, "a round is over"},
		},
		"one that loses its clients at once is not": {
			{0, lasted(time.Second, errBroken), 1, false, "no success"},
			{0, lasted(time.Second, errBroken), 2, false, "neither"},
			{0, lasted(time.Second, errBroken), 0, true, "a round is over"},
		},
		"refused after all": {
			{0, lasted(time.Hour, errBroken), 0, true, "it was good"},
			{time.Second, ending{err: full}, 1, false, "but has no place now"},
		},
		"too slow": {
			{0, lasted(time.Hour, slow), 0, true, "its address is worth a try"},
		},
		"nonsense": {
			{0, lasted(time.Hour, malformed(message.KindHello, message.ErrMalformed)), 1, false, "no use to ask again"},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			r := relays{list: make([]relay, 3), backoff: newBackoff(rand.NewPCG(1, 2))}
			now := time.Unix(1e9, 0)
			for i, s := range steps {
				now = now.Add(s.after)
				wait := r.ended(now, s.e)
				if r.at != s.at || (wait > 0) != s.waits {
					t.Errorf("step %d: relay %d after %v, want %d, a wait = %v: %s",
						i, r.at, wait, s.at, s.waits, s.reason)
				}
			}
		})
	}
}

func TestRelaysAreHopeless(t *testing.T) {
	token, full := &message.Error{Code: message.CodeToken}, &message.Error{Code: message.CodeFull}
	tests := []struct {
		errs []error
		want bool
	}{
		{[]error{token, errVersion}, true},
		{[]error{errForbidden}, true},
		{[]error{token, nil}, false},
		{[]error{token, full}, false},
		{[]error{errBroken}, false},
	}
	for _, tt := range tests {
		var r relays
		for _, err := range tt.errs {
			r.list = append(r.list, relay{err: err})
		}
		if got := r.hopeless(); got != tt.want {
			t.Errorf("hopeless with %v = %v, want %v", tt.errs, got, tt.want)
		}
		for _, err := range tt.errs {
			if err != nil && !errors.Is(r.errors(), err) {
				t.Errorf("%v does not wrap %v", r.errors(), err)
			}
		}
	}
}

func TestRelayURL(t *testing.T) {
	tests := map[string]string{
		"wss://relay.example":            "wss://relay.example/relay",
		"ws://127.0.0.1:8080/":           "ws://127.0.0.1:8080/relay",
		"https://relay.example:8443":     "wss://relay.example:8443/relay",
		" HTTP://[::1]:80/relay?key=a/b": "ws://[::1]:80/relay?key=a/b",
		"wss://relay.example/deep/path":  "wss://relay.example/deep/path",
		"ws://relay.example?x":           "ws://relay.example/relay?x",
		"ws://relay.example/?x=/y?":      "ws://relay.example/relay?x=/y?",
		"ws://?x":                        "",
		"ws://relay.example#x":           "",
		"ws://relay.example/relay#":      "",
		"relay.example":                  "",
		"ftp://relay.example":            "",
		"wss://":                         "",
		"":                               "",
	}
	for s, want := range tests {
		if got, err := relayURL(s); got != want || (err == nil) != (want != "") {
			t.Errorf("relayURL(%q) = %q, %v, want %q", s, got, err, want)
		}
	}
}
