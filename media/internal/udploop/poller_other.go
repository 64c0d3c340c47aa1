//go:build !linux

package udploop

import (
	"context"
	"errors"
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

// Adopt is for Linux.
func (l *Loop) Adopt(int, Handler) (*Socket, error) { return nil, errors.ErrUnsupported }

// Detach is for Linux.
func (l *Loop) Detach(...*Socket) error { return errors.ErrUnsupported }

// Attach is for Linux.
func (l *Loop) Attach(...*Socket) error { return errors.ErrUnsupported }

// FD is for Linux.
func (s *Socket) FD() int { return -1 }

// Detached is for Linux.
func (s *Socket) Detached() bool { return false }
