package registrar

import (
	"strings"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// Limits of what is stored, in octets.
const (
	maxContact   = 1024 // URI and parameters of one contact each
	maxInstance  = 256
	maxPath      = 4096
	maxCallID    = 512
	maxUserAgent = 128 // cut
)

// op is a REGISTER as read: what to do to the bindings. It refers to the message
// only for comparing URIs, within Register.
type op struct {
	cfg      *Config
	aor      string
	star     bool
	contacts []contact
	max      int
	callID   string
	cseq     uint32
	proto    Binding // what all contacts of the request have in common
}

// contact is one Contact value.
type contact struct {
	uri      wire.URI // refers to the message
	text     string
	params   string
	q        uint16
	expires  time.Duration // 0: remove
	instance string
	regID    uint32 // 0 unless outbound applies
}

// read checks a request and turns it into an op.
func (r *Registrar) read(req *Request, res *Result, o *op) error {
	m := req.Message
	if m.Method() != wire.REGISTER {
		return refuse(405, "Method Not Allowed")
	}
	if res.unsupported = unsupported(m); res.unsupported != "" {
		return refuse(420, "Bad Extension")
	}
	if err := o.address(req); err != nil {
		return err
	}
	o.cfg, o.callID = &r.cfg, string(m.CallID())
	o.cseq, _ = m.CSeq()
	if len(o.callID) > maxCallID {
		return refuse(400, "Call-ID Too Long")
	}
	if o.max = req.MaxContacts; o.max <= 0 {
		o.max = r.cfg.MaxContacts
	}
	if err := r.readPath(m, res, o); err != nil {
		return err
	}
	if err := o.readContacts(m, res); err != nil {
		return err
	}
	o.proto.CallID, o.proto.CSeq = o.callID, o.cseq
	o.proto.Registered, o.proto.Updated = req.Now, req.Now
	o.proto.Source, o.proto.Transport, o.proto.Edge = req.Source, req.Transport, req.Edge
	if h, ok := m.First(wire.HdrUserAgent); ok {
		o.proto.UserAgent = string(h.Value[:min(len(h.Value), maxUserAgent)])
	}
	return nil
}

func (o *op) address(req *Request) error {
	to, ok := req.Message.First(wire.HdrTo)
	if !ok {
		return refuse(400, "Missing To")
	}
	na, err := wire.ParseNameAddr(to.Value)
	if err != nil {
		return refuse(400, "Malformed To")
	}
	aor, err := AoR(na.URI)
	if err != nil {
		return refuse(400, "To Is Not a SIP Address of Record")
	}
	if o.aor = req.AoR; o.aor == "" {
		o.aor = aor
	}
	return nil
}

// extensions are the option tags a REGISTER may require here.
func extension(tag []byte) bool {
	return wire.EqualFold(tag, "path") || wire.EqualFold(tag, "outbound")
}

// unsupported lists the required option tags that are not known.
func unsupported(m *wire.Message) string {
	var tags []string
	for v := m.Values(wire.HdrRequire); v.Next(); {
		if !extension(v.Value()) {
			tags = append(tags, string(v.Value()))
		}
	}
	return strings.Join(tags, ", ")
}

// supports reports whether the client knows an extension.
func supports(m *wire.Message, tag string) bool {
	for _, id := range [...]wire.HeaderID{wire.HdrSupported, wire.HdrRequire} {
		for v := m.Values(id); v.Next(); {
			if wire.EqualFold(v.Value(), tag) {
				return true
			}
		}
	}
	return false
}

// readPath keeps the Path vector (RFC 3327 §5.3).
func (r *Registrar) readPath(m *wire.Message, res *Result, o *op) error {
	if m.Count(wire.HdrPath) == 0 {
		return nil
	}
	known := supports(m, "path")
	if !known && r.cfg.RequirePath {
		res.require = "path"
		return refuse(421, "Extension Required")
	}
	var path []byte
	for v := m.Values(wire.HdrPath); v.Next(); {
		if len(path) > 0 {
			path = append(path, ", "...)
		}
		path = wire.AppendUnfolded(path, v.Value())
	}
	if len(path) > maxPath || !printable(path) {
		return refuse(400, "Malformed Path")
	}
	o.proto.Path = string(path)
	if known {
		res.path = o.proto.Path
	}
	return nil
}

// edgeHasOutbound reports whether flows can be used towards the client: it
// sent straight to us, or the edge it sent to, which put in the last Path
// value, says so by "ob" (RFC 5626 §6).
func edgeHasOutbound(m *wire.Message) bool {
	var last []byte
	for v := m.Values(wire.HdrPath); v.Next(); {
		last = v.Value()
	}
	if last == nil {
		vias := 0
		for v := m.Values(wire.HdrVia); v.Next(); {
			vias++
		}
		return vias == 1
	}
	na, err := wire.ParseNameAddr(last)
	if err != nil {
		return false
	}
	u, err := wire.ParseURI(na.URI)
	return err == nil && u.Params.Has("ob")
}
