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
}

func (v *via) view(b []byte) Via {
	return Via{
		Raw: v.value.of(b), Name: v.name.of(b), Version: v.version.of(b), Transport: v.transport.of(b),
		Host: v.host.of(b), Port: v.port, Params: Params(v.params.all.of(b)),
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
	val, _ := v.Params.Get("branch")
	return val
}

// Received is the received parameter without the brackets that some put around IPv6 (RFC 5118 4.5), nil when
// absent.
func (v Via) Received() []byte {
	val, _ := v.Params.Get("received")
	return unbracket(val)
}

// RPort is the rport parameter (RFC 3581). present is true for the empty form too, port is then 0.
func (v Via) RPort() (port uint16, present bool) {
	val, ok := v.Params.Get("rport")
	n, _ := number(val, 65535)
	return uint16(n), ok
}

// AppendViaReceived appends v with received and rport filled in as a server does that got the request from src
// (RFC 3261 18.2.1, RFC 3581 4): rport only when the client asked for it, received when it differs from sent-by
// or rport was asked for. Values of the sender for these two are dropped.
func AppendViaReceived(dst []byte, v Via, src netip.AddrPort) []byte {
	addr := src.Addr().Unmap()
	_, rport := v.Params.Get("rport")
	head := v
	head.Params = nil
	dst = head.AppendTo(dst)
	for name, value := range v.Params.All() {
		if EqualFold(name, "received") || EqualFold(name, "rport") {
			continue
		}
		dst = append(append(dst, ';'), name...)
		if value != nil {
			dst = AppendPlain(append(dst, '='), value)
		}
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
