package routing

import (
	"context"
	"fmt"
	"strings"

	"github.com/class5-go/class5/sip/wire"
)

// Services are the numbers by which emergency services are reached, by the name
// in their URN (RFC 5031): "sos", "sos.police". A service without a number of its
// own is what it is part of: sos.ambulance is sos, then.
type Services map[string]string

// ParseService reads a service as it may be configured, with "urn:service:" or
// without, and returns its name.
func ParseService(s string) (string, error) {
	name, _ := strings.CutPrefix(strings.ToLower(s), servicePrefix)
	if !sos(name) {
		return "", fmt.Errorf("routing: %q is no emergency service: want sos or sos.police, sos.fire …", s)
	}
	return name, nil
}

const (
	servicePrefix = "urn:service:"
	maxService    = 128 // octets of a name
)

// sos tells whether a name in lower case is that of an emergency service.
func sos(name string) bool {
	if len(name) > maxService {
		return false
	}
	first := true
	for label := range strings.SplitSeq(name, ".") {
		if first && label != "sos" || label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
		first = false
	}
	return true
}

// number is that of a service or of what it is part of.
func (s Services) number(name string) (string, bool) {
	for {
		if n, ok := s[name]; ok {
			return n, true
		}
		at := strings.LastIndexByte(name, '.')
		if at < 0 {
			return "", false
		}
		name = name[:at]
	}
}

// service plans a request to a URN: those of emergency services go to their
// numbers, in the domain of who calls.
func (r *Router) service(ctx context.Context, f Facts, uri wire.URI) (p Plan) {
	name, ok := strings.CutPrefix(strings.ToLower(string(uri.Opaque)), "service:")
	if !ok || !sos(name) {
		return p.refuse(416, "Unsupported URI Scheme", "service", string(uri.Opaque), "of URNs only emergency services are routed")
	}
	p.Emergency = true
	p.step("emergency", "urn:service:"+name, "locks don't count")
	number, ok := r.Services.number(name)
	if !ok {
		return p.refuse(404, "Emergency Service Not Configured", "service", name, "no number is configured for it")
	}
	p.Number = number
	p.step("service", number, "the number of "+name)
	dialled, isNumber := E164(number)
	if isNumber {
		p.Number = dialled
	}
	if c := f.Caller; c != nil {
		p = r.destination(ctx, p, number, dialled, c.Domain)
	} else {
		p = p.refuse(404, "Not Found", "destination", number, "the caller is in none of our domains")
	}
	if p.Outcome == Refuse && p.Status == 404 && isNumber && r.Peers != nil {
		p = r.outward(ctx, p, f.Peer)
	}
	return p
}
