//go:build !js

package core_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/transport/udp"
)

// start runs a node on a free port of this machine.
func start() *core.Node { return startWith(core.Config{}) }

func startWith(cfg core.Config) *core.Node {
	conn, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		log.Fatal(err)
	}
	return core.NewNode(conn, cfg)
}

// The first node of a network joins no other; the second joins through the first. A
// value that one node sets, the other gets.
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

// A Value keeps its type. Python's kademlia takes the same types.
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

// A client asks and leaves. Kadmesh nodes keep it out of their tables.
func ExampleConfig_client() {
	ctx := context.Background()
	server := start()
	defer server.Close()
	if _, err := server.Set(ctx, "answer", core.Int(42)); err != nil {
		log.Fatal(err)
	}

	client := startWith(core.Config{Client: true})
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

// A value expires a day after it was set. A published one is set again in time, as
// long as its node runs.
func ExampleNode_Publish() {
	ctx := context.Background()
	other := start()
	defer other.Close()
	node := startWith(core.Config{TTL: time.Hour, PublishInterval: 30 * time.Minute})
	defer node.Close()
	if err := node.Bootstrap(ctx, other.Addr()); err != nil {
		log.Fatal(err)
	}

	stop, nodes, err := node.Publish(ctx, "service", core.String("192.0.2.7:443"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored on", nodes, "nodes, and again every 30 to 35 minutes")
	stop() // the value ends within the hour
	// Output: stored on 2 nodes, and again every 30 to 35 minutes
}

// smallValues is a Store that refuses long values.
type smallValues struct{ core.Store }

func (s smallValues) Save(key core.ID, r core.Record) error {
	if r.Value.Size() > 100 {
		return errors.New("too long for this node")
	}
	return s.Store.Save(key, r)
}

// A Store decides where records are kept, and may refuse them.
func ExampleStore() {
	ctx := context.Background()
	node := startWith(core.Config{Store: smallValues{core.NewMemoryStore()}})
	defer node.Close()

	_, err := node.Set(ctx, "essay", core.Bytes(make([]byte, 1000)))
	fmt.Println(err)
	nodes, err := node.Set(ctx, "title", core.String("On distances"))
	fmt.Println(nodes, err)
	// Output:
	// set "essay": not stored on enough nodes
	// 1 <nil>
}

// The hooks of Config.Trace show the work of a node, here the requests of a lookup.
func ExampleConfig_trace() {
	ctx := context.Background()
	server := start()
	defer server.Close()

	stages := make(map[string][]trace.Stage) // by method; the node is locked in a hook
	node := startWith(core.Config{Trace: trace.Hooks{Request: func(r trace.Request) {
		stages[r.Method] = append(stages[r.Method], r.Stage)
	}}})
	if err := node.Bootstrap(ctx, server.Addr()); err != nil {
		log.Fatal(err)
	}
	node.Close()
	for _, method := range slices.Sorted(maps.Keys(stages)) {
		fmt.Println(method, stages[method][:2])
	}
	// Output:
	// find_node [sent replied]
	// ping [sent replied]
}
