package wire

import (
	"strings"
	"testing"
	"time"
)

func TestReadTrailer(t *testing.T) {
	id := ID(fromHex(t, hexID)[2:])
	caps := func(c Caps) Trailer { return Trailer{Present: true, Caps: c} }
	tests := []struct {
		name    string
		trailer string
		want    Trailer
	}{
		{"none", "", Trailer{}},
		{"empty", "80", caps(0)},
		{"caps", "81 00 06", caps(6)},
		{"caps, loosely", "de0001 cc00 cf0000000000000006", caps(6)},
		{"caps, signed", "81 d000 d106", Trailer{}},
		{"caps as int16", "81 d000 d10006", caps(6)},
		{"caps, bits of a later version", "81 00 cf ffffffffffffffff", caps(^Caps(0))},
		{"caps twice", "82 00 01 00 06", caps(6)},
		{"keys of a later version", "84 0e c3 00 06 cd1000 92a161c0 0f 80", caps(6)},
		{"version and marks", "82 04 cf00000199a3b2c1d0 05 03", Trailer{Present: true, Version: 0x199a3b2c1d0, Marks: MarkCopy | MarkDeleted}},
		{"marks of a later version", "81 05 cf ffffffffffffffff", Trailer{Present: true, Marks: ^Marks(0)}},
		{"run, network and k", "83 06 ce12345678 07 ce9abcdef0 08 14", Trailer{Present: true, Run: 0x12345678, Network: 0x9abcdef0, K: 20}},
		{"condition", "81 09 cd0102", Trailer{Present: true, Condition: 258}},
		{"condition a list", "81 09 90", Trailer{}},
		{"k beyond a byte", "81 08 cd0400", Trailer{Present: true, K: 255}},
		{"version negative", "81 04 ff", Trailer{}},
		{"marks a str", "81 05 a161", Trailer{}},
		{"run nil", "81 06 c0", Trailer{}},
		{"network a float", "81 07 ca40000000", Trailer{}},
		{"k a list", "81 08 90", Trailer{}},
		{"sender", "82 00 06 01" + hexID, Trailer{Present: true, Caps: 6, Sender: id}},
		{"life", "82 02 0a 03 14", Trailer{Present: true, Life: true, Age: 10 * time.Second, TTL: 20 * time.Second}},
		{"life, in the other order", "82 03 14 02 0a",
			Trailer{Present: true, Life: true, Age: 10 * time.Second, TTL: 20 * time.Second}},
		{"TTL only", "81 03 14", Trailer{Present: true, Life: true, TTL: 20 * time.Second}},
		{"age only means nothing", "81 02 0a", caps(0)},
		{"life longer than can be", "82 02 cfffffffffffffffff 03 ce12ce0bd1",
			Trailer{Present: true, Life: true, Age: maxLife, TTL: maxLife}},
		{"life whose seconds overflow", "82 02 ce225c17d0 03 cf0000000225c17d05",
			Trailer{Present: true, Life: true, Age: maxLife, TTL: maxLife}},
		{"bytes behind it", "81 00 06 c1ff", caps(6)},

		{"not a map", "91 00", Trailer{}},
		{"nil", "c0", Trailer{}},
		{"c1", "c1", Trailer{}},
		{"key nil", "81 c0 06", Trailer{}},
		{"key negative", "81 ff 06", Trailer{}},
		{"key a str", "81 a161 06", Trailer{}},
		{"key a str behind good ones", "82 00 06 a161 06", Trailer{}},
		{"caps nil", "81 00 c0", Trailer{}},
		{"caps negative", "81 00 ff", Trailer{}},
		{"caps negative, as int8", "81 00 d0ff", Trailer{}},
		{"caps negative, as int64", "81 00 d3ffffffffffffffff", Trailer{}},
		{"caps a float", "81 00 ca40000000", Trailer{}},
		{"sender of 19 bytes", "81 01 c413" + strings.Repeat("00", 19), Trailer{}},
		{"sender nil", "81 01 c0", Trailer{}},
		{"age negative", "82 02 ff 03 14", Trailer{}},
		{"TTL a str", "82 02 0a 03 a161", Trailer{}},
		{"malformed value of an unknown key", "82 00 06 07 c1", Trailer{}},
		{"cut", "82 00 06 01", Trailer{}},
		{"map32 of 2^32-1", "df ffffffff 00 06", Trailer{}},
		{"map32 of 2^31", "df 80000000", Trailer{}},
		{"map32 of 0", "df 00000000", caps(0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// The answer counts, even if the trailer behind it is malformed.
			body := append(fromHex(t, hexID), fromHex(t, tt.trailer)...)
			var a Answer
			err := NewParser().Answer(body, Ping, 0, &a)
			if err != nil || a.ID != id || a.Trailer != tt.want {
				t.Errorf("id %x, trailer %+v, %v, want id %x, trailer %+v", a.ID, a.Trailer, err, id, tt.want)
			}
		})
	}
}

// Ages travel in whole seconds, rounded down, and at most maxLife.
func TestTrailerRounds(t *testing.T) {
	msg, id := testID(1), testID(2)
	tests := []struct{ in, want time.Duration }{
		{0, 0},
		{time.Second - 1, 0},
		{time.Second, time.Second},
		{2*time.Second - 1, time.Second},
		{maxLife - 1, maxLife - time.Second},
		{maxLife, maxLife},
		{maxLife + time.Second, maxLife},
		{1<<63 - 1, maxLife},
	}
	for _, tt := range tests {
		d := NewWriter().Pong(nil, &msg, &id, &Trailer{Present: true, Life: true, Age: tt.in, TTL: tt.in})
		a, err := parseAnswer(d, Ping, 0)
		if err != nil || a.Trailer.Age != tt.want || a.Trailer.TTL != tt.want {
			t.Errorf("%v became age %v and TTL %v, %v, want %v", tt.in, a.Trailer.Age, a.Trailer.TTL, err, tt.want)
		}
	}
}
