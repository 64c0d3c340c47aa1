package transaction

import "time"

// respondOther is the non-INVITE server machine of RFC 3261 figure 8 under
// the rules of RFC 4320.
func (s *Server) respondOther(now time.Time, status int, response []byte) error {
	if s.rec.state != Trying && s.rec.state != Proceeding {
		return ErrState
	}
	l := s.layer
	switch {
	case status < 200:
		// Only 100 is allowed at all, and the layer sends it when it is due.
		l.stats.Suppressed++
		return nil
	case status == 408:
		l.stats.Suppressed++
		s.terminate()
		return nil
	}
	s.rec.state, s.rec.status = Completed, uint16(status)
	s.rec.request = nil
	s.rec.retry = 0
	if s.rec.flow.Protocol.Reliable() { // Timer J is 0
		err := l.Send(s.rec.flow, response)
		s.terminate()
		return err
	}
	s.rec.end = l.since(now) + int64(l.cfg.Timers.lifetime())
	s.arm()
	s.store(response)
	return s.send(response)
}
