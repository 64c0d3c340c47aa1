package sdes

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/class5-go/class5/media/srtp"
)

// ErrNoSuite says that the parties have no suite in common.
var ErrNoSuite = errors.New("sdes: no crypto suite in common")

// Leg is the state of one party's media section.
type Leg struct {
	// In is what the party announced last, first choice first. After an answer
	// to it it has one element: the keys of what the party sends.
	In []Attribute
	// Out is what we announce to the party. After its answer, or ours to it, it
	// has one element: the keys of what we send.
	Out []Attribute
	// Forced: the order of In is what [Options].OffererPref wants.
	Forced bool
}

// Receive takes what the party announced in an offer or answer. Suites that
// the options exclude are dropped, except the last one left, so that there is
// something to answer with. Of what we had announced only that remains which the
// party's first choice matches.
func (l *Leg) Receive(attributes []Attribute, o Options) {
	l.In = slices.Clone(attributes)
	l.Forced = false
	if len(l.In) == 0 {
		return
	}
	if !o.NoNew {
		for i := len(l.In) - 1; i >= 0 && len(l.In) > 1; i-- {
			if !o.allows(l.In[i].Suite) {
				l.In = slices.Delete(l.In, i, i+1)
			}
		}
	}
	first := l.In[0]
	l.Out = slices.DeleteFunc(slices.Clone(l.Out), func(a Attribute) bool {
		return a.Suite != first.Suite || a.Tag != first.Tag
	})
}

// Offer makes what we offer to the party on the leg: the suites that the other
// party offered with its keys and tags, what we had agreed on before, and every
// other suite that the options allow with new keys from random. from is nil, or
// has no In, if the other party uses no SDES.
func (l *Leg) Offer(from *Leg, o Options, random io.Reader) error {
	var offer []Attribute
	next := 1
	add := func(a Attribute) {
		if a.Tag < next && slices.ContainsFunc(offer, func(b Attribute) bool { return b.Tag == a.Tag }) {
			a.Tag = next
		}
		next = max(next, a.Tag+1)
		offer = append(offer, a)
	}
	has := func(s srtp.Suite) bool {
		return slices.ContainsFunc(offer, func(a Attribute) bool { return a.Suite == s })
	}
	if from != nil {
		for _, a := range from.In {
			if !o.NoNew && !o.allows(a.Suite) {
				continue
			}
			a, err := pass(a, o.Recrypt, random)
			if err != nil {
				return err
			}
			o.shape(&a, true)
			add(a)
		}
	}
	for _, a := range l.Out {
		if !has(a.Suite) {
			a.Tag = max(a.Tag, next)
			add(a)
		}
	}
	if !o.NoNew {
		for _, s := range srtp.Suites() {
			if has(s) || !o.allows(s) {
				continue
			}
			a, err := generate(next, s, random)
			if err != nil {
				return err
			}
			o.shape(&a, true)
			add(a)
		}
	}
	l.Out = first(offer, o.Order)
	if from != nil && len(o.OffererPref) > 0 {
		from.Prefer(o.OffererPref)
	}
	return nil
}

// Prefer brings suites to the top of what the party announced, and makes
// [Leg.Answer] take the first. A relay calls it itself if it offers plain RTP
// to the other party.
func (l *Leg) Prefer(order []srtp.Suite) {
	for _, a := range l.In {
		if slices.Contains(order, a.Suite) {
			l.Forced = true
		}
	}
	l.In = first(l.In, order)
}

// Answer makes what we answer to the party on the leg: the suite that the
// other party answered with if this one offered it too, then with the other's
// key; else this party's first choice with a new key. A key that is in use
// already stays as long as its suite does. from is nil, or has no In, if the
// other party uses no SDES. It returns [ErrNoSuite] if the party offered
// nothing.
func (l *Leg) Answer(from *Leg, o Options, random io.Reader) error {
	if len(l.In) == 0 {
		l.Out = nil
		return ErrNoSuite
	}
	chosen := l.In[0]
	var theirs *Attribute
	if from != nil && len(from.In) > 0 {
		theirs = &from.In[0]
	}
	if i := l.standing(); o.Static && i >= 0 {
		chosen = l.In[i]
	} else if theirs != nil && !l.Forced {
		if i := slices.IndexFunc(l.In, func(a Attribute) bool { return a.Suite == theirs.Suite }); i >= 0 {
			chosen = l.In[i]
		}
	}
	if len(l.Out) == 0 || l.Out[0].Suite != chosen.Suite {
		ours, err := answerTo(chosen, theirs, o.Recrypt, random)
		if err != nil {
			return err
		}
		o.shape(&ours, false)
		l.Out = []Attribute{ours}
		o.shapeSession(&chosen, false)
	}
	l.Out = l.Out[:1]
	l.Out[0].Tag = chosen.Tag
	l.In = []Attribute{chosen}
	return nil
}

// standing finds what we answered before in what the party offers now.
func (l *Leg) standing() int {
	if len(l.Out) == 0 {
		return -1
	}
	return slices.IndexFunc(l.In, func(a Attribute) bool {
		return a.Suite == l.Out[0].Suite && a.Tag == l.Out[0].Tag
	})
}

func answerTo(chosen Attribute, theirs *Attribute, recrypt bool, random io.Reader) (Attribute, error) {
	if theirs != nil && theirs.Suite == chosen.Suite {
		a, err := pass(*theirs, recrypt, random)
		a.Tag = chosen.Tag
		return a, err
	}
	a, err := generate(chosen.Tag, chosen.Suite, random)
	a.Session = chosen.Session
	return a, err
}

// pass copies an attribute to announce its keys as ours. A lifetime stays with
// who made the key, and the window hint with whose receiver it was for.
func pass(a Attribute, recrypt bool, random io.Reader) (Attribute, error) {
	if recrypt {
		own, err := generate(a.Tag, a.Suite, random)
		own.Session = a.Session
		return own, err
	}
	a.Keys = slices.Clone(a.Keys)
	for i := range a.Keys {
		a.Keys[i].Lifetime = 0
	}
	a.Window = 0
	return a, nil
}

func generate(tag int, s srtp.Suite, random io.Reader) (Attribute, error) {
	b := make([]byte, s.KeyLen()+s.SaltLen())
	if _, err := io.ReadFull(random, b); err != nil {
		return Attribute{}, fmt.Errorf("sdes: new key: %w", err)
	}
	return Attribute{Tag: tag, Suite: s, Keys: []Key{{Key: b[:s.KeyLen():s.KeyLen()], Salt: b[s.KeyLen():]}}}, nil
}

// first brings the suites of order to the top, in that order.
func first(list []Attribute, order []srtp.Suite) []Attribute {
	sorted := make([]Attribute, 0, len(list))
	for i, s := range order {
		for _, a := range list {
			if a.Suite == s && !slices.Contains(order[:i], s) {
				sorted = append(sorted, a)
			}
		}
	}
	for _, a := range list {
		if !slices.Contains(order, a.Suite) {
			sorted = append(sorted, a)
		}
	}
	return sorted
}
