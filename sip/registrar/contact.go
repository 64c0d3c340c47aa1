package registrar

import (
	"strings"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// readContacts reads all Contact values of a REGISTER into o.
func (o *op) readContacts(m *wire.Message, res *Result) error {
	fallback, given := o.cfg.DefaultExpires, false
	if n, ok := m.Uint32(wire.HdrExpires); ok {
		fallback, given = time.Duration(n)*time.Second, true
	}
	for v := m.Values(wire.HdrContact); v.Next(); {
		if string(v.Value()) == "*" {
			o.star = true
			continue
		}
		var c contact
		if err := c.read(v.Value(), fallback, o.cfg); err != nil {
			return err
		}
		o.contacts = append(o.contacts, c)
	}
	if o.star {
		if len(o.contacts) > 0 || m.Count(wire.HdrContact) > 1 || !given || fallback != 0 {
			return refuse(400, "Contact * Needs Expires 0 and No Other Contact")
		}
		return nil
	}
	if err := o.outbound(m, res); err != nil {
		return err
	}
	return o.expiries(res)
}

// read takes one Contact value apart.
func (c *contact) read(value []byte, expires time.Duration, cfg *Config) error {
	na, err := wire.ParseNameAddr(value)
	if err != nil {
		return refuse(400, "Malformed Contact")
	}
	c.text = string(na.URI)
	if c.uri, err = wire.ParseURI(na.URI); err != nil || !c.uri.IsSIP() {
		return refuse(400, "Contact Is Not a SIP URI")
	}
	if len(c.text) > maxContact || len(na.Params) > maxContact {
		return refuse(400, "Contact Too Long")
	}
	c.q, c.expires = 1000, expires
	var rest strings.Builder
	for name, val := range na.Params.All() {
		if err := c.param(name, val, &rest, cfg); err != nil {
			return err
		}
	}
	c.params = rest.String()
	if !printable(c.params) {
		return refuse(400, "Malformed Contact")
	}
	if c.instance == "" {
		c.regID = 0 // RFC 5626 §6: ignored without an instance
	}
	return nil
}

// param takes one Contact parameter. What has no meaning here goes to rest.
func (c *contact) param(name, val []byte, rest *strings.Builder, cfg *Config) error {
	switch {
	case wire.EqualFold(name, "expires"):
		c.expires = delta(val, cfg)
	case wire.EqualFold(name, "q"):
		q, ok := qvalue(val)
		if !ok {
			return refuse(400, "Malformed q")
		}
		c.q = q
	case wire.EqualFold(name, "+sip.instance"):
		v := wire.Unquote(val)
		if len(v) == 0 || len(v) > maxInstance || !printable(v) || strings.ContainsAny(string(v), `"\`) {
			return refuse(400, "Malformed Instance")
		}
		c.instance = string(v)
	case wire.EqualFold(name, "reg-id"):
		n, ok := decimal(val)
		if !ok || n == 0 || n > 1<<31-1 {
			return refuse(400, "Malformed reg-id")
		}
		c.regID = uint32(n)
	default:
		rest.WriteByte(';')
		rest.Write(name)
		if val != nil {
			rest.WriteByte('=')
			rest.Write(wire.AppendUnfolded(nil, val))
		}
	}
	return nil
}

// outbound decides for each contact whether RFC 5626 applies (§6).
func (o *op) outbound(m *wire.Message, res *Result) error {
	flows, lasting := 0, 0
	for i := range o.contacts {
		if o.contacts[i].regID != 0 {
			flows++
		}
		if o.contacts[i].expires != 0 {
			lasting++
		}
	}
	if flows == 0 {
		return nil
	}
	supported := supports(m, "outbound")
	if !edgeHasOutbound(m) {
		if supported {
			return refuse(439, "First Hop Lacks Outbound Support")
		}
		for i := range o.contacts {
			o.contacts[i].regID = 0
		}
		return nil
	}
	if lasting > 1 {
		return refuse(400, "One Flow Registers One Contact")
	}
	if supported {
		res.require, res.flowTimer = "outbound", o.cfg.FlowTimer
	}
	return nil
}

// expiries brings what was asked for between the limits.
func (o *op) expiries(res *Result) error {
	for i := range o.contacts {
		c := &o.contacts[i]
		if c.expires > 0 && c.expires < o.cfg.MinExpires {
			res.minExpires = o.cfg.MinExpires
			return refuse(423, "Interval Too Brief")
		}
		c.expires = min(c.expires, o.cfg.MaxExpires)
	}
	return nil
}

// printable refuses what the grammar allows behind a backslash but no header
// we write may hold.
func printable[T ~string | ~[]byte](s T) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// delta reads the expires parameter. One that cannot be read means the
// default, one that is too large the maximum (RFC 3261 §20.10, §10.2.1.1).
func delta(val []byte, cfg *Config) time.Duration {
	n, ok := decimal(val)
	if !ok {
		return cfg.DefaultExpires
	}
	if n > uint64(cfg.MaxExpires/time.Second) {
		return cfg.MaxExpires
	}
	return time.Duration(n) * time.Second
}

// decimal reads digits; what exceeds 32 bits comes out as 1<<32.
func decimal(b []byte) (uint64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+uint64(c-'0'), 1<<32)
	}
	return n, true
}

// qvalue reads "0", "0.7", "1.000" as thousandths (RFC 3261 §25.1).
func qvalue(b []byte) (uint16, bool) {
	if len(b) == 0 || len(b) > 5 || b[0] != '0' && b[0] != '1' || len(b) > 1 && b[1] != '.' {
		return 0, false
	}
	q, unit := uint16(b[0]-'0')*1000, uint16(100)
	for _, c := range b[min(2, len(b)):] {
		if c < '0' || c > '9' {
			return 0, false
		}
		q += uint16(c-'0') * unit
		unit /= 10
	}
	return q, q <= 1000
}
