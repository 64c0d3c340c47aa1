package sipgomsg

import (
	"bytes"
	"fmt"
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"github.com/class5-go/class5/sip/wire"
)

// addressHeader is the header for one value of Via or of a name-addr header.
func addressHeader(id wire.HeaderID, value []byte, typed bool) (sip.Header, error) {
	if id == wire.HdrVia {
		return viaHeader(value)
	}
	n, err := wire.ParseNameAddr(value)
	if err != nil {
		return nil, err
	}
	generic := sip.NewHeader(id.Name(), string(n.AppendTo(nil)))
	if string(n.URI) == "*" {
		return &sip.ContactHeader{Address: sip.Uri{Host: "*", Wildcard: true}}, nil
	}
	switch id {
	case wire.HdrPath, wire.HdrServiceRoute, wire.HdrPAssertedIdentity, wire.HdrPPreferredIdentity:
		return generic, nil
	case wire.HdrRoute, wire.HdrRecordRoute, wire.HdrReferTo:
		if !typed {
			return generic, nil
		}
	}
	address, err := uri(n.URI)
	if err != nil {
		return nil, err
	}
	switch id {
	case wire.HdrRoute:
		return &sip.RouteHeader{Address: address}, nil
	case wire.HdrRecordRoute:
		return &sip.RecordRouteHeader{Address: address}, nil
	case wire.HdrReferTo:
		return &sip.ReferToHeader{Address: address}, nil
	case wire.HdrReferredBy:
		return &sip.ReferredByHeader{DisplayName: display(n), Address: address, Params: params(n.Params)}, nil
	case wire.HdrFrom:
		return &sip.FromHeader{DisplayName: display(n), Address: address, Params: params(n.Params)}, nil
	case wire.HdrTo:
		return &sip.ToHeader{DisplayName: display(n), Address: address, Params: params(n.Params)}, nil
	}
	return &sip.ContactHeader{DisplayName: display(n), Address: address, Params: params(n.Params)}, nil
}

// display is what stands between the quotes, backslashes kept: sipgo writes it back between quotes as it is.
func display(n wire.NameAddr) string { return unfold(wire.Unquote(n.Display)) }

func viaHeader(value []byte) (sip.Header, error) {
	v, err := wire.ParseVia(value)
	if err != nil {
		return nil, err
	}
	return &sip.ViaHeader{
		ProtocolName: string(v.Name), ProtocolVersion: string(v.Version), Transport: string(v.Transport),
		Host: viaHost(v.Host), Port: int(v.Port), Params: params(v.Params),
	}, nil
}

// viaHost takes the brackets off an IPv6 address if sipgo puts them on again: not around a mapped IPv4 address, nor
// around what it can't read.
func viaHost(host []byte) string {
	a, err := netip.ParseAddr(string(bytes.Trim(host, "[]")))
	if err != nil || a.Is4In6() {
		return string(host)
	}
	return string(bytes.Trim(host, "[]"))
}

// params copies parameters. sipgo quotes a value with white space when it writes it, and writes all others as they are.
func params(p wire.Params) (out sip.HeaderParams) {
	for name, value := range p.All() {
		text := unfold(value)
		if bytes.ContainsAny(value, " \t\r\n") {
			text = unfold(wire.Unquote(value))
		}
		out = append(out, sip.HeaderKV{K: sip.ASCIIToLower(string(name)), V: text})
	}
	return out
}

// uri fills a sip or sips URI part by part; sipgo keeps every other scheme as text.
func uri(b []byte) (sip.Uri, error) {
	var u sip.Uri
	w, err := wire.ParseURI(b)
	if err != nil {
		return u, err
	}
	if !w.IsSIP() {
		if err := sip.ParseUri(string(b), &u); err != nil {
			return u, fmt.Errorf("%w: %w", ErrURI, err)
		}
		return u, nil
	}
	u = sip.Uri{
		Scheme: sip.ASCIIToLower(string(w.Scheme)), User: string(w.User), Password: string(w.Password), Host: string(w.Host),
		Port: int(w.Port), UriParams: params(w.Params),
	}
	for field := range bytes.SplitSeq(w.Headers, []byte("&")) {
		if name, value, _ := bytes.Cut(field, []byte("=")); len(name) > 0 {
			u.Headers = append(u.Headers, sip.HeaderKV{K: string(name), V: string(value)})
		}
	}
	return u, nil
}
