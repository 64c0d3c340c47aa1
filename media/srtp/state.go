package srtp

import (
	"encoding/binary"
	"fmt"
)

const (
	stateVersion = 1
	checkLen     = 8
	stateHeader  = 12
	// aheadRTCP is how far the outgoing SRTCP index jumps on import: more than
	// any context sends between two exports, and 32,768 imports fit in a key.
	aheadRTCP = 1 << 16
)

// Flags of an SSRC in the exported state.
const (
	hasRTP  = 1 << 0
	hasRTCP = 1 << 1
)

// Export appends the context's state to dst. It has no key and need not be
// encrypted, but who can change it can make a sender use an index twice.
//
// Version 1, all numbers big-endian: version, suite, direction (0 undecided, 1
// out, 2 in), words of a replay window, number of keys, number of SSRCs, number
// of the key in use, zero (an octet each), first SRTCP index of a new SSRC (4).
// For each key: 8 octets derived from it, SRTP packets, SRTCP packets (8 octets
// each). For each SSRC: the SSRC (4), flags (1: has RTP, 2: has RTCP; 4), then for
// RTP and for RTCP: highest index (8) and the words of the window (8 each), bit 0
// of the first being the highest index.
func (c *Context) Export(dst []byte) []byte {
	use := 0
	for i, k := range c.keys {
		if k == c.send {
			use = i
		}
	}
	dst = append(dst, stateVersion, byte(c.suite), byte(c.dir), byte(c.words),
		byte(len(c.keys)), byte(len(c.streams)), byte(use), 0)
	dst = binary.BigEndian.AppendUint32(dst, c.floorRTCP)
	for _, k := range c.keys {
		dst = append(dst, k.check[:]...)
		dst = binary.BigEndian.AppendUint64(dst, k.rtp)
		dst = binary.BigEndian.AppendUint64(dst, k.rtcp)
	}
	for i := range c.streams {
		s := &c.streams[i]
		var flags uint32
		if s.rtp.started {
			flags |= hasRTP
		}
		if s.rtcp.started {
			flags |= hasRTCP
		}
		dst = binary.BigEndian.AppendUint32(dst, s.ssrc)
		dst = binary.BigEndian.AppendUint32(dst, flags)
		dst = s.rtp.export(dst, c.words)
		dst = s.rtcp.export(dst, c.words)
	}
	return dst
}

func (w *window) export(dst []byte, words int) []byte {
	dst = binary.BigEndian.AppendUint64(dst, w.top)
	for _, v := range w.seen[:words] {
		dst = binary.BigEndian.AppendUint64(dst, v)
	}
	return dst
}

// Import reads an exported state into a context that has not been used, of the
// same suite and keys. Errors wrap [ErrState] and leave the context as it was.
func (c *Context) Import(state []byte) error {
	if c.dir != undecided || len(c.streams) > 0 {
		return fmt.Errorf("%w: the context is in use", ErrState)
	}
	r := reader{b: state}
	head := r.take(stateHeader)
	if head == nil || head[0] != stateVersion {
		return fmt.Errorf("%w: not of version %d", ErrState, stateVersion)
	}
	dir, words := direction(head[2]), int(head[3])
	keys, ssrcs, use := int(head[4]), int(head[5]), int(head[6])
	floor := binary.BigEndian.Uint32(head[8:])
	switch {
	case Suite(head[1]) != c.suite:
		return fmt.Errorf("%w: of suite %v", ErrState, Suite(head[1]))
	case dir > incoming || words < 1 || words > maxWords || keys < 1 || keys > MaxKeys || ssrcs > MaxSSRC || use >= keys || head[7] != 0,
		dir == undecided && ssrcs > 0, floor > maxIndexRTCP+1:
		return fmt.Errorf("%w: header", ErrState)
	case len(state) != stateHeader+keys*(checkLen+16)+ssrcs*(8+2*(8+8*words)):
		return fmt.Errorf("%w: %d octets", ErrState, len(state))
	}
	found, err := c.importKeys(&r, keys)
	if err != nil {
		return err
	}
	streams, err := c.importStreams(&r, ssrcs, words, dir)
	if err != nil {
		return err
	}
	for i, k := range found {
		c.keys[k.at].rtp, c.keys[k.at].rtcp = k.rtp, k.rtcp
		if i == use {
			c.send = c.keys[k.at]
		}
	}
	c.dir, c.streams = dir, streams
	// The exporter may have begun with SSRCs that the state does not know.
	c.imported, c.floorRTCP = true, min(floor+aheadRTCP, maxIndexRTCP+1)
	c.revision++
	return nil
}

type keyUse struct {
	at        int
	rtp, rtcp uint64
}

// importKeys finds the keys of a state among the context's.
func (c *Context) importKeys(r *reader, n int) ([]keyUse, error) {
	taken := make([]bool, len(c.keys))
	found := make([]keyUse, 0, n)
	for range n {
		check := [checkLen]byte(r.take(checkLen))
		use := keyUse{at: -1, rtp: r.u64(), rtcp: r.u64()}
		for i, k := range c.keys {
			if k.check == check && !taken[i] {
				use.at = i
			}
		}
		if use.at < 0 {
			return nil, fmt.Errorf("%w: of another key", ErrState)
		}
		if use.rtp > maxPacketsRTP || use.rtcp > maxPacketsRTCP {
			return nil, fmt.Errorf("%w: use of a key", ErrState)
		}
		taken[use.at] = true
		found = append(found, use)
	}
	return found, nil
}

func (c *Context) importStreams(r *reader, n, words int, dir direction) ([]ssrcState, error) {
	streams := make([]ssrcState, 0, n)
	for range n {
		s := ssrcState{ssrc: r.u32()}
		flags := r.u32()
		if flags&^(hasRTP|hasRTCP) != 0 || flags == 0 {
			return nil, fmt.Errorf("%w: flags of an SSRC", ErrState)
		}
		for i := range streams {
			if streams[i].ssrc == s.ssrc {
				return nil, fmt.Errorf("%w: SSRC twice", ErrState)
			}
		}
		if !r.window(&s.rtp, words, flags&hasRTP != 0, maxIndex) ||
			!r.window(&s.rtcp, words, flags&hasRTCP != 0, maxIndexRTCP) {
			return nil, fmt.Errorf("%w: index of an SSRC", ErrState)
		}
		s.rtp.resumed = true
		if dir == outgoing {
			s.rtp.close()
			s.rtcp.close()
			if s.rtcp.started {
				s.rtcp.top = min(s.rtcp.top+aheadRTCP, maxIndexRTCP)
			}
		}
		streams = append(streams, s)
	}
	return streams, nil
}

// reader walks a state whose length has been checked.
type reader struct{ b []byte }

func (r *reader) take(n int) []byte {
	if len(r.b) < n {
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

// window reads a window of another size too: what it does not know of counts
// as used.
func (r *reader) window(w *window, words int, started bool, limit uint64) bool {
	w.started = started
	w.top = r.u64()
	w.close()
	for i := range words {
		w.seen[i] = r.u64()
	}
	if !started {
		*w = window{}
		return true
	}
	return w.top <= limit && w.seen[0]&1 != 0
}
