package main

import (
	"fmt"

	"github.com/kadmesh/kadmesh/internal/site"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
)

// Open files. Each tab takes a TCP connection and a UDP socket. Visitors of the page,
// connections before hello, and the process itself take further ones.
const (
	filesPerPeer = 2
	spareFiles   = site.MaxConns + relay.MaxStrangers + 64
)

// checkFiles returns an error if the limit on open files is too low for so many peers.
func checkFiles(peers int) error {
	have, limited := maxFiles()
	need := uint64(filesPerPeer*peers + spareFiles)
	if !limited || have >= need {
		return nil
	}
	advice := "raise the limit to that (LimitNOFILE= for systemd, ulimit -n in a shell)"
	if have >= spareFiles+filesPerPeer {
		advice += fmt.Sprintf(", or give --max-peers %d", (have-spareFiles)/filesPerPeer)
	}
	return fmt.Errorf("--max-peers %d takes %d open files, and this process may have %d: %s",
		peers, need, have, advice)
}
