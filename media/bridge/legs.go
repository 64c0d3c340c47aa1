package bridge

import (
	"fmt"
	"net/netip"
	"slices"
)

func (l *leg) has(tag string) bool { return tag != "" && slices.Contains(l.Tags, tag) }

// tag makes t the last tag of the leg.
func (l *leg) tag(t string) {
	if t == "" {
		return
	}
	l.Tags = slices.DeleteFunc(l.Tags, func(o string) bool { return o == t })
	l.Tags = append(l.Tags, t)
	if len(l.Tags) > 16 {
		l.Tags = l.Tags[1:] // a party of that many tags is a fault of its peer
	}
}

func (s *state) byTag(t string) *leg {
	for _, l := range s.Legs {
		if l.has(t) {
			return l
		}
	}
	return nil
}

func (s *state) newLeg(limit int, owner LegID) (*leg, error) {
	if len(s.Legs) >= limit {
		return nil, fmt.Errorf("%w: %d legs", ErrLimit, len(s.Legs))
	}
	s.Next++
	l := &leg{ID: s.Next, Owner: owner}
	s.Legs = append(s.Legs, l)
	return l, nil
}

// branch finds the leg that from means by the tag and branch of the other
// side, or nil.
func (s *state) branch(from *leg, toTag, viaBranch string) *leg {
	if l := s.byTag(toTag); l != nil && l != from {
		return l
	}
	if l := s.leg(from.Peer); l != nil && viaBranch == "" && toTag == "" {
		return l
	}
	var of []*leg // the branches of from
	for _, l := range s.Legs {
		if l.Owner != from.ID {
			continue
		}
		if viaBranch != "" && l.Branch == viaBranch {
			return l
		}
		of = append(of, l)
	}
	if toTag == "" && viaBranch != "" {
		return nil // a new branch
	}
	return s.unnamed(from, of, toTag, viaBranch)
}

// unnamed picks a branch without identity, best one that nobody answered yet.
func (s *state) unnamed(from *leg, of []*leg, toTag, viaBranch string) *leg {
	for _, tagged := range []bool{false, true} {
		for _, l := range of {
			if l.Branch == "" && len(l.Tags) > 0 == tagged {
				return l
			}
		}
	}
	if len(of) == 1 && len(of[0].Tags) == 0 {
		return of[0] // the branch changed its name on the way
	}
	if l := s.leg(from.Owner); l != nil && toTag != "" && viaBranch == "" && l.Peer == from.ID {
		return l // the offerer's tag changed; a branch of its own would be another party
	}
	return nil
}

// parties finds or makes the legs of an offer.
func (s *state) parties(o *Offer, limit int) (from, to *leg, err error) {
	if from = s.byTag(o.FromTag); from == nil {
		if from, err = s.newLeg(limit, 0); err != nil {
			return nil, nil, err
		}
		from.tag(o.FromTag)
	}
	if to = s.branch(from, o.ToTag, o.ViaBranch); to == nil {
		if to, err = s.newLeg(limit, from.ID); err != nil {
			return nil, nil, err
		}
		to.Branch = o.ViaBranch
	}
	to.tag(o.ToTag)
	return from, to, nil
}

// partner is the index at leg o of the stream i of leg l. A stream that o does
// not know yet comes behind those it knows.
func (l *leg) partner(i int, o *leg) int {
	if l.Owner == o.ID {
		if i < len(l.Media) {
			return l.Media[i].Partner
		}
		return len(o.Media)
	}
	for j, m := range o.Media {
		if m.Partner == i {
			return j
		}
	}
	return len(o.Media)
}

// latest is the branch that answered last of those that talk to a leg; 0 when
// there is none.
func (s *state) latest(of LegID) LegID {
	var found *leg
	for _, l := range s.Legs {
		if l.Peer == of && l.Answers > 0 && (found == nil || l.Answers > found.Answers) {
			found = l
		}
	}
	if found == nil {
		return 0
	}
	return found.ID
}

// owns tells whether an address is one of the session's own.
func (s *state) owns(a netip.Addr, port uint16) bool {
	for _, l := range s.Legs {
		for _, m := range l.Media {
			for i := range m.Gens {
				for _, o := range m.Gens[i].Local.Addrs {
					if o.Addr == a && o.RTP == port {
						return true
					}
				}
			}
		}
	}
	return false
}

// check tells whether a restored state holds together, so that nothing later
// depends on who exported it.
func (s *state) check() error {
	for _, l := range s.Legs {
		if l == nil || l.ID <= 0 || l.ID > s.Next || s.leg(l.ID) != l || l.Created && l.Heard == nil || slices.Contains(l.Mixed, l.ID) || slices.Contains(l.Hears, l.ID) {
			return fmt.Errorf("%w: leg numbers", ErrMismatch)
		}
		media := l.Media
		if l.Heard != nil {
			media = slices.Concat(media, l.Heard.Media)
		}
		for _, m := range media {
			if m == nil || m.Copy != nil && m.Copy.Index < 0 || m.Bundle < 0 || m.Partner < 0 || m.Gen < 0 || len(m.Gens) > 0 && m.Gen >= len(m.Gens) {
				return fmt.Errorf("%w: media of leg %d", ErrMismatch, l.ID)
			}
		}
	}
	return nil
}
