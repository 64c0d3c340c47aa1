package wire

import (
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
	seen   uint16
	known  bool
}

func (v *via) view(b []byte) Via {
	return Via{
		Raw: v.value.of(b), Name: v.name.of(b), Version: v.version.of(b), Transport: v.transport.of(b),
		Host: v.host.of(b), Port: v.port, Params: Params(v.params.all.of(b)),
		branch: v.params.steer.of(b), seen: v.params.seen, known: true,
	}
}

// ParseVia reads one Via value.
func ParseVia(b []byte) (Via, error) {
	var v via
	next, r := scanVia(b[:len(b):len(b)], 0, noLimit, &v)
	if r == ReasonNone && next != len(b) {
		r = ReasonValueList
	}
	if r != ReasonNone {
		return Via{}, &Error{Reason: r, Offset: next, Status: r.status()}
	}
	return v.view(b), nil
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

// lacks reports that a parameter is not there; false means that Params have to be asked.
func (v Via) lacks(bit uint16) bool { return v.known && v.seen&bit == 0 }

// AppendViaReceived appends v with received and rport filled in as a server does that got the request from src
// (RFC 3261 18.2.1, RFC 3581 4): rport only when the client asked for it, received when it differs from sent-by
// or rport was asked for. Values of the sender for these two are dropped.
func AppendViaReceived(dst []byte, v Via, src netip.AddrPort) []byte {
	addr := src.Addr().Unmap()
	dst = v.appendSentBy(dst)
	dst, rport := appendOtherParams(dst, v.Params)
	host, ok := ParseAddr(v.Host)
	if rport || !ok || host != addr {
		dst = addr.AppendTo(append(dst, ";received="...))
	}
	if rport {
		dst = strconv.AppendUint(append(dst, ";rport="...), uint64(src.Port()), 10)
	}
	return dst
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
