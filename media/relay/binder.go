package relay

import (
	"slices"

	"github.com/class5-go/class5/media/bridge"
)

// binder gives the offer/answer engine its ports during one call of it, and
// takes those back that were not used.
type binder struct {
	s      *session
	family Family // when neither name nor description decides
	tos    int    // of new sockets; 0: by kind
	made   []*socketSet
}

var _ bridge.Ports = (*binder)(nil)

// Local implements bridge.Ports.
func (b *binder) Local(q bridge.PortRequest) (bridge.Local, error) {
	x := b.s.set(q.Leg, q.Media, q.Generation)
	if x == nil {
		if b.s.streams(q.Leg, q.Media) >= b.s.r.cfg.MaxStreams {
			return bridge.Local{}, ErrStreams
		}
		x = &socketSet{session: b.s, leg: q.Leg, media: q.Media, generation: q.Generation, kind: q.Kind,
			tos: b.service(q.Kind)}
		in, err := b.iface(q)
		if err == nil {
			err = x.bind(in)
		}
		if err != nil {
			return bridge.Local{}, err
		}
		b.s.sets = append(b.s.sets, x)
		b.made = append(b.made, x)
	}
	if !x.speaks(q.Family) {
		in, err := b.iface(q)
		if err == nil {
			err = x.bind(in)
		}
		if err != nil {
			return bridge.Local{}, err
		}
	}
	if q.All {
		if err := b.all(x); err != nil {
			return bridge.Local{}, err
		}
	}
	return x.local(), nil
}

func (b *binder) service(kind string) int {
	switch {
	case b.tos > 0:
		return b.tos
	case b.s.r.cfg.TOS > 0:
		return b.s.r.cfg.TOS
	}
	return tos(kind)
}

// iface is the one that the leg uses already, or the next in turn.
func (b *binder) iface(q bridge.PortRequest) (*iface, error) {
	family := q.Family
	if family == AnyFamily && q.Interface == "" {
		family = b.family
	}
	name := b.s.r.ifaces.name(q.Interface)
	for _, x := range b.s.sets {
		in := x.pairs[0].iface
		if x.leg == q.Leg && (name == "" || in.Name == name || name == RoundRobin) && fits(family, in) {
			return in, nil
		}
	}
	return b.s.r.ifaces.pick(name, family, b.s.r)
}

// all adds the other addresses of the same name. One that has no port left is
// done without: there are others.
func (b *binder) all(x *socketSet) error {
	for _, in := range b.s.r.ifaces.list {
		if in.Name != x.pairs[0].iface.Name || x.has(in) {
			continue
		}
		if err := x.bind(in); err != nil && len(x.pairs) == 0 {
			return err
		}
	}
	return nil
}

// undo frees what the call bound, after it failed.
func (b *binder) undo() {
	now := b.s.r.now()
	for _, x := range b.made {
		x.close(now)
		b.s.sets = slices.DeleteFunc(b.s.sets, func(o *socketSet) bool { return o == x })
	}
}

// streams counts the m= lines of a leg that have ports, but for one.
func (s *session) streams(leg bridge.LegID, but int) int {
	seen := map[int]bool{}
	for _, x := range s.sets {
		if x.leg == leg && x.media != but {
			seen[x.media] = true
		}
	}
	return len(seen)
}

// set finds ports by what they are for.
func (s *session) set(leg bridge.LegID, media, generation int) *socketSet {
	for _, x := range s.sets {
		if x.leg == leg && x.media == media && x.generation == generation {
			return x
		}
	}
	return nil
}
