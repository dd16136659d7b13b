//go:build !js

package udp_test

import (
	"fmt"
	"net/netip"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/udp"
)

var _ core.Conn = (*udp.Conn)(nil)

func ExampleListen() {
	c, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	// To itself, and read back.
	if _, err := c.WriteBatch([][]byte{[]byte("hello")}, []netip.AddrPort{c.LocalAddr()}); err != nil {
		fmt.Println(err)
		return
	}
	bufs, sizes, from := [][]byte{make([]byte, 1500)}, make([]int, 1), make([]netip.AddrPort, 1)
	n, err := c.ReadBatch(bufs, sizes, from)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(n, string(bufs[0][:sizes[0]]), from[0] == c.LocalAddr())
	// Output: 1 hello true
}
