package relay

import (
	"bytes"
	"errors"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/srtp"
)

// shield is what stands between a carrier's sockets and its streams: SRTP in
// both directions, and who makes its keys and checks its paths.
type shield struct {
	in, out  *srtp.Context // nil: not known yet
	inKey    bridge.Crypto
	outKey   bridge.Crypto
	security bridge.Security
	// handshaken: the keys are those of a DTLS handshake.
	handshaken bool
	dtls       *association
	ice        *checks
	// control is RTCP on a port of its own under DTLS-SRTP, which has a handshake
	// and keys of its own (RFC 5764 section 4.1). Until it has keys, those of RTP
	// stand for them: not every party makes two handshakes.
	control struct {
		dtls          *association
		in, out       *srtp.Context
		inKey, outKey bridge.Crypto
	}
	// orphan: the state of out is that of a process that died. What it protected
	// last is not in it, nor are SSRCs that began with that.
	orphan  bool
	renamed []renaming
	noted   uint64 // revision of out that was given to the store
}

// renaming is an SSRC and the one that stands for it.
type renaming struct{ in, out uint32 }

// protect makes the keys of an m= line those of its carrier. Contexts whose
// keys stay go on: their indices must not begin anew.
func (s *stream) protect(m *bridge.Media, now time.Time) {
	if s.carrier != s {
		return
	}
	if m.Security == bridge.Plain && m.ICE == nil {
		s.unshield()
		return
	}
	if s.shield == nil {
		s.shield = &shield{}
	}
	h := s.shield
	h.security = m.Security
	h.in = h.renew(h.in, &h.inKey, m.SDESIn, s)
	h.setOut(h.renew(h.out, &h.outKey, m.SDESOut, s))
	s.check(m.ICE, m.Mux, now)
	s.associate(m.DTLS, m.Mux)
}

// setOut makes a context the one that protects. Under a key of its own every SSRC
// begins anew.
func (h *shield) setOut(c *srtp.Context) {
	if c != h.out {
		h.out, h.orphan, h.renamed = c, false, nil
	}
}

// unshield ends what a carrier's protection runs.
func (s *stream) unshield() {
	if s.shield == nil {
		return
	}
	s.shield.dtls.stop()
	s.shield.control.dtls.stop()
	s.shield = nil
}

// renew returns the context of a key: the present one when it is the same.
func (h *shield) renew(c *srtp.Context, have, want *bridge.Crypto, s *stream) *srtp.Context {
	switch {
	case want == nil:
		if h.security == bridge.DTLSSRTP || h.security == bridge.SDESOrDTLS {
			return c // the handshake gives it
		}
		*have = bridge.Crypto{}
		return nil
	case c != nil && sameKey(have, want):
		return c
	}
	*have = *want
	next, err := newContext(want)
	if err != nil {
		s.leg.session.r.log.Warn("SRTP keys of a description cannot be used", "suite", want.Suite, "error", err)
		return nil
	}
	return next
}

func sameKey(a, b *bridge.Crypto) bool {
	return a.Suite == b.Suite && bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Salt, b.Salt) && bytes.Equal(a.MKI, b.MKI) &&
		a.MKILength == b.MKILength && a.UnencryptedSRTP == b.UnencryptedSRTP && a.UnencryptedSRTCP == b.UnencryptedSRTCP &&
		a.UnauthenticatedSRTP == b.UnauthenticatedSRTP
}

// newContext makes the context of a negotiated key.
func newContext(c *bridge.Crypto) (*srtp.Context, error) {
	suite, ok := srtp.SuiteByName(c.Suite)
	if !ok {
		return nil, srtp.ErrSuite
	}
	opts := []srtp.Option{srtp.WithSession(srtp.Session{UnencryptedRTP: c.UnencryptedSRTP,
		UnencryptedRTCP: c.UnencryptedSRTCP, UnauthenticatedRTP: c.UnauthenticatedSRTP})}
	if c.MKILength > 0 {
		opts = append(opts, srtp.WithMKI(c.MKI))
	}
	if c.Lifetime > 0 {
		opts = append(opts, srtp.WithLifetime(c.Lifetime))
	}
	return srtp.NewContext(suite, c.Key, c.Salt, opts...)
}

