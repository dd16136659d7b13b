package core

import (
	"encoding/hex"
	"testing"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// oddVectors are requests that the reference never sends, and what it answers.
type oddVectors struct {
	Server vectorNode
	Sender vectorAddr
	Cases  []struct {
		Name             string
		Datagram, Answer hexBytes
	}
}

const (
	idsOf20    = "ids and keys have 20 bytes: others have no place in the table, and crash the reference's lookups"
	listOfArgs = "arguments come as a list"
)

var oddDifferences = differences{
	"stun, args is an empty str":                {"silence", listOfArgs},
	"stun, args is empty bytes":                 {"silence", listOfArgs},
	"stun, args is an empty map":                {"silence", listOfArgs},
	"ping, args is a map with the id as key":    {"silence", listOfArgs},
	"ping, id is 19 bytes":                      {"silence", idsOf20},
	"ping, id is 1 byte":                        {"silence", idsOf20},
	"ping, id is 3 bytes":                       {"silence", idsOf20},
	"ping, id is 21 bytes, first is 0":          {"silence", idsOf20},
	"find_node, target is 1 byte":               {"silence", idsOf20},
	"find_node, target is 19 bytes":             {"silence", idsOf20},
	"find_node, target is 21 bytes, first is 0": {"silence", idsOf20},
	"find_value, key is 1 byte":                 {"silence", idsOf20},
	"find_value, key is 19 bytes":               {"silence", idsOf20},
	"find_value, key is 21 bytes, first is 0":   {"silence", idsOf20},
	"store, key is empty":                       {"silence", idsOf20},
	"store, key is 1 byte":                      {"silence", idsOf20},
	"store, key is 19 bytes":                    {"silence", idsOf20},
	"store, key is 21 bytes":                    {"silence", idsOf20},
	"store, key is 1000 bytes":                  {"silence", idsOf20},
	"store, key is a float":                     {"silence", idsOf20},
}

func TestVectorsOdd(t *testing.T) {
	odd := loadVectors(t).Odd
	from := odd.Sender.addrPort()
	ping := wire.NewWriter().Request(nil, &wire.Request{Msg: wire.MsgID{1}, Method: wire.Ping, Sender: wire.ID(Key("client"))})
	id := wire.ID(odd.Server.ID)
	pong := wire.NewWriter().Pong(nil, &wire.MsgID{1}, &id, &wire.Trailer{})

	exists := make(map[string]bool)
	for _, c := range odd.Cases {
		exists[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			e := odd.Server.engine(t)
			got := answerOf(t, e, from, c.Datagram)
			if got != nil && string(got[:wire.HeaderLen]) != "\x01"+string(c.Datagram[1:wire.HeaderLen]) {
				t.Errorf("answer %x to %x, want the same message id", got, []byte(c.Datagram))
			}
			oddDifferences.check(t, c.Name, bodyOf(got), bodyOf(c.Answer))

			// Nobody gets into the table by a request alone.
			if n := len(e.Contacts()); n != len(odd.Server.Contacts) {
				t.Errorf("%d contacts afterwards, want %d", n, len(odd.Server.Contacts))
			}
			if got := answerOf(t, e, from, ping); string(got) != string(pong) {
				t.Errorf("a ping afterwards is answered with %x, want %x", got, pong)
			}
		})
	}
	oddDifferences.checkNames(t, exists)
}

// bodyOf returns an answer's body as hexadecimal digits.
func bodyOf(answer []byte) string {
	if answer == nil {
		return "silence"
	}
	return hex.EncodeToString(answer[wire.HeaderLen:])
}
