//go:build !js

package udp

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestSizes(t *testing.T) {
	tests := []struct {
		host    string
		longest int // bytes; in IPv4 the header of IP counts too
	}{
		{"127.0.0.1", maxDatagram - 20},
		{"::1", maxDatagram},
	}
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			sizes := []int{0, 1, 2, 43, 576, 1280, 1472, 1473, 8192, 65506, tt.longest}
			eachPath(t, func(t *testing.T, listen listener) {
				addr := netip.AddrPortFrom(netip.MustParseAddr(tt.host), 0).String()
				a, b := listen(t, addr), listen(t, addr)
				for i := 0; i < len(sizes); i += 2 { // two at a time fit into any kernel buffer
					var want []string
					for _, size := range sizes[i:min(i+2, len(sizes))] {
						want = append(want, noise(size))
					}
					send(t, a, b.LocalAddr(), want...)
					for j, d := range receive(t, b, len(want)) {
						if d.data != want[j] || d.from != a.LocalAddr() {
							t.Errorf("got %d bytes from %v, want %d, the same, from %v",
								len(d.data), d.from, len(want[j]), a.LocalAddr())
						}
					}
				}
			})
		})
	}
}

// noise is n bytes that differ from one call to the next.
func noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return string(b)
}

// A datagram that cannot be sent is skipped, at any place in the batch, and the reader
// of the same socket goes on.
func TestBadDestinations(t *testing.T) {
	none, noIP := netip.AddrPort{}, netip.AddrPortFrom(netip.Addr{}, 9)
	tests := []struct {
		host string
		bad  []netip.AddrPort
	}{
		{"127.0.0.1:0", []netip.AddrPort{none, noIP,
			netip.MustParseAddrPort("127.0.0.1:0"),
			netip.MustParseAddrPort("[::1]:9"),
			netip.MustParseAddrPort("[fe80::1%nowhere]:9"),
		}},
		{"[::1]:0", []netip.AddrPort{none, noIP,
			netip.MustParseAddrPort("[::1]:0"),
			netip.MustParseAddrPort("127.0.0.1:9"),
			netip.MustParseAddrPort("[::ffff:127.0.0.1]:9"),
		}},
	}
	for _, tt := range tests {
		for _, bad := range tt.bad {
			for _, row := range []string{"b", "bg", "gb", "gbg", "bbb", "bggbbggb", "ggbggg"} {
				t.Run(fmt.Sprint(tt.host, " ", bad, " ", row), func(t *testing.T) {
					eachPath(t, func(t *testing.T, listen listener) {
						checkRow(t, listen(t, tt.host), row, bad, "x")
					})
				})
			}
		}
	}
}

func TestFirstErrorIsReturned(t *testing.T) {
	eachPath(t, func(t *testing.T, listen listener) {
		c := listen(t, "127.0.0.1:0")
		first, second := netip.MustParseAddrPort("127.0.0.1:0"), netip.MustParseAddrPort("[::1]:9")
		n, err := c.WriteBatch(make([][]byte, 3), []netip.AddrPort{c.LocalAddr(), first, second})
		if n != 1 || err == nil || !strings.HasPrefix(err.Error(), "send to "+first.String()+": ") {
			t.Errorf("WriteBatch = %d, %v, want 1 and an error that names %v", n, err, first)
		}
	})
}

func TestTooLong(t *testing.T) {
	for _, host := range []string{"127.0.0.1:0", "[::1]:0"} {
		for _, row := range []string{"b", "gb", "bg", "gbgbbg"} {
			t.Run(host+"/"+row, func(t *testing.T) {
				eachPath(t, func(t *testing.T, listen listener) {
					c := listen(t, host)
					checkRow(t, c, row, c.LocalAddr(), noise(maxDatagram+1))
				})
			})
		}
	}
}

// checkRow sends from c one batch with one datagram per letter of row: data to
// addr for each b, and for each g a good one to c itself. It expects only the
// good ones to arrive, and the error to name addr.
func checkRow(t *testing.T, c *Conn, row string, addr netip.AddrPort, data string) {
	t.Helper()
	var bufs [][]byte
	var to []netip.AddrPort
	var want []string
	for i, letter := range row {
		if letter == 'b' {
			bufs, to = append(bufs, []byte(data)), append(to, addr)
			continue
		}
		want = append(want, fmt.Sprint("good ", i))
		bufs, to = append(bufs, []byte(want[len(want)-1])), append(to, c.LocalAddr())
	}
	n, err := c.WriteBatch(bufs, to)
	if n != len(want) || err == nil || !strings.HasPrefix(err.Error(), "send to "+addr.String()+": ") {
		t.Errorf("WriteBatch = %d, %v, want %d and an error that names %v", n, err, len(want), addr)
	}
	var got []string
	for _, d := range receive(t, c, len(want)) {
		got = append(got, d.data)
	}
	if !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
}

