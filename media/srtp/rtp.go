package srtp

import "github.com/class5-go/class5/media/rtpwire"

// earlySequence: a first packet with a lower sequence number may come after a
// wrap whose packets were lost.
const earlySequence = 4096

// Protect encrypts the RTP packet buf[:n] in place, appends identifier and tag
// and returns the new length. It needs [Context.Overhead] octets behind the
// packet.
func (c *Context) Protect(buf []byte, n int) (int, error) {
	if err := c.claim(outgoing); err != nil {
		return 0, err
	}
	if n < 0 || n > len(buf) {
		return 0, ErrMalformed
	}
	h, header, ok := rtpwire.ParseHeader(buf[:n])
	switch {
	case !ok:
		return 0, ErrMalformed
	case len(buf)-n < c.Overhead():
		return 0, ErrBuffer
	case c.expired(c.send):
		return 0, ErrKeyExpired
	}
	s := c.find(h.SSRC)
	index := uint64(h.Sequence)
	if s != nil {
		index = s.rtp.guess(h.Sequence)
		if s.rtp.used(index, c.words) {
			return 0, ErrIndexUsed
		}
		if index > maxIndex {
			return 0, ErrKeyExpired
		}
	} else if _, ok := c.room(); !ok {
		return 0, ErrSSRCLimit
	} else {
		s = c.admit(h.SSRC)
	}
	// The index counts as used even if the engine fails half way.
	c.note(s, &s.rtp, index)
	size, err := c.send.engine.SealRTP(buf, header, n, index)
	if err != nil {
		return 0, err
	}
	c.spend(c.send, &c.send.rtp)
	return c.putMKI(buf, size, c.trailer(c.tag)), nil
}

// Unprotect checks and decrypts the SRTP packet in place and returns the
// length of the RTP packet.
func (c *Context) Unprotect(pkt []byte) (int, error) {
	if err := c.claim(incoming); err != nil {
		return 0, err
	}
	h, header, ok := rtpwire.ParseHeader(pkt)
	if !ok || len(pkt) < header+c.Overhead() {
		return 0, ErrMalformed
	}
	key, pkt, err := c.takeMKI(pkt, c.trailer(c.tag))
	if err != nil {
		return 0, err
	}
	if c.expired(key) {
		return 0, ErrKeyExpired
	}
	s := c.find(h.SSRC)
	if s == nil {
		if _, ok := c.room(); !ok {
			return 0, ErrSSRCLimit
		}
	}
	var tries [3]uint64
	n := c.candidates(&tries, s, h.Sequence)
	if n == 0 {
		return 0, ErrReplay
	}
	size, index, err := c.open(key, pkt, header, tries[:n])
	if err != nil {
		return 0, err
	}
	if s == nil {
		s = c.admit(h.SSRC)
	}
	c.note(s, &s.rtp, index)
	c.spend(key, &key.rtp)
	return size, nil
}

// candidates fills in the indices that a received sequence number can have,
// without those that were seen.
func (c *Context) candidates(to *[3]uint64, s *ssrcState, seq uint16) (n int) {
	if s == nil || !s.rtp.started {
		to[0] = uint64(seq)
		if seq >= earlySequence || c.session.UnauthenticatedRTP {
			return 1
		}
		to[1] = 1<<16 | uint64(seq)
		return 2
	}
	first := s.rtp.guess(seq)
	if c.session.UnauthenticatedRTP {
		// Without authentication a replay cannot be told from a forgery that
		// moved the window.
		to[0] = first & maxIndex
		return 1
	}
	n = c.candidate(to, n, s, first)
	if !s.rtp.resumed {
		return n
	}
	roc := s.rtp.top &^ 0xffff
	for _, base := range [3]uint64{roc, roc + 1<<16, roc - 1<<16} {
		if index := base | uint64(seq); index != first {
			n = c.candidate(to, n, s, index)
		}
	}
	return n
}

func (c *Context) candidate(to *[3]uint64, n int, s *ssrcState, index uint64) int {
	if n == len(to) || index > maxIndex || s.rtp.used(index, c.words) {
		return n
	}
	to[n] = index
	return n + 1
}

// open tries the indices in turn. A failed try may destroy the packet, so all
// but the last work on what was put aside.
func (c *Context) open(key *masterKey, pkt []byte, header int, tries []uint64) (int, uint64, error) {
	if len(tries) > 1 {
		c.scratch = append(c.scratch[:0], pkt...)
	}
	var size int
	var err error
	for i, index := range tries {
		if i > 0 {
			copy(pkt, c.scratch)
		}
		if size, err = key.engine.OpenRTP(pkt, header, index); err == nil {
			return size, index, nil
		}
	}
	return 0, 0, err
}

// note marks an accepted index.
func (c *Context) note(s *ssrcState, w *window, index uint64) {
	before, resumed := w.top>>16, w.resumed
	w.mark(index, c.words)
	if resumed && c.dir == outgoing {
		w.close()
	}
	if w.top>>16 != before {
		c.revision++
	}
	s.usedAt = c.tick
}