// keyed tells whether packets of this carrier are protected.
func (h *shield) keyed() bool { return h != nil && h.security != bridge.Plain }

// openPacket authenticates and decrypts in place.
func (h *shield) openPacket(kind rtpwire.Kind, b []byte) (int, Drop, bool) {
	if h.in == nil {
		return 0, DropKeys, false
	}
	var n int
	var err error
	if kind == rtpwire.KindRTCP {
		c := h.in
		if h.control.in != nil {
			c = h.control.in
		}
		n, err = c.UnprotectRTCP(b)
	} else {
		n, err = h.in.Unprotect(b)
	}
	if err != nil {
		return 0, srtpDrop(err), false
	}
	if len(h.renamed) > 0 && kind == rtpwire.KindRTCP {
		rtpwire.MapSSRC(b[:n], h.before)
	}
	return n, 0, true
}

// passed keeps the indices of a packet that goes on as it came: it may have to
// be opened later in the call.
func (h *shield) passed(c *srtp.Context, kind rtpwire.Kind, b []byte, sent bool) {
	switch {
	case c == nil:
	case kind == rtpwire.KindRTCP:
		c.PassedRTCP(b, sent)
	default:
		c.Passed(b, sent)
	}
}

// sealPacket protects buf[:n] in place.
func (h *shield) sealPacket(kind rtpwire.Kind, buf []byte, n int) (int, Drop, bool) {
	if h.out == nil {
		return 0, DropKeys, false
	}
	var err error
	if kind == rtpwire.KindRTCP {
		c := h.out
		if h.control.out != nil {
			c = h.control.out
		}
		if len(h.renamed) > 0 {
			rtpwire.MapSSRC(buf[:n], h.after)
		}
		n, err = c.ProtectRTCP(buf, n)
	} else {
		if h.orphan && !h.rename(buf[:n]) {
			return 0, DropKeys, false
		}
		n, err = h.out.Protect(buf, n)
	}
	if err != nil {
		return 0, srtpDrop(err), false
	}
	return n, 0, true
}

// rename gives an RTP packet another SSRC when the process before, of whose end
// the state does not tell, may have protected packets of this one. Which were they?
// When it began before a wrap of its sequence numbers, an index would be used a
// second time 65,536 packets later (and the receiver, who counts the wrap, could not
// open what comes until then); when the relay itself numbers the packets, perhaps at
// once. An SSRC that nobody has used yet has nothing of that. false: there are too
// many.
func (h *shield) rename(b []byte) bool {
	header, _, ok := rtpwire.ParseHeader(b)
	if !ok {
		return true // it is refused anyway
	}
	out := h.after(header.SSRC)
	if out == header.SSRC {
		if _, known := h.out.Index(out); known {
			return true
		}
		if len(h.renamed) == srtp.MaxSSRC {
			return false
		}
		for known := true; known; _, known = h.out.Index(out) {
			out = randomSSRC()
		}
		h.renamed = append(h.renamed, renaming{header.SSRC, out})
	}
	putSSRC(b, out)
	return true
}

// after is the SSRC that stands for one.
func (h *shield) after(ssrc uint32) uint32 {
	for _, r := range h.renamed {
		if r.in == ssrc {
			return r.out
		}
	}
	return ssrc
}

// before is the reverse.
func (h *shield) before(ssrc uint32) uint32 {
	for _, r := range h.renamed {
		if r.out == ssrc {
			return r.in
		}
	}
	return ssrc
}

// moved tells, once, whether packets were protected of which the next process has
// to know: of another SSRC, or beyond a wrap.
func (h *shield) moved() bool {
	if v := h.out.Revision(); v != h.noted {
		h.noted = v
		return true
	}
	return false
}

func srtpDrop(err error) Drop {
	switch {
	case errors.Is(err, srtp.ErrAuth), errors.Is(err, srtp.ErrMKI):
		return DropAuth
	case errors.Is(err, srtp.ErrReplay), errors.Is(err, srtp.ErrIndexUsed):
		return DropReplay
	case errors.Is(err, srtp.ErrMalformed):
		return DropMalformed
	case errors.Is(err, srtp.ErrBuffer):
		return DropOversize
	}
	return DropKeys
}
