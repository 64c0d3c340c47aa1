package sipgoconn

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/class5-go/class5/sip/transport"
)

// Server is the part of *sipgo.Server that is needed.
type Server interface {
	ServeUDP(conn net.PacketConn) error
	ServeTCP(l net.Listener) error
	ServeTLS(l net.Listener) error
}

// Serve runs an endpoint with all its listeners under a server until ctx is done,
// and returns what the endpoint's Serve or a failed one of the server's returned,
// once all of them have ended.
func Serve(ctx context.Context, e *transport.Endpoint, srv Server) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := New(e)
	var g sync.WaitGroup
	var mu sync.Mutex
	var failed []error
	run := func(serve func() error) {
		g.Go(func() {
			err := serve()
			if err == nil || ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			mu.Lock()
			failed = append(failed, err)
			mu.Unlock()
			cancel()
		})
	}
	for _, p := range b.packets {
		run(func() error { return srv.ServeUDP(p) })
	}
	for i, l := range b.streams {
		if e.Listener(i).Protocol.Secure() {
			run(func() error { return srv.ServeTLS(l) })
		} else {
			run(func() error { return srv.ServeTCP(l) })
		}
	}
	err := e.Serve(ctx, b)
	cancel()
	_ = b.Close()
	g.Wait()
	return errors.Join(append(failed, err)...)
}
