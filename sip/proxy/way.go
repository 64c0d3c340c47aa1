package proxy

import (
	"bytes"

	"github.com/class5-go/class5/sip/wire"
)

// Way is where a request points (RFC 3261 section 16.4). Slices refer to the
// message.
type Way struct {
	// URI is the Request-URI, or what a strict router before us moved to the
	// end of the Route set.
	URI []byte
	// Own is the URI that we once put into Record-Route and that led the
	// request here; its parameters say for which dialog. nil outside of one.
	Own []byte
	// Next is the Route value of the next hop; nil when URI is the next hop.
	Next []byte

	strict bool // Own was the Request-URI; the last Route became URI
}

// Way reads where a request points. It changes nothing: Start and Relay remove
// Own from the copies they send.
func (p *Proxy) Way(m *wire.Message) (Way, error) {
	w := Way{URI: m.RequestURI()}
	routes := m.Values(wire.HdrRoute)
	if !routes.Next() {
		return w, nil
	}
	first := routes.Value()
	if u, err := wire.ParseURI(w.URI); err == nil && u.IsSIP() && u.Params.Has("lr") && p.cfg.Self(u.Host, u.Port) {
		return p.strictWay(w, routes, first)
	}
	addr, err := wire.ParseNameAddr(first)
	if err != nil {
		return w, err
	}
	u, err := wire.ParseURI(addr.URI)
	if err != nil {
		return w, err
	}
	w.Next = first
	if u.IsSIP() && p.cfg.Self(u.Host, u.Port) {
		w.Own, w.Next = addr.URI, nil
		if routes.Next() {
			w.Next = routes.Value()
		}
	}
	return w, nil
}

// strictWay reads a request from a strict router: the Request-URI is ours and
// the real one stands last in Route.
func (p *Proxy) strictWay(w Way, routes wire.Values, first []byte) (Way, error) {
	w.strict, w.Own, w.Next = true, w.URI, first
	last := first
	for routes.Next() {
		last = routes.Value()
	}
	if routes.Index() == 0 {
		w.Next = nil
	}
	addr, err := wire.ParseNameAddr(last)
	w.URI = addr.URI
	return w, err
}

// route writes Request-URI and Route of the copy for a target into e and
// returns the URI of the next hop (RFC 3261 section 16.6 steps 2, 6 and 7).
func (p *Proxy) route(m *wire.Message, t *Target, e *wire.Edit) (wire.URI, error) {
	w, err := p.Way(m)
	if err != nil {
		return wire.URI{}, err
	}
	uri := w.URI
	if len(t.URI) > 0 {
		uri = t.URI
	}
	next := w.Next
	if len(t.Route) > 0 {
		next = t.Route[0]
	}
	nextURI := uri
	if next != nil {
		addr, err := wire.ParseNameAddr(next)
		if err != nil {
			return wire.URI{}, err
		}
		nextURI = addr.URI
	}
	hop, err := wire.ParseURI(nextURI)
	if err != nil {
		return wire.URI{}, err
	}
	toStrict := next != nil && !hop.Params.Has("lr")
	if toStrict || w.strict {
		p.rebuildRoute(m, t, e, w, uri, toStrict)
	} else {
		p.spliceRoute(m, t, e, w)
	}
	if toStrict {
		uri = nextURI
	}
	if toStrict || w.strict || len(t.URI) > 0 {
		e.RequestURI(uri)
	}
	return hop, nil
}

// spliceRoute takes our own value off the Route set and puts the target's on.
func (p *Proxy) spliceRoute(m *wire.Message, t *Target, e *wire.Edit, w Way) {
	if w.Own != nil {
		e.RemoveFirstValue(wire.HdrRoute)
	}
	if m.Count(wire.HdrRoute) == 0 {
		for _, v := range t.Route {
			e.Add("Route", v)
		}
		return
	}
	for i := len(t.Route) - 1; i >= 0; i-- {
		e.Prepend(wire.HdrRoute, t.Route[i])
	}
}

// rebuildRoute writes the whole Route set anew, because a strict router stands
// before us (the last value is the Request-URI) or behind us (its own value
// becomes the Request-URI, and uri goes to the end).
func (p *Proxy) rebuildRoute(m *wire.Message, t *Target, e *wire.Edit, w Way, uri []byte, toStrict bool) {
	values := append([][]byte(nil), t.Route...)
	for v := m.Values(wire.HdrRoute); v.Next(); {
		values = append(values, v.Value())
	}
	switch own := len(t.Route); {
	case w.strict:
		values = values[:len(values)-1]
	case w.Own != nil:
		values = append(values[:own], values[own+1:]...)
	}
	if toStrict {
		values = append(values[1:], append(append([]byte{'<'}, uri...), '>'))
	}
	if len(values) == 0 {
		e.RemoveAll(wire.HdrRoute)
		return
	}
	e.Set(wire.HdrRoute, wire.AppendUnfolded(nil, bytes.Join(values, []byte(", "))))
}
