package sim

import (
	"strings"
	"testing"
	"time"
)

func TestQueueKeepsOrder(t *testing.T) {
	var q queue
	x := uint64(1)
	for i := range 5000 {
		x = mix(x)
		q.push(event{at: time.Duration(x % 100), from: int32(i)})
	}
	last := q.pop()
	for len(q.heap) > 0 {
		e := q.pop()
		if e.at < last.at || e.at == last.at && e.from < last.from {
			t.Fatalf("event %d of %v comes after event %d of %v", e.from, e.at, last.from, last.at)
		}
		last = e
	}
}

func TestPoolKeepsDatagrams(t *testing.T) {
	var p pool
	held := map[ref]string{}
	for i := range 3000 {
		d := strings.Repeat(string(rune('a'+i%26)), 1+int(mix(uint64(i))%2000))
		r := p.put([]byte(d))
		if _, taken := held[r]; taken || r == 0 {
			t.Fatalf("block %x is given out twice", r)
		}
		held[r] = d
		if i%3 == 0 {
			p.release(r)
			delete(held, r)
		}
	}
	for r, want := range held {
		if got := string(p.block(r)[:len(want)]); got != want {
			t.Fatalf("block %x = %.9s..., want %.9s...", r, got, want)
		}
	}
}
