package wsrelay_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
)

// A node at an address that a relay lends. It joins the network through the nodes that
// the relay proposes.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	conn, err := wsrelay.Dial(ctx, wsrelay.Config{
		Relays:  []string{"wss://relay.example.org"},
		OnState: func(s wsrelay.State) { log.Println(s.Phase, s.Relay, s.Addr) },
	})
	if err != nil {
		log.Fatal(err)
	}
	node := core.NewNode(conn, core.Config{})
	defer node.Close() // closes conn as well

	if err := node.Bootstrap(ctx, conn.Bootstrap()...); err != nil {
		log.Fatal(err)
	}
	v, err := node.Get(ctx, "greeting")
	if errors.Is(err, core.ErrNotFound) {
		log.Fatal("no node has the key")
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v)
}
