package dnstest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/miekg/dns"
)

var errNoSocket = errors.New("dnstest: no port free for both UDP and TCP")

// Server answers from Zones on a UDP and a TCP socket with the same port.
type Server struct {
	addr    netip.AddrPort
	zones   *Zones
	servers [2]*dns.Server
	end     context.CancelFunc
	wg      sync.WaitGroup
}

// Listen serves z on a free port of 127.0.0.1 until Close.
func Listen(ctx context.Context, z *Zones) (*Server, error) {
	for range 20 {
		var lc net.ListenConfig
		pc, err := lc.ListenPacket(ctx, "udp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		l, err := lc.Listen(ctx, "tcp", pc.LocalAddr().String())
		if err != nil {
			_ = pc.Close()
			continue // somebody else's port on TCP
		}
		return serve(z, pc, l), nil
	}
	return nil, errNoSocket
}

func serve(z *Zones, pc net.PacketConn, l net.Listener) *Server {
	s := &Server{addr: pc.LocalAddr().(*net.UDPAddr).AddrPort(), zones: z}
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	var ready sync.WaitGroup
	for i, d := range []*dns.Server{{PacketConn: pc}, {Listener: l}} {
		datagram := i == 0
		d.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
			if m, ok := z.reply(ctx, q, datagram); ok {
				if datagram {
					m.Truncate(size(q))
				}
				_ = w.WriteMsg(m)
			}
		})
		ready.Add(1)
		d.NotifyStartedFunc = ready.Done
		s.servers[i] = d
		s.wg.Go(func() { _ = d.ActivateAndServe() })
	}
	ready.Wait()
	return s
}

// size is what the asker can take in a datagram.
func size(q *dns.Msg) int {
	if o := q.IsEdns0(); o != nil {
		return int(o.UDPSize())
	}
	return dns.MinMsgSize
}

// Addr is where to ask.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Close ends the server and waits for its goroutines.
func (s *Server) Close() error {
	s.end()
	for _, d := range s.servers {
		_ = d.Shutdown()
	}
	s.wg.Wait()
	return nil
}
