package main

import (
	"fmt"

	"github.com/kadmesh/kadmesh/internal/site"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
)

// Each tab takes a TCP connection and a UDP socket. Besides, there are visitors of
// the page, connections that have not said hello, and what the process itself
// needs.
const (
	filesPerPeer = 2
	spareFiles   = site.MaxConns + wsrelay.MaxStrangers + 64
)

// checkFiles reports if the limit of open files is too low for that many peers.
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
	return fmt.Errorf("--max-peers %d takes %d open files, and this process may have %d: %s", peers, need, have, advice)
}
