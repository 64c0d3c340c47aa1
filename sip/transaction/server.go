package transaction

import (
	"bytes"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// serverRecord is all that a server transaction has to remember; what an
// export writes and a restore reads. Times are nanoseconds since the layer's
// base, 0 for none.
type serverRecord struct {
	key      key
	flow     transport.Flow
	method   wire.Method
	state    State
	status   uint16        // of the last response
	interval time.Duration // Timer G
	retry    int64         // next G, or the moment of our own 100
	end      int64         // H, I, J, L, or the life of an unanswered request
	request  []byte        // until the final response
	response []byte        // the last one, while it may have to be repeated
}

// Server is a server transaction.
type Server struct {
	// Value belongs to the transaction user; the layer never touches it.
	Value any

	timer     timer
	layer     *Layer
	rec       serverRecord
	mergedKey key
	tag       [16]byte
	tagged    bool
	lent      bool // rec.request is the caller's, see keep
}

func (l *Layer) newServer(now time.Time, k key, m *wire.Message, from transport.Flow) *Server {
	s := &Server{layer: l, lent: true}
	s.timer.owner = s
	s.rec = serverRecord{key: k, flow: from, method: m.Method(), state: Trying, request: m.Bytes()}
	at := l.since(now)
	if s.rec.method == wire.INVITE {
		s.rec.state = Proceeding
		s.rec.retry = at + int64(l.cfg.Timers.Trying)
	} else {
		s.rec.retry = at + int64(l.cfg.Timers.trying4320())
		s.rec.end = at + int64(l.cfg.Timers.lifetime())
	}
	l.servers[k] = s
	l.stats.ServersMade++
	s.arm()
	return s
}

// keep takes a copy of the request when it is still needed after the callback
// to which it was lent. Requests answered at once cost no copy.
func (s *Server) keep() {
	if s.lent && s.rec.request != nil {
		s.rec.request = bytes.Clone(s.rec.request)
	}
	s.lent = false
}

// Request is the request as received, its top Via completed by the source
// address. It is nil once a final response was sent. Until User.Request has
// returned it is lent; the slice got later is valid as long as the
// transaction waits for its final response.
func (s *Server) Request() []byte { return s.rec.request }

// Flow is where the request came from and where responses go.
func (s *Server) Flow() transport.Flow { return s.rec.flow }

// Method of the request.
func (s *Server) Method() wire.Method { return s.rec.method }

// State of the machine. An INVITE starts in Proceeding, other requests in Trying.
func (s *Server) State() State { return s.rec.state }

// Status is the status code of the last response sent, 0 before the first.
func (s *Server) Status() int { return int(s.rec.status) }

// Tag is the To tag for responses made here, the same for the whole
// transaction and for the answer to its CANCEL (RFC 3261 section 9.2).
func (s *Server) Tag() string {
	s.makeTag()
	return string(s.tag[:])
}

func (s *Server) makeTag() {
	if !s.tagged {
		s.layer.AppendTag(s.tag[:0])
		s.tagged = true
	}
}

// Reply makes a response to the request with our own To tag and no body, and
// sends it by Respond.
func (s *Server) Reply(now time.Time, status int, reason string, extra ...wire.Field) error {
	l := s.layer
	if s.rec.request == nil {
		return ErrState
	}
	m := l.lent
	if !s.lent || m == nil {
		m = &l.local
		if err := m.Parse(s.rec.request, nil); err != nil {
			return err
		}
	}
	tag := ""
	if status > 100 {
		tag = s.Tag()
	}
	b, err := wire.AppendResponse(l.buf[:0], m, status, reason, tag, extra...)
	if err != nil {
		return err
	}
	l.buf = b
	return s.Respond(now, b)
}

// Respond sends a response and moves the machine by its status code. A 2xx to
// INVITE may be sent again in state Accepted, as often as the user agent
// downstream repeats it. ErrState says that the time for this response has
// passed, any other error that it could not be sent.
//
// For a request other than INVITE, provisional responses are not sent and a
// 408 ends the transaction in silence (RFC 4320); both are no error.
func (s *Server) Respond(now time.Time, response []byte) error {
	status := statusOf(response)
	if status < 100 || status > 699 {
		return ErrRequest
	}
	if s.rec.method == wire.INVITE {
		return s.respondInvite(now, status, response)
	}
	return s.respondOther(now, status, response)
}

// statusOf reads the code behind "SIP/2.0 ", 0 when there is none.
func statusOf(response []byte) int {
	const at = len("SIP/2.0 ")
	if len(response) < at+3 {
		return 0
	}
	n := 0
	for _, c := range response[at : at+3] {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// Discard ends the transaction without a (further) response.
func (s *Server) Discard() { s.terminate() }

// send puts a response on the flow; a failure ends the transaction.
func (s *Server) send(response []byte) error {
	err := s.layer.Send(s.rec.flow, response)
	if err != nil {
		s.terminate()
	}
	return err
}

// resend repeats the last response from inside the machine, where the user
// learns of a failure by ServerFailed.
func (s *Server) resend(now time.Time) {
	s.layer.stats.ResponsesResent++
	if err := s.send(s.rec.response); err != nil {
		s.failed(now, err)
	}
}

func (s *Server) failed(now time.Time, err error) {
	if u, ok := s.layer.cfg.User.(ServerFailureUser); ok {
		u.ServerFailed(now, s, err)
	}
}

// repeat takes a retransmission of the request.
func (s *Server) repeat(now time.Time) {
	s.layer.stats.RequestRepeats++
	if s.rec.response == nil || s.rec.state != Proceeding && s.rec.state != Completed {
		return
	}
	s.resend(now)
}

// arm sets the wheel to the earlier of the two deadlines.
func (s *Server) arm() {
	at := s.rec.end
	if s.rec.retry != 0 && (at == 0 || s.rec.retry < at) {
		at = s.rec.retry
	}
	if at == 0 {
		s.layer.wheel.stop(&s.timer)
		return
	}
	s.layer.wheel.set(&s.timer, at)
}

func (s *Server) expire(now time.Time) {
	switch at := s.layer.since(now); {
	case s.rec.end != 0 && s.rec.end <= at:
		s.expireEnd(now)
	case s.rec.retry == 0 || s.rec.retry > at: // the clock went back
		s.arm()
	case s.rec.state == Completed: // Timer G
		s.rec.interval = min(2*s.rec.interval, s.layer.cfg.Timers.T2)
		s.rec.retry = at + int64(s.rec.interval)
		s.arm()
		s.resend(now)
	default: // nothing was said for too long
		s.rec.retry = 0
		s.arm()
		s.sendTrying(now)
	}
}

func (s *Server) expireEnd(now time.Time) {
	// Only a final response without ACK and a request without answer are
	// failures; I, J and L are the regular end.
	timeout := s.rec.state == Trying || s.rec.state == Proceeding ||
		s.rec.state == Completed && s.rec.method == wire.INVITE
	s.terminate()
	if timeout {
		s.layer.stats.Timeouts++
		s.failed(now, ErrTimeout)
	}
}

// sendTrying is the layer's own 100.
func (s *Server) sendTrying(now time.Time) {
	l := s.layer
	if l.local.Parse(s.rec.request, nil) != nil {
		return
	}
	b, err := wire.AppendResponse(l.buf[:0], &l.local, 100, "Trying", "")
	if err != nil {
		return
	}
	l.buf = b
	s.rec.state, s.rec.status = Proceeding, 100
	s.store(b)
	if err := s.send(b); err != nil {
		s.failed(now, err)
	}
}

// store keeps a copy of the response, in the room of the one before.
func (s *Server) store(response []byte) {
	if cap(s.rec.response) < len(response) {
		s.rec.response = bytes.Clone(response)
		return
	}
	s.rec.response = append(s.rec.response[:0], response...)
}

// terminate forgets the transaction. It may be called again.
func (s *Server) terminate() {
	if s.rec.state == Terminated {
		return
	}
	l := s.layer
	s.rec.state = Terminated
	s.rec.request, s.rec.response = nil, nil
	l.wheel.stop(&s.timer)
	delete(l.servers, s.rec.key)
	if l.merged[s.mergedKey] == s {
		delete(l.merged, s.mergedKey)
	}
}
