package relay_test

import (
	"context"
	"errors"
	"log"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
)

// A program of your own as a relay: the relay is one of its handlers.
func Example() {
	lender, err := relay.New(relay.Config{
		PublicIPs: []netip.Addr{netip.MustParseAddr("198.51.100.7")},
		Ports:     relay.PortRange{First: 20000, Last: 20999},
		Bootstrap: []netip.AddrPort{netip.MustParseAddrPort("198.51.100.8:8468")},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/relay", lender)
	server := &http.Server{Addr: ":443", Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	go func() {
		err := server.ListenAndServeTLS("cert.pem", "key.pem")
		if !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-ctx.Done()

	// The relay first: the server knows nothing of WebSockets.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	lender.Shutdown(ctx)
	server.Shutdown(ctx)
}
