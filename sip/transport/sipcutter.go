package transport

import (
	"bytes"
	"errors"
	"strconv"
)

var errFraming = errors.New("transport: malformed stream")

type sipCutter struct {
	limit   int
	scanned int
	total   int
	crlf    bool
}

func newSIPCutter(limit int) cutter { return &sipCutter{limit: limit} }

func (s *sipCutter) pending() bool                       { return false }
func (s *sipCutter) frame(dst, msg []byte) []byte        { return append(dst, msg...) }
func (s *sipCutter) farewell(dst []byte, _ error) []byte { return dst }

func (s *sipCutter) next(b, reply []byte) (unit, []byte, error) {
	if s.total == 0 {
		if b[0] == '\r' {
			if len(b) < 2 {
				return unit{}, reply, nil
			}
			if b[1] != '\n' {
				return unit{}, reply, errFraming
			}
			s.crlf = !s.crlf
			if s.crlf {
				return unit{size: 2}, reply, nil
			}
			return unit{size: 2, kind: unitPing}, append(reply, "\r\n"...), nil
		}
		s.crlf = false
		i := bytes.Index(b[max(s.scanned-3, 0):], []byte("\r\n\r\n"))
		if i < 0 {
			s.scanned = len(b)
			if len(b) > s.limit {
				return unit{}, reply, errFraming
			}
			return unit{}, reply, nil
		}
		head := max(s.scanned-3, 0) + i + 4
		n := -1
		for line := range bytes.SplitSeq(b[:head], []byte("\r\n")) {
			name, value, _ := bytes.Cut(line, []byte(":"))
			name = bytes.TrimSpace(name)
			if bytes.EqualFold(name, []byte("Content-Length")) || bytes.EqualFold(name, []byte("l")) {
				v, err := strconv.Atoi(string(bytes.TrimSpace(value)))
				if err != nil || v < 0 || n >= 0 {
					return unit{}, reply, errFraming
				}
				n = v
			}
		}
		if n < 0 || head+n > s.limit {
			return unit{}, reply, errFraming
		}
		s.total = head + n
	}
	if len(b) < s.total {
		return unit{}, reply, nil
	}
	u := unit{kind: unitMessage, size: s.total, data: b[:s.total]}
	s.total, s.scanned = 0, 0
	return u, reply, nil
}
