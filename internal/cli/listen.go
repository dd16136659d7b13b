package cli

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Listen opens the TCP listener for a flag, and says what to do if it cannot.
func Listen(flag, addr string) (net.Listener, error) {
	if _, err := ParseHostPort(addr); err != nil {
		return nil, Usagef("%s %w", flag, err)
	}
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		err = fmt.Errorf("%s: %w: choose another port, or port 0 for any free one", flag, err)
	case errors.Is(err, syscall.EACCES):
		err = fmt.Errorf("%s: %w: ports below 1024 take CAP_NET_BIND_SERVICE, or a proxy in front", flag, err)
	case err != nil:
		err = fmt.Errorf("%s: %w", flag, err)
	}
	return l, err
}
