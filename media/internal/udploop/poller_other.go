//go:build !linux

package udploop

import (
	"context"
	"net/netip"
)

type (
	poller      struct{}
	epollSocket struct{}
)

func (l *Loop) listen(s *Socket, addr netip.AddrPort, _ int) error { return l.listenPortable(s, addr) }
func (l *Loop) close(s *Socket)                                    { l.closePortable(s) }
func (l *Loop) run(ctx context.Context) error                      { return l.runPortable(ctx) }
func (l *Loop) send(s *Socket, b []byte, to netip.AddrPort) error  { return l.sendPortable(s, b, to) }
