package wire

import (
	"bytes"
	"encoding/binary"
)

// startLine reads the first line and returns the start of the headers, -1 when they can't be read.
func (m *Message) startLine(lim *Limits) int {
	end, stray := endOfLine(m.b, 0)
	switch {
	case stray >= 0:
		m.fail(controlReason(m.b[stray]), stray)
	case end > lim.HeaderLine:
		m.fail(ReasonHeaderTooLong, lim.HeaderLine)
		return -1
	case end < 0:
		m.fail(ReasonNoEnd, len(m.b))
	}
	if end < 0 {
		return -1
	}
	if line := m.b[:end]; len(line) >= 4 && line[3] == '/' && EqualFold(line[:4], "SIP/") {
		m.statusLine(line)
	} else {
		m.requestLine(line)
	}
	return end + 2
}

// statusLine reads SIP-Version SP Status-Code SP Reason-Phrase. The second SP may be missing along with the phrase.
func (m *Message) statusLine(s []byte) {
	i := version(s, 0)
	if i == 0 || i == len(s) || s[i] != ' ' {
		m.fail(ReasonStartLine, i)
		return
	}
	if !isVersion2(s[:i]) {
		m.fail(ReasonVersion, 0)
		return
	}
	lo := i + 1
	end := skipDigits(s, lo)
	if end == lo || end < len(s) && s[end] != ' ' {
		m.fail(ReasonStartLine, end)
		return
	}
	code, ok := number(s[lo:end], 699)
	if !ok || code < 100 || end-lo != 3 {
		m.fail(ReasonStatusCode, lo)
		return
	}
	m.status = uint16(code)
	m.target = mkspan(min(end+1, len(s)), len(s))
}

// requestLine reads Method SP Request-URI SP SIP-Version.
func (m *Message) requestLine(s []byte) {
	m.request = true
	i := skip(s, 0, clToken)
	m.name = mkspan(0, i)
	m.method = LookupMethod(s[:i])
	if i == 0 || i == len(s) || s[i] != ' ' {
		m.fail(ReasonMethod, i)
		return
	}
	lo := i + 1
	n := bytes.IndexByte(s[lo:], ' ')
	if n <= 0 {
		m.fail(ReasonStartLine, lo)
		return
	}
	hi := lo + n
	m.target = mkspan(lo, hi)
	if hi+8 == len(s) && binary.LittleEndian.Uint64(s[hi:]) == lastOfRequest {
		m.checkRequestURI(s[:hi], lo)
		return
	}
	switch v := version(s, hi+1); {
	case v != len(s) || v == hi+1:
		m.fail(ReasonStartLine, hi+1)
	case !isVersion2(s[hi+1:]):
		m.fail(ReasonVersion, hi+1)
	default:
		m.checkRequestURI(s[:hi], lo)
	}
}

// lastOfRequest is " SIP/2.0" as a little-endian word.
const lastOfRequest = ' ' | 'S'<<8 | 'I'<<16 | 'P'<<24 | '/'<<32 | '2'<<40 | '.'<<48 | '0'<<56

// version is the index behind a SIP-Version at s[i:], i when there is none.
func version(s []byte, i int) int {
	major := i + len("SIP/")
	if major > len(s) || !EqualFold(s[i:major], "SIP/") {
		return i
	}
	dot := skipDigits(s, major)
	if dot == major || dot == len(s) || s[dot] != '.' {
		return i
	}
	end := skipDigits(s, dot+1)
	if end == dot+1 {
		return i
	}
	return end
}

// isVersion2 is exact: "2.00" would be a version of its own to an element that compares text.
func isVersion2(version []byte) bool { return string(version[len("SIP/"):]) == "2.0" }

// checkRequestURI reads what decides where the request goes.
func (m *Message) checkRequestURI(s []byte, lo int) {
	var u uri
	at, r := scanURI(s, lo, &u)
	switch r {
	case ReasonNone:
		if u.headers.hi != 0 {
			m.fail(ReasonRequestURIHeaders, int(u.headers.lo))
		}
		return
	case ReasonURI, ReasonHost:
		r = ReasonRequestURI
	}
	m.fail(r, at)
}
