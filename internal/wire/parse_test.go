package wire

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

// fromHex decodes digits between which there may be spaces.
func fromHex(t testing.TB, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	hexID   = "c414 0102030405060708090a0b0c0d0e0f1011121314"
	hexIP   = "a9 3139322e302e322e31" // 192.0.2.1
	hexPort = "cd 0fa0"               // 4000
)

func hexStr(s string) string { return hex.EncodeToString(append([]byte{0xd9, byte(len(s))}, s...)) }

func TestContactsInAnswers(t *testing.T) {
	v4, v6 := "192.0.2.1:4000", "[2001:db8::1]:4000"
	tests := []struct {
		name    string
		contact string
		want    string // its address; empty if it is skipped
	}{
		{"as the reference writes it", "93" + hexID + hexIP + hexPort, v4},
		{"list as array16", "dc0003" + hexID + hexIP + hexPort, v4},
		{"list as array32", "dd00000003" + hexID + hexIP + hexPort, v4},
		{"id as bin16", "93 c50014 0102030405060708090a0b0c0d0e0f1011121314" + hexIP + hexPort, v4},
		{"id as bin32", "93 c600000014 0102030405060708090a0b0c0d0e0f1011121314" + hexIP + hexPort, v4},
		{"ip as str8", "93" + hexID + "d909 3139322e302e322e31" + hexPort, v4},
		{"ip as str16", "93" + hexID + "da0009 3139322e302e322e31" + hexPort, v4},
		{"ip as str32", "93" + hexID + "db00000009 3139322e302e322e31" + hexPort, v4},
		{"port as uint32", "93" + hexID + hexIP + "ce00000fa0", v4},
		{"port as uint64", "93" + hexID + hexIP + "cf0000000000000fa0", v4},
		{"port as int16", "93" + hexID + hexIP + "d10fa0", v4},
		{"port as int32", "93" + hexID + hexIP + "d200000fa0", v4},
		{"port as int64", "93" + hexID + hexIP + "d30000000000000fa0", v4},
		{"port 1", "93" + hexID + hexIP + "01", "192.0.2.1:1"},
		{"port 1 as int8", "93" + hexID + hexIP + "d001", "192.0.2.1:1"},
		{"port 65535", "93" + hexID + hexIP + "cdffff", "192.0.2.1:65535"},
		{"IPv6", "93" + hexID + hexStr("2001:db8::1") + hexPort, v6},
		{"IPv6, capital letters", "93" + hexID + hexStr("2001:DB8::1") + hexPort, v6},
		{"IPv6, 39 characters", "93" + hexID + hexStr("2001:0db8:0000:0000:0000:0000:0000:0001") + hexPort, v6},
		{"mapped", "93" + hexID + hexStr("::ffff:192.0.2.1") + hexPort, v4},
		{"mapped, 45 characters", "93" + hexID + hexStr("0000:0000:0000:0000:0000:ffff:192.000.002.001") + hexPort, ""},
		{"mapped, in hexadecimal", "93" + hexID + hexStr("::ffff:c000:201") + hexPort, v4},

		{"port 0", "93" + hexID + hexIP + "00", ""},
		{"port 65536", "93" + hexID + hexIP + "ce00010000", ""},
		{"port 65536 + 4000", "93" + hexID + hexIP + "ce00010fa0", ""},
		{"port 2^64-1", "93" + hexID + hexIP + "cfffffffffffffffff", ""},
		{"port -1", "93" + hexID + hexIP + "ff", ""},
		{"port -1 as int64", "93" + hexID + hexIP + "d3ffffffffffffffff", ""},
		{"port as float", "93" + hexID + hexIP + "cb4022000000000000", ""},
		{"port as str", "93" + hexID + hexIP + "a139", ""},
		{"port nil", "93" + hexID + hexIP + "c0", ""},
		{"port true", "93" + hexID + hexIP + "c3", ""},
		{"ip empty", "93" + hexID + "a0" + hexPort, ""},
		{"ip a name", "93" + hexID + hexStr("localhost") + hexPort, ""},
		{"ip with zone", "93" + hexID + hexStr("fe80::1%eth0") + hexPort, ""},
		{"ip with an empty zone", "93" + hexID + hexStr("fe80::1%") + hexPort, ""},
		{"ip with NUL", "93" + hexID + hexStr("192.0.2.1\x00") + hexPort, ""},
		{"ip with a blank", "93" + hexID + hexStr(" 192.0.2.1") + hexPort, ""},
		{"ip with a leading zero", "93" + hexID + hexStr("192.0.2.01") + hexPort, ""},
		{"ip of three parts", "93" + hexID + hexStr("192.0.2") + hexPort, ""},
		{"ip with port", "93" + hexID + hexStr("192.0.2.1:4000") + hexPort, ""},
		{"ip in brackets", "93" + hexID + hexStr("[2001:db8::1]") + hexPort, ""},
		{"ip of 46 characters", "93" + hexID + hexStr(strings.Repeat("1", 46)) + hexPort, ""},
		{"ip as bytes", "93" + hexID + "c409 3139322e302e322e31" + hexPort, ""},
		{"ip as int", "93" + hexID + "cec0000201" + hexPort, ""},
		{"ip nil", "93" + hexID + "c0" + hexPort, ""},
		{"id of 19 bytes", "93 c413 02030405060708090a0b0c0d0e0f1011121314" + hexIP + hexPort, ""},
		{"id of 21 bytes", "93 c415 000102030405060708090a0b0c0d0e0f1011121314" + hexIP + hexPort, ""},
		{"id empty", "93 c400" + hexIP + hexPort, ""},
		{"id as str", "93 b4 0102030405060708090a0b0c0d0e0f1011121314" + hexIP + hexPort, ""},
		{"id nil", "93 c0" + hexIP + hexPort, ""},
		{"of two", "92" + hexID + hexIP, ""},
		{"of four", "94" + hexID + hexIP + hexPort + "00", ""},
		{"empty", "90", ""},
		{"nil", "c0", ""},
		{"a map", "81 a26964" + hexID, ""},
	}
	good := "93" + hexID + hexStr("203.0.113.7") + "09"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// A good one behind it must be read in any case.
			body := fromHex(t, "92"+tt.contact+good)
			var a Answer
			if err := NewParser().Answer(body, FindNode, 20, &a); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range a.Contacts {
				got = append(got, c.Addr.String())
			}
			want, skipped := tt.want+" 203.0.113.7:9", 0
			if tt.want == "" {
				want, skipped = "203.0.113.7:9", 1
			}
			if s := strings.Join(got, " "); s != want || a.Skipped != skipped {
				t.Errorf("contacts %s, %d skipped, want %s, %d skipped", s, a.Skipped, want, skipped)
			}
		})
	}
}

