package wire

import "encoding/binary"

// via are the parts of one Via value.
type via struct {
	value, name, version, transport, host span
	params                                paramScan // steer: branch
	port                                  uint16
}

// sip20 is "SIP/2.0/" as the little-endian word that the fast path compares with.
const sip20 = 'S' | 'I'<<8 | 'P'<<16 | '/'<<24 | '2'<<32 | '.'<<40 | '0'<<48 | '/'<<56

// scanVia reads via-parm: sent-protocol LWS sent-by *( SEMI via-params ).
func scanVia(s []byte, i, limit int, o *via) (next int, r Reason) {
	*o = via{}
	if uint(i) < uint(len(s)) && is(s[i], clLWS) {
		i = skipLWS(s, i)
	}
	start := i
	if i, r = scanProtocol(s, i, o); r != ReasonNone {
		return i, r
	}
	if i, r = scanSentBy(s, i, o); r != ReasonNone {
		return i, r
	}
	end := i
	if i, r = scanParams(s, i, limit, parBranch, &o.params); r != ReasonNone {
		return i, r
	}
	if o.params.n > 0 {
		end = int(o.params.all.hi)
	}
	o.value = mkspan(start, end)
	return i, ReasonNone
}

// scanProtocol reads protocol-name SLASH protocol-version SLASH transport LWS.
func scanProtocol(s []byte, i int, o *via) (next int, r Reason) {
	if uint(i)+8 <= uint(len(s)) && binary.LittleEndian.Uint64(s[i:i+8]) == sip20 && s[min(i+8, len(s)-1)] > ' ' {
		o.name, o.version = mkspan(i, i+3), mkspan(i+4, i+7)
		i += 8
	} else {
		if i, r = scanSlash(s, i, &o.name); r != ReasonNone {
			return i, r
		}
		if i, r = scanSlash(s, i, &o.version); r != ReasonNone {
			return i, r
		}
	}
	lo := i
	i = skip(s, lo, clToken)
	o.transport = mkspan(lo, i)
	next = skipLWS(s, i)
	if lo == i || next == i {
		return i, ReasonVia
	}
	return next, ReasonNone
}

// scanSlash reads token SLASH.
func scanSlash(s []byte, lo int, o *span) (next int, r Reason) {
	i := skip(s, lo, clToken)
	*o = mkspan(lo, i)
	slash := skipLWS(s, i)
	if lo == i || slash == len(s) || s[slash] != '/' {
		return i, ReasonVia
	}
	return skipLWS(s, slash+1), ReasonNone
}

// scanSentBy reads host [ COLON port ]; white space may stand around the colon.
func scanSentBy(s []byte, i int, o *via) (next int, r Reason) {
	lo := i
	if i = scanHost(s, lo); i < 0 {
		return lo, ReasonHost
	}
	o.host = mkspan(lo, i)
	colon := skipLWS(s, i)
	if colon == len(s) || s[colon] != ':' {
		return i, ReasonNone
	}
	if i, o.port, r = scanPort(s, skipLWS(s, colon+1)); r != ReasonNone {
		return i, r
	}
	return i, ReasonNone
}

// scanHost is the index behind hostname, IPv4address or IPv6reference, -1 when there is none. The inside of the
// brackets is only checked for its characters and for two colons, without which some read an IPv4 address: RFC 5118
// 4.10 wants a colon too many tolerated.
func scanHost(s []byte, i int) int {
	lo := i
	if uint(i) >= uint(len(s)) || s[i] != '[' {
		if i = skip(s, i, clHost); i == lo {
			return -1
		}
		return i
	}
	colons := 0
	for i++; uint(i) < uint(len(s)); i++ {
		switch c := s[i]; {
		case c == ']' && colons > 1:
			return i + 1
		case c == ':':
			colons++
		case unhex(c) > 15 && c != '.':
			return -1
		}
	}
	return -1
}

// scanPort reads a port from 1 to 65535. Zero would be the same as no port to those who keep it in a number.
func scanPort(s []byte, lo int) (next int, port uint16, r Reason) {
	i := skipDigits(s, lo)
	n, ok := number(s[lo:i], 65535)
	if !ok || n == 0 {
		return lo, 0, ReasonHost
	}
	return i, uint16(n), ReasonNone
}

func unhex(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c|0x20-'a' <= 5:
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}
