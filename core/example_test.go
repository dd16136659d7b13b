//go:build !js

package core_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/udp"
)

// start runs a node on a free port of this machine.
func start() *core.Node {
	conn, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		log.Fatal(err)
	}
	return core.NewNode(conn, core.Config{})
}

// The first node of a network has nobody to join, and the second joins through
// it. What one sets, the other gets.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	first := start()
	defer first.Close()
	second := start()
	defer second.Close()
	if err := second.Bootstrap(ctx, first.Addr()); err != nil {
		log.Fatal(err)
	}

	nodes, err := second.Set(ctx, "greeting", core.String("hello"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored on", nodes, "nodes")

	v, err := first.Get(ctx, "greeting")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.Kind(), v.Text())
	// Output:
	// stored on 2 nodes
	// str hello
}

func ExampleNode_Get() {
	ctx := context.Background()
	node := start()
	defer node.Close()

	_, err := node.Get(ctx, "nobody set this")
	if errors.Is(err, core.ErrNotFound) {
		fmt.Println(err)
	}
	// Output: get "nobody set this": not found
}

// A Value keeps its type, which is one of those that Python's kademlia takes.
func ExampleValue() {
	for _, v := range []core.Value{
		core.String("text"), core.Bytes([]byte{0, 255}), core.Int(-1), core.Float(0.5), core.Bool(true),
	} {
		fmt.Printf("%v %s %v\n", v.Kind(), v.Text(), v.Any())
	}
	// Output:
	// str text text
	// bytes 00ff [0 255]
	// int -1 -1
	// float 0.5 0.5
	// bool true true
}

// A Client asks and is gone again. Nodes of ours leave it out of their tables.
func ExampleConfig_client() {
	ctx := context.Background()
	server := start()
	defer server.Close()
	if _, err := server.Set(ctx, "answer", core.Int(42)); err != nil {
		log.Fatal(err)
	}

	conn, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		log.Fatal(err)
	}
	client := core.NewNode(conn, core.Config{Client: true})
	defer client.Close()
	if err := client.Bootstrap(ctx, server.Addr()); err != nil {
		log.Fatal(err)
	}
	v, err := client.Get(ctx, "answer")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.Text(), len(server.Contacts()))
	// Output: 42 0
}