// Contacts beyond max are neither returned nor parsed.
func TestMoreContactsThanAskedFor(t *testing.T) {
	msg := testID(1)
	list := testContacts(300, true)
	d := NewWriter().Contacts(nil, &msg, list, &Trailer{Present: true, Caps: 5})
	for _, max := range []int{0, 1, 20, 299, 300, 301} {
		a, err := parseAnswer(d, FindValue, max)
		if want := min(max, 300); err != nil || len(a.Contacts) != want || a.Skipped != 0 || a.Trailer.Caps != 5 {
			t.Errorf("at most %d: %d contacts, %d skipped, trailer %+v, %v, want %d, 0 skipped, the trailer",
				max, len(a.Contacts), a.Skipped, a.Trailer, err, want)
		}
	}
	_, err := parseAnswer(append(d[:HeaderLen:HeaderLen], fromHex(t, "92"+"93"+hexID+hexIP+hexPort+"c1")...), FindNode, 1)
	if err != ErrBody {
		t.Errorf("a malformed one beyond: error %v, want %v", err, ErrBody)
	}
}

func TestAnswerBodies(t *testing.T) {
	addr := netip.MustParseAddrPort("192.0.2.1:4000")
	value := "a576616c7565"
	tests := []struct {
		name   string
		method Method
		body   string
		want   *Answer // nil if it is malformed
	}{
		{"true", Store, "c3", &Answer{Stored: true}},
		{"false", Store, "c2", &Answer{}},
		{"nil", Store, "c0", &Answer{}},
		{"1", Store, "01", &Answer{}},
		{"a list of true", Store, "91c3", &Answer{}},
		{"c1", Store, "c1", nil},
		{"a map with a key twice", Store, "82c301c302", nil},
		{"cut", Store, "92c3", nil},

		{"id as str", Ping, "b4" + strings.Repeat("61", 20), nil},
		{"id of 19 bytes", Ping, "c413" + strings.Repeat("61", 19), nil},
		{"list of the id", Ping, "91" + hexID, nil},

		{"nil", FindNode, "c0", nil},
		{"a map", FindNode, "80", nil},
		{"a value", FindNode, "81" + value + "01", nil},
		{"no contacts", FindNode, "90", &Answer{}},

		{"a value", FindValue, "81" + value + "01", &Answer{Value: []byte{1}}},
		{"a value of nil", FindValue, "81" + value + "c0", &Answer{Value: []byte{0xc0}}},
		{"a list as value", FindValue, "81" + value + "9101", &Answer{Value: []byte{0x91, 1}}},
		{"map16", FindValue, "de0001" + value + "01", &Answer{Value: []byte{1}}},
		{"map32", FindValue, "df00000001" + value + "01", &Answer{Value: []byte{1}}},
		{"key as str8", FindValue, "81 d905 76616c7565 01", &Answer{Value: []byte{1}}},
		{"key as str32", FindValue, "81 db00000005 76616c7565 01", &Answer{Value: []byte{1}}},
		{"key as bytes", FindValue, "81 c405 76616c7565 01", nil},
		{"other keys before", FindValue, "83 01 02 a161 9103" + value + "04", &Answer{Value: []byte{4}}},
		{"other keys behind", FindValue, "83" + value + "04 01 02 a161 9103", &Answer{Value: []byte{4}}},
		{"two values", FindValue, "82" + value + "01" + value + "02", nil},
		{"two values, one key as str8", FindValue, "82" + value + "01 d905 76616c7565 02", nil},
		{"another key twice", FindValue, "83 0102" + value + "04 0103", nil},
		{"keys equal in Python", FindValue, "83 0102" + value + "04 c303", nil},
		{"map as key", FindValue, "82" + value + "04 8003", nil},
		{"text and bytes of a name", FindValue, "82" + value + "04 c405 76616c7565 05", &Answer{Value: []byte{4}}},
		{"a list as key twice", FindValue, "83 9101 02" + value + "04 9101 02", &Answer{Value: []byte{4}}},
		{"value that cannot be decoded", FindValue, "81" + value + "82 0102 0103", nil},
		{"value as deep as can be", FindValue, "82" + value + strings.Repeat("91", maxDepth) + "c0 0102",
			&Answer{Value: append(bytes.Repeat([]byte{0x91}, maxDepth), 0xc0)}},
		{"value too deep", FindValue, "82" + value + strings.Repeat("91", maxDepth+1) + "c0 0102", nil},
		{"value is only another key's value", FindValue, "81 01" + value, nil},
		{"key that begins like value", FindValue, "81 a676616c756573 01", nil},
		{"empty map", FindValue, "80", nil},
		{"cut behind the value", FindValue, "82" + value + "01", nil},
		{"nil", FindValue, "c0", nil},

		{"IPv4", Stun, "92" + hexIP + hexPort, &Answer{Addr: addr}},
		{"of three", Stun, "93" + hexIP + hexPort + "00", &Answer{Addr: addr}},
		{"mapped", Stun, "94" + hexStr("::ffff:192.0.2.1") + hexPort + "0003", &Answer{Addr: addr}},
		{"of one", Stun, "91" + hexIP, nil},
		{"of one, with a port behind it", Stun, "91" + hexIP + hexPort, nil},
		{"port 0", Stun, "92" + hexIP + "00", nil},
		{"name", Stun, "92" + hexStr("localhost") + hexPort, nil},
		{"cut in the rest", Stun, "94" + hexIP + hexPort + "00", nil},
		{"nil", Stun, "c0", nil},

		{"of no method", Methods, "c0", nil},
	}
	for _, tt := range tests {
		t.Run(tt.method.String()+"/"+tt.name, func(t *testing.T) {
			var a Answer
			err := NewParser().Answer(fromHex(t, tt.body), tt.method, 20, &a)
			if tt.want == nil {
				if err != ErrBody {
					t.Errorf("parsed as %+v, %v, want %v", a, err, ErrBody)
				}
				return
			}
			if err != nil || !sameAnswer(&a, tt.want) {
				t.Errorf("parsed as %+v, %v, want %+v", a, err, *tt.want)
			}
		})
	}
}

