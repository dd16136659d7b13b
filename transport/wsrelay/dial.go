// Package wsrelay gives a node without UDP, such as a browser tab, a UDP address on a
// relay, over a WebSocket. Dial connects to a relay. Package message has the protocol,
// and package relay the relay itself.
package wsrelay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Config says which relays to use, and how. Only Relays must be set.
type Config struct {
	// Relays are the URLs of relays, with the scheme ws or wss; http and https mean
	// the same. Without a path, the path is /relay. The first relay that takes the
	// client is used, and the others when it fails.
	Relays []string

	// Token is for relays that are not open to everybody. 255 bytes at most.
	Token string

	// Family is the IP version of the address to be lent, 4 or 6. Zero means either
	// for the first relay, and afterwards the version of the first address.
	Family int

	// Resume has the tokens of an earlier Conn by relay: State.Resume by State.Relay.
	// A relay that still holds the address lends it again.
	Resume map[string]string

	// OnState is called with each new state, in order. It must return soon, and must
	// not call Close. Default: none.
	OnState func(State)

	// Log gets connections and their ends; *slog.Logger fits. Default: none.
	Log Logger

	// Rand is the source of the random waits between attempts. Only the Conn may use
	// it. Default: a source with a random seed.
	Rand rand.Source

	open opener // set by tests only
}

// Logger is the part of *slog.Logger that a Conn uses: a constant message with
// pairs of key and value.
type Logger interface {
	Debug(msg string, args ...any)
	Info(msg string, args ...any)
	Warn(msg string, args ...any)
}

type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}

// opener opens a WebSocket to url. The socket calls receive with each message, whose
// bytes are reused after the call. An error of receive ends the socket.
type opener func(ctx context.Context, url string, receive func(message []byte) error) (*socket, error)

// errForbidden is wrapped by the error of a platform that will never open a WebSocket
// to a URL, or has no WebSockets.
var errForbidden = errors.New("not possible here")

func (c Config) withDefaults() Config {
	if c.OnState == nil {
		c.OnState = func(State) {}
	}
	if c.Log == nil {
		c.Log = silent{}
	}
	if c.Rand == nil {
		c.Rand = rand.NewPCG(rand.Uint64(), rand.Uint64())
	}
	if c.open == nil {
		c.open = openSocket
	}
	return c
}

// Dial connects to a relay, and returns when it has lent an address. It tries until ctx
// ends, or until all relays have refused the client for good. The error then wraps the
// relays' errors of type *message.Error. The end of ctx does not end the Conn: it lives,
// and connects again by itself, until it is closed.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	c, err := newConn(cfg.withDefaults())
	if err != nil {
		return nil, err
	}
	start := time.Now()
	go c.run()
	select {
	case <-c.ready:
		return c, nil
	case <-c.ended:
	case <-ctx.Done():
	}
	c.Close()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, &lateError{time.Since(start), c.relays.errors()}
	}
	return nil, fmt.Errorf("connect to a relay: %w", join(ctx.Err(), c.relays.errors()))
}

// lateError is the error of a Dial whose time was up. It wraps
// context.DeadlineExceeded, with a better text, and the errors of the last attempts.
type lateError struct {
	took time.Duration
	err  error // or nil
}

func (e *lateError) Error() string {
	text := fmt.Sprintf("no relay after %.3g s", e.took.Seconds())
	if e.err == nil {
		return text
	}
	return text + ": " + e.err.Error()
}

func (e *lateError) Unwrap() []error {
	if e.err == nil {
		return []error{context.DeadlineExceeded}
	}
	return []error{context.DeadlineExceeded, e.err}
}

// relayURL returns the WebSocket URL for a relay's URL as people write it. It checks
// for common mistakes only, since the platform checks the rest.
func relayURL(s string) (string, error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(s), "://")
	switch strings.ToLower(scheme) {
	case "ws", "http":
		scheme = "ws"
	case "wss", "https":
		scheme = "wss"
	default:
		return "", fmt.Errorf("relay %q: the URL must start with wss:// or ws://", s)
	}
	if strings.Contains(rest, "#") {
		return "", fmt.Errorf("relay %q: a fragment (#) means nothing to a relay", s)
	}
	rest, query, asked := strings.Cut(rest, "?")
	host, path, _ := strings.Cut(rest, "/")
	if host == "" {
		return "", fmt.Errorf("relay %q: the URL has no host", s)
	}
	if path == "" {
		path = "relay"
	}
	if asked {
		path += "?" + query
	}
	return scheme + "://" + host + "/" + path, nil
}
