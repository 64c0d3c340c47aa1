package shard

import (
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// hold is how long a message waits for company at most while its core works on.
const hold = 500 * time.Microsecond

// Sender sends for one core: what a core says while it works through its queue
// leaves together, with few system calls. It must be used on the core's
// goroutine only.
type Sender struct {
	out   *transport.Outbox
	since time.Time // when the oldest message in line came; zero: not known yet
	any   bool
}

// Send copies msg and puts it in line for flow. The errors are those of
// transport.Outbox.Send: what can be told at once; ErrNotServing without an
// endpoint.
func (s *Sender) Send(flow transport.Flow, msg []byte) error {
	if s.out == nil {
		return transport.ErrNotServing
	}
	if err := s.out.Send(flow, append(s.out.Buffer(), msg...)); err != nil {
		return err
	}
	s.any = true
	return nil
}

// late flushes when the messages in line have waited long enough: a core may
// block, and what it said before must not wait with it.
func (s *Sender) late(now time.Time) {
	switch {
	case !s.any:
	case s.since.IsZero():
		s.since = now
	case now.Sub(s.since) >= hold:
		s.flush()
	}
}

func (s *Sender) flush() {
	if s.any {
		s.out.Flush()
		s.any, s.since = false, time.Time{}
	}
}