// The contents of an answer must not show through in the next one.
func TestParserForgets(t *testing.T) {
	p, w := NewParser(), NewWriter()
	var a Answer
	for _, s := range sampleAnswers() {
		full := trailers["everything"]
		for _, o := range sampleAnswers() {
			if err := p.Answer(s.write(w, nil, &full)[HeaderLen:], s.method, 20, &a); err != nil {
				t.Fatal(err)
			}
			if err := p.Answer(o.write(w, nil, &Trailer{})[HeaderLen:], o.method, 20, &a); err != nil ||
				!sameAnswer(&a, &o.want) {
				t.Errorf("%s after %s: %+v, %v, want %+v", o.name, s.name, a, err, o.want)
			}
		}
	}
	r := Request{Method: Store, Value: []byte{1}, Sender: testID(1), Target: testID(2), Trailer: trailers["everything"]}
	if err := p.Request(w.Request(nil, &r)[HeaderLen:], &r); err != nil {
		t.Fatal(err)
	}
	msg := r.Msg
	err := p.Request(w.Request(nil, &Request{Method: Stun})[HeaderLen:], &r)
	if err != nil || r.Sender != (ID{}) || r.Target != (ID{}) || r.Value != nil || r.Trailer != (Trailer{}) ||
		r.Msg != msg {
		t.Errorf("stun after store: %+v, %v, want nothing but the message id", r, err)
	}
}
