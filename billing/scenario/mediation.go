package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
)

// event feeds a row of accounting to mediation, as often as it comes.
func (r *run) event(id string, e *Event, when billing.Millis) ([]CallAnswer, error) {
	set := r.set(e.Set)
	ev, err := r.accounting(set, e, when)
	var records []billing.CDR
	for n := 0; err == nil && n < max(e.Times, 1); n++ {
		r.position++
		records, err = set.m.Feed(records, r.position, ev)
	}
	if err != nil {
		set.quarantined = append(set.quarantined, Quarantined{id, err.Error()})
		return nil, err
	}
	return r.completed(set, records)
}

// accounting makes a row an event. An interim mark is one of the leg's own
// node, for proxies do not write it.
func (r *run) accounting(set *events, e *Event, when billing.Millis) (billing.Event, error) {
	var c billing.CDR
	if err := r.endpoints("", &c, e.Caller, e.Callee, e.From, e.To, e.FromURI, e.ToURI, e.IP); err != nil {
		return billing.Event{}, err
	}
	init, err := r.optional("/init", e.Init)
	if err != nil {
		return billing.Event{}, err
	}
	leg := fmt.Sprintf("%s\x00%s\x00%d\x00%d", e.CallID, e.FromTag, e.Leg, e.Type)
	method := strings.ToUpper(e.Method)
	if method == "INTERIM" {
		out := billing.Event{
			Kind: billing.EventInterim, CallID: e.CallID, FromTag: e.FromTag, Leg: e.Leg, Type: e.Type, Init: cmp.Or(init, set.inits[leg], when), At: when,
			Caller: c.Caller, Callee: c.Callee, Source: c.Source, Node: node,
		}
		return out, out.Validate()
	}
	row := mediate.Acc{
		Method: method, Code: cmp.Or(e.Code, 200), CallID: e.CallID, FromTag: e.FromTag, At: when, Init: init, Leg: e.Leg, Type: e.Type, Refer: e.Refer,
		Caller: c.Caller, Callee: c.Callee, Source: c.Source, Node: node,
	}
	if method == "BYE" && e.Type == billing.CallTransfer && init == 0 {
		row.Init = set.inits[leg] // a transferred leg has an end of its own
	}
	if method == "INVITE" {
		set.inits[leg] = cmp.Or(init, when)
	}
	return row.Event()
}

// mediated asks the mediators of all sets for records.
func (r *run) mediated(ask func(*mediate.Mediator) []billing.CDR) ([]CallAnswer, error) {
	var out []CallAnswer
	for _, name := range slices.Sorted(maps.Keys(r.sets)) {
		set := r.sets[name]
		list, err := r.completed(set, ask(set.m))
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// completed rates and charges records that mediation made. One that cannot be
// priced is quarantined, and the others go on.
func (r *run) completed(set *events, list []billing.CDR) ([]CallAnswer, error) {
	var out []CallAnswer
	for i := range list {
		c := &list[i]
		old := r.byKey[c.Key]
		rec := &record{id: c.CallID, cdr: *c, spec: &spec{cdr: *c}}
		rec.cdr.Generation = 1
		if err := r.payers("", &Call{}, rec.spec); err != nil {
			set.quarantined = append(set.quarantined, Quarantined{c.CallID, err.Error()})
			continue
		}
		err := r.rate(rec, nil)
		if err == nil {
			err = r.charge(rec, fmt.Sprintf("record/%s/%d", c.Key, c.Revision), old)
		}
		if err != nil {
			set.quarantined = append(set.quarantined, Quarantined{c.CallID, err.Error()})
			continue
		}
		r.remember(rec)
		if !slices.Contains(set.keys, c.Key) {
			set.keys = append(set.keys, c.Key)
		}
		a, err := r.answer(rec)
		if err != nil {
			return nil, err
		}
		out = append(out, *a)
	}
	return out, nil
}
