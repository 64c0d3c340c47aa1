package transaction

import (
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// respondInvite is the INVITE server machine of RFC 3261 figure 7 as RFC 6026
// figure 1 changes it.
func (s *Server) respondInvite(now time.Time, status int, response []byte) error {
	switch {
	case s.rec.state == Accepted && status/100 == 2:
		return s.layer.Send(s.rec.flow, response)
	case s.rec.state != Proceeding:
		return ErrState
	case status < 200:
		return s.provisional(status, response)
	case status < 300:
		return s.accept(now, status, response)
	}
	return s.reject(now, status, response)
}

func (s *Server) provisional(status int, response []byte) error {
	s.rec.status = uint16(status)
	s.rec.retry = 0
	s.arm()
	s.store(response)
	return s.send(response)
}

// accept enters Accepted: retransmitted INVITEs are absorbed and further 2xx
// pass until Timer L. The user repeats the 2xx, so nothing is kept.
func (s *Server) accept(now time.Time, status int, response []byte) error {
	s.rec.state, s.rec.status = Accepted, uint16(status)
	s.rec.retry = 0
	s.rec.end = s.layer.since(now) + int64(s.layer.cfg.Timers.lifetime())
	s.arm()
	s.rec.request, s.rec.response = nil, nil
	// RFC 6026 section 7.1: a transport error is told to the user, who may try
	// again, and the machine stays.
	return s.layer.Send(s.rec.flow, response)
}

// reject enters Completed: the response is repeated by Timer G until the ACK
// comes or Timer H ends the wait.
func (s *Server) reject(now time.Time, status int, response []byte) error {
	t := &s.layer.cfg.Timers
	at := s.layer.since(now)
	s.rec.state, s.rec.status = Completed, uint16(status)
	s.rec.end = at + int64(t.lifetime())
	s.rec.retry = 0
	if !s.rec.flow.Protocol.Reliable() {
		s.rec.interval = t.T1
		s.rec.retry = at + int64(t.T1)
	}
	s.arm()
	s.rec.request = nil
	s.store(response)
	return s.send(response)
}

// ack takes an ACK with the key of this transaction and reports whether it
// was for us. In Accepted it is the user's.
func (s *Server) ack(now time.Time, m *wire.Message) bool {
	switch s.rec.state {
	case Accepted:
		return false
	case Completed:
		if !s.acknowledges(m) {
			return false
		}
		t4 := s.layer.cfg.Timers.T4
		if s.rec.flow.Protocol.Reliable() {
			s.terminate()
			return true
		}
		s.rec.state = Confirmed
		s.rec.response = nil
		s.rec.retry = 0
		s.rec.end = s.layer.since(now) + int64(t4)
		s.arm()
	}
	return true
}

// acknowledges compares the To tag of an RFC 2543 ACK with that of our
// response (RFC 3261 section 17.2.3); others match by their branch alone.
func (s *Server) acknowledges(m *wire.Message) bool {
	if via, ok := m.TopVia(); ok && hasCookie(via.Branch()) {
		return true
	}
	l := s.layer
	if l.local.Parse(s.rec.response, nil) != nil {
		return true
	}
	return string(l.local.ToTag()) == string(m.ToTag())
}
