package registrar

import (
	"slices"

	"github.com/class5-go/class5/sip/wire"
)

// apply is the rule of RFC 3261 §10.3 steps 6 and 7: the bindings after the
// request, or a refusal that leaves them as they are. It depends on nothing
// but its arguments and may run several times.
func (o *op) apply(current []Binding, res *Result) ([]Binding, error) {
	res.Added, res.Refreshed, res.Removed = 0, 0, 0
	if o.star {
		for i := range current {
			if o.outOfOrder(&current[i]) {
				return nil, errOrder()
			}
		}
		res.Removed = len(current)
		return nil, nil
	}
	// Bindings up to this index were there before and are under the rule of
	// order; one that this request touched has its CSeq and is not.
	next := current
	touched := make([]bool, len(current), len(current)+len(o.contacts))
	for i := range o.contacts {
		c := &o.contacts[i]
		at := c.find(next)
		if at >= 0 && !touched[at] && o.outOfOrder(&next[at]) {
			return nil, errOrder()
		}
		switch {
		case c.expires == 0 && at >= 0:
			next, touched = slices.Delete(next, at, at+1), slices.Delete(touched, at, at+1)
			res.Removed++
		case c.expires == 0:
		case at >= 0:
			o.renew(&next[at], c)
			touched[at] = true
			res.Refreshed++
		default:
			b := o.proto
			o.renew(&b, c)
			next, touched = append(next, b), append(touched, true)
			res.Added++
		}
	}
	return o.limit(next, touched, res)
}

func errOrder() error { return refuse(500, "CSeq Out of Order") }

// outOfOrder reports whether a later request of the same client made this
// binding already.
func (o *op) outOfOrder(b *Binding) bool { return b.CallID == o.callID && o.cseq <= b.CSeq }

// renew writes what the request says into a binding, new or not.
func (o *op) renew(b *Binding, c *contact) {
	first, extra := b.Registered, b.Extra
	*b = o.proto
	b.Registered, b.Extra = first, extra
	b.Contact, b.Params, b.Q = c.text, c.params, c.q
	b.Instance, b.RegID = c.instance, c.regID
	b.Expires = o.proto.Updated.Add(c.expires)
}

// find is the index of the binding that a contact means, or -1: the same flow
// of the same instance where outbound applies (RFC 5626 §6), else an equal
// URI (RFC 3261 §10.3). A contact without a flow may end a binding that has
// one, but not take it over.
func (c *contact) find(bs []Binding) int {
	for i := range bs {
		b := &bs[i]
		if c.regID != 0 || b.RegID != 0 && c.expires != 0 {
			if b.RegID == c.regID && b.Instance == c.instance {
				return i
			}
			continue
		}
		if b.Contact == c.text {
			return i
		}
		u, err := wire.ParseURI([]byte(b.Contact))
		if err == nil && wire.EqualURI(u, c.uri) {
			return i
		}
	}
	return -1
}

// limit holds an address of record to its number of contacts. Who already has
// more, because the limit was lowered, may refresh what he has.
func (o *op) limit(bs []Binding, touched []bool, res *Result) ([]Binding, error) {
	for len(bs) > o.max && res.Added > 0 {
		oldest := -1
		for i := range bs {
			if !touched[i] && (oldest < 0 || bs[i].Updated.Before(bs[oldest].Updated)) {
				oldest = i
			}
		}
		if !o.cfg.ReplaceOldest || oldest < 0 {
			return nil, refuse(403, "Too Many Contacts")
		}
		bs, touched = slices.Delete(bs, oldest, oldest+1), slices.Delete(touched, oldest, oldest+1)
		res.Removed++
	}
	return bs, nil
}

// ByPreference orders bindings for serial forking: highest q first, then the
// one refreshed last. For slices.SortStableFunc.
func ByPreference(a, b Binding) int {
	if a.Q != b.Q {
		return int(b.Q) - int(a.Q)
	}
	return b.Updated.Compare(a.Updated)
}