// A port without a listener makes the peer's kernel answer with ICMP. That must not
// disturb the reader or a later batch.
func TestRefused(t *testing.T) {
	for _, host := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		t.Run(host, func(t *testing.T) {
			eachPath(t, func(t *testing.T, listen listener) {
				c := listen(t, host)
				ip := c.LocalAddr().Addr()
				if ip.IsUnspecified() {
					ip = netip.MustParseAddr("127.0.0.1")
				}
				gone := listen(t, netip.AddrPortFrom(ip, 0).String())
				gone.Close()
				for range 3 {
					send(t, c, gone.LocalAddr(), "a", "b")
					send(t, c, reach(c, ip.String()), "c", "d")
					receive(t, c, 2)
				}
			})
		})
	}
}

// A datagram longer than its buffer never arrives; its neighbors do.
func TestTruncation(t *testing.T) {
	tests := []struct {
		name string
		room []int // lengths of the buffers
		sent []string
		want []string
	}{
		{"first", []int{4, 4, 4}, []string{"12345", "one", "two"}, []string{"one", "two"}},
		{"between", []int{4, 4, 4}, []string{"one", "12345", "two"}, []string{"one", "two"}},
		{"several", []int{4, 4, 4, 4, 4}, []string{"12345", "one", "123456", "1234567", "1234"}, []string{"one", "1234"}},
		{"room of different lengths", []int{2, 4, 4}, []string{"123", "1234", "ab"}, []string{"ab"}},
		{"no room at all", []int{0, 0}, []string{"1", ""}, []string{""}},
		{"more than one batch", []int{4, 4}, []string{"12345", "12345", "12345", "one"}, []string{"one"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			eachPath(t, func(t *testing.T, listen listener) {
				c := listen(t, "127.0.0.1:0")
				send(t, c, c.LocalAddr(), tt.sent...)
				bufs, sizes, from := buffers(len(tt.room), 0)
				for i, n := range tt.room {
					bufs[i] = make([]byte, n)
				}
				var got []string
				for len(got) < len(tt.want) {
					n, err := c.ReadBatch(bufs, sizes, from)
					if err != nil {
						t.Fatalf("ReadBatch = %v, want nil", err)
					}
					for i := range n {
						got = append(got, string(bufs[i][:sizes[i]]))
					}
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("received %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// Writers share one socket; every datagram arrives once, unmixed.
func TestConcurrentWriters(t *testing.T) {
	const writers, batches, size = 16, 50, 5
	eachPath(t, func(t *testing.T, listen listener) {
		c, sink := listen(t, "127.0.0.1:0"), listen(t, "[::]:0")
		to := slices.Repeat([]netip.AddrPort{reach(sink, "127.0.0.1")}, size)
		room := make(chan struct{}, 32*size) // what may be on its way, for any kernel buffer
		var running sync.WaitGroup
		for w := range writers {
			running.Go(func() {
				for b := range batches {
					bufs := make([][]byte, 1+b%size)
					for i := range bufs {
						room <- struct{}{}
						bufs[i] = []byte(fmt.Sprint(w, b, i))
					}
					if n, err := c.WriteBatch(bufs, to[:len(bufs)]); n != len(bufs) || err != nil {
						t.Errorf("WriteBatch = %d, %v, want %d, nil", n, err, len(bufs))
					}
				}
			})
		}
		seen := make(map[string]bool)
		bufs, sizes, from := buffers(8, 64)
		for len(seen) < writers*batches*(size+1)/2 {
			n, err := sink.ReadBatch(bufs, sizes, from)
			if err != nil {
				t.Fatalf("ReadBatch after %d datagrams = %v, want nil", len(seen), err)
			}
			for i := range n {
				<-room
				if d := string(bufs[i][:sizes[i]]); seen[d] {
					t.Errorf("%q came twice", d)
				} else {
					seen[d] = true
				}
			}
		}
		running.Wait()
	})
}
