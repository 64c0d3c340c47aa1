package proxy

import (
	"encoding/binary"
	"hash/maphash"
	"strconv"

	"github.com/class5-go/class5/sip/wire"
)

// markSep stands between the unique part of our branches and the loop mark.
const markSep = '.'

// Check validates a request (RFC 3261 section 16.3): scheme, Max-Forwards,
// loops, Proxy-Require. nil means that it may be forwarded. Start checks too;
// calling it earlier saves the work of authentication on such requests.
func (p *Proxy) Check(m *wire.Message) *Refusal {
	if u, err := wire.ParseURI(m.RequestURI()); err != nil {
		return &Refusal{Status: 400, Reason: "Bad Request-URI"}
	} else if !u.IsSIP() && !u.IsTel() && !wire.EqualFold(u.Scheme, "urn") {
		return &Refusal{Status: 416}
	}
	if n, ok := m.MaxForwards(); ok && n == 0 {
		return &Refusal{Status: 483}
	}
	if p.looped(m) {
		return &Refusal{Status: 482}
	}
	return p.extensions(m)
}

// extensions refuses a Proxy-Require that names what we do not support.
func (p *Proxy) extensions(m *wire.Message) *Refusal {
	var unsupported []byte
	for v := m.Values(wire.HdrProxyRequire); v.Next(); {
		if p.supports(v.Value()) {
			continue
		}
		if len(unsupported) > 0 {
			unsupported = append(unsupported, ", "...)
		}
		unsupported = append(unsupported, v.Value()...)
	}
	if unsupported == nil {
		return nil
	}
	return &Refusal{Status: 420, Fields: []wire.Field{{ID: wire.HdrUnsupported, Value: unsupported}}}
}

func (p *Proxy) supports(tag []byte) bool {
	for _, e := range p.cfg.Extensions {
		if wire.EqualFold(tag, e) {
			return true
		}
	}
	return false
}

// looped reports whether the request came here before and points to the same
// place again. A spiral, which comes back with another target, passes.
func (p *Proxy) looped(m *wire.Message) bool {
	var mark []byte
	var text [16]byte
	for v := m.Values(wire.HdrVia); v.Next(); {
		via, err := v.Via()
		if err != nil || !p.cfg.Self(via.Host, via.Port) {
			continue
		}
		if mark == nil {
			mark = p.appendMark(text[:0], m)
		}
		branch := via.Branch()
		at := len(branch) - len(mark)
		if at > 0 && branch[at-1] == markSep && string(branch[at:]) == string(mark) {
			return true
		}
	}
	return false
}

// appendMark writes a keyed hash of all that decides where a request goes
// (RFC 3261 section 16.6 step 8 as RFC 5393 section 4.2 changes it).
func (p *Proxy) appendMark(dst []byte, m *wire.Message) []byte {
	var h maphash.Hash
	h.SetSeed(p.seed)
	part := func(b []byte) {
		_, _ = h.Write(b)
		_ = h.WriteByte(0)
	}
	part(m.RequestURI())
	part(m.FromTag())
	part(m.ToTag())
	part(m.CallID())
	n, _ := m.CSeq()
	var number [4]byte
	binary.BigEndian.PutUint32(number[:], n)
	part(number[:])
	for v := m.Values(wire.HdrRoute); v.Next(); {
		part(v.Value())
	}
	for v := m.Values(wire.HdrProxyRequire); v.Next(); {
		part(v.Value())
	}
	return strconv.AppendUint(dst, h.Sum64(), 36)
}
