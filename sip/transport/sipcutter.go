package transport

import (
	"math/bits"
	"unsafe"

	"github.com/class5-go/class5/sip/wire"
)

// sipCutter cuts TCP and TLS streams by Content-Length (RFC 3261 section 18.3).
// The rest of a read lies in the Framer until more comes, not in the buffer.
type sipCutter struct {
	framer wire.Framer
	fed    bool
}

func newSIPCutter(limits *wire.Limits) *sipCutter {
	return &sipCutter{framer: wire.Framer{Limits: limits}}
}

func (s *sipCutter) next(b, reply []byte) (unit, []byte, error) {
	if !s.fed {
		s.framer.Feed(b)
		s.fed = true
	}
	frame, msg, err := s.framer.Next()
	if err != nil {
		return unit{}, reply, err
	}
	switch frame {
	case wire.FrameMessage:
		return unit{kind: unitMessage, data: msg, hasty: !within(msg, b)}, reply, nil
	case wire.FramePing:
		return unit{kind: unitPing}, append(reply, "\r\n"...), nil
	case wire.FrameCRLF:
		return unit{kind: unitPong}, reply, nil
	}
	s.fed = false
	return unit{kind: unitMore, size: len(b)}, reply, nil
}

// within reports whether msg is a part of b.
func within(msg, b []byte) bool {
	p, q := uintptr(unsafe.Pointer(unsafe.SliceData(msg))), uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return p >= q && p < q+uintptr(len(b))
}

// held rounds up, for the framer's memory grows in steps.
func (s *sipCutter) held() int {
	if n := s.framer.Buffered(); n > 0 {
		return 1 << bits.Len(uint(n))
	}
	return 0
}

func (s *sipCutter) refused() []byte                     { return s.framer.Refused() }
func (s *sipCutter) frame(dst, msg []byte) []byte        { return append(dst, msg...) }
func (s *sipCutter) farewell(dst []byte, _ error) []byte { return dst }
