package wire

import (
	"bytes"
	"net/netip"
	"strconv"
)

// Via is one Via value. Slices refer to the input.
type Via struct {
	Raw       []byte // the whole value, folds included
	Name      []byte // protocol name: "SIP"
	Version   []byte // protocol version: "2.0"
	Transport []byte // "UDP", "TCP", "TLS", "WS", "WSS" or another token
	Host      []byte // host of sent-by; IPv6 with brackets
	Port      uint16 // port of sent-by, 0 when absent
	Params    Params

	branch []byte // what Parse has seen, so that Params need not be searched again
	rport  uint32 // index of its name in Params
	seen   uint16
	known  bool
}

// view fills in o.
func (v *via) view(b []byte, o *Via) {
	o.Raw, o.Name, o.Version, o.Transport = v.value.of(b), v.name.of(b), v.version.of(b), v.transport.of(b)
	o.Host, o.Port, o.Params = v.host.of(b), v.port, Params(v.params.all.of(b))
	o.branch, o.rport, o.seen, o.known = v.params.steer.of(b), v.params.rport-v.params.all.lo, v.params.seen, true
}

// ParseVia reads one Via value.
func ParseVia(b []byte) (o Via, err error) {
	var v via
	next, r := scanVia(b[:len(b):len(b)], 0, noLimit, &v)
	if r == ReasonNone && next != len(b) {
		r = ReasonValueList
	}
	if r != ReasonNone {
		return Via{}, &Error{Reason: r, Offset: next, Status: r.status()}
	}
	v.view(b, &o)
	return o, nil
}

// Branch is the branch parameter, nil when absent.
func (v Via) Branch() []byte {
	if v.known {
		return v.branch
	}
	val, _ := v.Params.Get("branch")
	return val
}

// Received is the received parameter without the brackets that some put around IPv6 (RFC 5118 4.5), nil when
// absent.
func (v Via) Received() []byte {
	if v.lacks(parReceived) {
		return nil
	}
	val, _ := v.Params.Get("received")
	return unbracket(val)
}

// RPort is the rport parameter (RFC 3581). present is true for the empty form too, port is then 0.
func (v Via) RPort() (port uint16, present bool) {
	if v.lacks(parRPort) {
		return 0, false
	}
	val, ok := v.Params.Get("rport")
	n, _ := number(val, 65535)
	return uint16(n), ok
}

// HasRPort reports whether the parameter rport is there, with a value or without: what RPort costs least.
func (v *Via) HasRPort() bool {
	if v.known {
		return v.seen&parRPort != 0
	}
	return v.Params.Has("rport")
}

// HasReceived reports whether the parameter received is there.
func (v *Via) HasReceived() bool {
	if v.known {
		return v.seen&parReceived != 0
	}
	return v.Params.Has("received")
}

// lacks reports that a parameter is not there; false means that Params have to be asked.
func (v Via) lacks(bit uint16) bool { return v.known && v.seen&bit == 0 }

// AppendViaReceived appends v with received and rport filled in as a server does that got the request from src
// (RFC 3261 18.2.1, RFC 3581 4): rport only when the client asked for it, received when it differs from sent-by
// or rport was asked for. Values of the sender for these two are dropped.
func AppendViaReceived(dst []byte, v Via, src netip.AddrPort) []byte {
	addr := src.Addr().Unmap()
	var rport bool
	if whole := v.minimal(); whole && v.seen&parRPort == 0 {
		dst = append(dst, v.Raw...)
	} else if name := int(v.rport); whole && v.bareRPort() {
		at := len(v.Raw) - len(v.Params) + name
		dst, rport = append(append(dst, v.Raw[:at-1]...), v.Params[name+len("rport"):]...), true
	} else {
		dst, rport = appendOtherParams(v.appendSentBy(dst), v.Params)
	}
	host, ok := ParseAddr(v.Host)
	if rport || !ok || host != addr {
		dst = addr.AppendTo(append(dst, ";received="...))
	}
	if rport {
		dst = strconv.AppendUint(append(dst, ";rport="...), uint64(src.Port()), 10)
	}
	return dst
}

// minimal reports that the value holds no received and nothing that AppendTo would leave out or change: no white
// space but one SP, no control character, no leading zero.
func (v *Via) minimal() bool {
	if !v.known || v.seen&parReceived != 0 {
		return false
	}
	n := len(v.Name) + len(v.Version) + len(v.Transport) + len(v.Host) + len("// ")
	for port := v.Port; port > 0; port /= 10 {
		n++
	}
	if v.Port > 0 {
		n++
	}
	return n+len(v.Params) == len(v.Raw) && nextControl(v.Raw, 0) == len(v.Raw) && bytes.IndexByte(v.Params, ' ') < 0
}

// bareRPort reports that rport is there without a value.
func (v *Via) bareRPort() bool {
	end := int(v.rport) + len("rport")
	return v.seen&parRPort != 0 && (end == len(v.Params) || v.Params[end] == ';')
}

// appendOtherParams appends p without received and rport, and tells whether it had the latter.
func appendOtherParams(dst []byte, p Params) (_ []byte, rport bool) {
	plain := nextControl(p, 0) == len(p)
	var q param
	for i := 0; i < len(p); {
		at := i
		var found bool
		if i, found = p.next(i, &q); !found {
			continue
		}
		switch paramBit(p, int(q.name.lo), int(q.name.hi)) {
		case parRPort:
			rport = true
			continue
		case parReceived:
			continue
		}
		if plain && q.tight(at, i) {
			dst = append(dst, p[at:i]...)
			continue
		}
		dst = append(append(dst, ';'), q.name.of(p)...)
		if q.value.hi != 0 {
			dst = AppendPlain(append(dst, '='), q.value.of(p))
		}
	}
	return dst, rport
}

// tight reports that the parameter fills everything from lo, where its ";" is, to hi.
func (q *param) tight(lo, hi int) bool {
	return int(q.name.lo) == lo+1 && (int(q.name.hi) == hi || q.value.lo == q.name.hi+1 && int(q.value.hi) == hi)
}
