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
	// Relays are the URLs of relays, with the scheme ws or wss; http and https
	// mean the same. Without a path, the path is /relay. The first one that takes
	// the client is used, and the others when it fails.
	Relays []string

	// Token is for relays that are not open to everybody. 255 bytes at most.
	Token string

	// Family, 4 or 6, is that of the IP address to be lent. Zero means whichever
	// the relay has; later relays are then asked for the family that the first
	// one lent.
	Family int

	// Resume has tokens from an earlier Conn, by the URL of the relay: State.Resume
	// and State.Relay of when it was connected. A relay that still holds the
	// address lends it again.
	Resume map[string]string

	// OnState is told of each change, in order. It must return soon and must not
	// call Close.
	OnState func(State)

	// Log is told of what an operator may want to know; *slog.Logger fits.
	// Default: nothing is logged.
	Log Logger

	// Rand is the source of the jitter in the waits between attempts. Only the
	// Conn uses it. Default: one with a random seed.
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

// opener opens a WebSocket to url. The socket hands each message to receive,
// which has the bytes until it returns; if it returns an error, that ends the
// socket.
type opener func(ctx context.Context, url string, receive func(message []byte) error) (*socket, error)

// errForbidden is wrapped by what the platform says if it will never open a
// WebSocket to some URL, or has none at all.
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

// Dial connects to a relay and returns when it has lent an address. It goes on
// trying until ctx ends, unless all relays refuse the client for good; then the
// error wraps their *RelayError. ctx does not bound the life of the Conn: it
// reconnects by itself until it is closed.
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

// lateError says that time was up. It wraps context.DeadlineExceeded, whose text
// tells people nothing, and how the last attempts ended.
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

// relayURL returns the WebSocket URL of the relay that a person calls s. It is
// not checked further than to say what is wrong early: the platform does that.
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
