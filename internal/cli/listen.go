package cli

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Listen opens a TCP listener on addr, the value of a flag. Errors name the flag and,
// for a port in use or below 1024, a remedy.
func Listen(flag, addr string) (net.Listener, error) {
	if _, err := ParseHostPort(addr); err != nil {
		return nil, Usagef("%s %w", flag, err)
	}
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		err = fmt.Errorf("%s: %w: choose another port, or port 0 for any free one", flag, err)
	case errors.Is(err, syscall.EACCES):
		err = fmt.Errorf("%s: %w: a port below 1024 needs CAP_NET_BIND_SERVICE; otherwise put a proxy in front", flag, err)
	case err != nil:
		err = fmt.Errorf("%s: %w", flag, err)
	}
	return l, err
}
