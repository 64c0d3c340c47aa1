package overload

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// ServerConfig says what a Server tells. The zero value of each field is its
// default.
type ServerConfig struct {
	// Validity is how long a restriction holds without being renewed, 2 s by
	// default and [MaxValidity] at most.
	Validity time.Duration
	// Rate, if not 0, prefers RFC 7415 with clients that offer it: the requests
	// per second that each client may send when Local has little to refuse.
	Rate int
}

// Server is the receiving side: it tells clients, in the Via that they have put
// on top of their requests, how much less to send. It may be used by many
// goroutines, and does not allocate when buffers have room.
type Server struct {
	cfg   ServerConfig
	local *Local
	last  atomic.Uint64 // sequence number
	told  atomic.Int64  // nanoseconds: when a restriction was last told
}

// NewServer makes a Server that tells the load of local.
func NewServer(local *Local, cfg ServerConfig) *Server {
	if cfg.Validity <= 0 {
		cfg.Validity = 2 * time.Second
	}
	cfg.Validity = min(cfg.Validity, MaxValidity)
	return &Server{cfg: cfg, local: local}
}

// Quiet reports whether there is nothing to tell at now: no restriction, and
// none that clients may still hold on to. Responses can be left as they are then,
// and nobody needs to look into them.
func (s *Server) Quiet(now time.Time) bool {
	if s.cfg.Rate > 0 || s.local.Loss() > 0 {
		return false
	}
	told := s.told.Load()
	return told == 0 || now.Sub(time.Unix(0, told)) > s.cfg.Validity
}

// AppendVia appends via, the topmost value of a response, with what is to be
// told to its owner. It reports false and appends nothing when that has not
// offered to listen: then the Via is to be left as it is.
func (s *Server) AppendVia(dst []byte, now time.Time, via wire.Via) ([]byte, bool) {
	algorithm := s.algorithm(via.Params)
	if algorithm == AlgorithmNone {
		return dst, false
	}
	bare := via
	bare.Params = nil
	dst = bare.AppendTo(dst)
	for name, value := range via.Params.All() {
		if wire.EqualFold(name, paramValue) || wire.EqualFold(name, paramAlgo) ||
			wire.EqualFold(name, paramValidity) || wire.EqualFold(name, paramSequence) {
			continue
		}
		dst = append(append(dst, ';'), name...)
		if value != nil {
			dst = wire.AppendPlain(append(dst, '='), value)
		}
	}
	loss, validity := s.local.Loss(), s.cfg.Validity
	value := loss
	if algorithm == AlgorithmRate {
		value = max(s.cfg.Rate*(100-loss)/100, 1)
	}
	if loss == 0 {
		validity = 0 // ends what has been told before
	} else if at := now.UnixNano(); s.told.Load() < at {
		s.told.Store(at)
	}
	dst = strconv.AppendInt(append(dst, ";"+paramValue+"="...), int64(value), 10)
	dst = append(append(append(dst, ";"+paramAlgo+`="`...), algorithm.String()...), '"')
	dst = strconv.AppendInt(append(dst, ";"+paramValidity+"="...), validity.Milliseconds(), 10)
	return s.appendSequence(append(dst, ";"+paramSequence+"="...), now), true
}

// Edit plans AppendVia for the response m, which has the Via of the client on
// top. It reports false when there is nothing to tell.
func (s *Server) Edit(e *wire.Edit, now time.Time, m *wire.Message) bool {
	via, ok := m.TopVia()
	if !ok {
		return false
	}
	var space [512]byte
	value, ok := s.AppendVia(space[:0], now, via)
	if ok {
		e.ReplaceFirstValue(wire.HdrVia, value)
	}
	return ok
}

// algorithm is the one to use with a client that has put these parameters into
// its Via.
func (s *Server) algorithm(via wire.Params) Algorithm {
	if !via.Has(paramValue) {
		return AlgorithmNone
	}
	offer, ok := via.Get(paramAlgo)
	switch {
	case !ok:
		return AlgorithmLoss
	case s.cfg.Rate > 0 && lists(offer, "rate"):
		return AlgorithmRate
	case lists(offer, "loss"):
		return AlgorithmLoss
	}
	return AlgorithmNone
}

// appendSequence appends the time in units of 10 microseconds, which never goes
// back while the process lives.
func (s *Server) appendSequence(dst []byte, now time.Time) []byte {
	n := uint64(max(now.UnixMicro()/10, 1))
	for {
		last := s.last.Load()
		if n <= last {
			n = last
			break
		}
		if s.last.CompareAndSwap(last, n) {
			break
		}
	}
	dst = append(strconv.AppendUint(dst, n/1e5, 10), '.')
	part := n%1e5 + 1e5 // five digits behind a one
	var digits [8]byte
	return append(dst, strconv.AppendUint(digits[:0], part, 10)[1:]...)
}
