package relay

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/sdp"
)

// session is one call. Its lock is held while signalling changes it and while
// packets of one of its sockets are handled; all its sockets are on one loop,
// so packets never wait for each other.
type session struct {
	r    *Relay
	id   string
	loop *udploop.Loop

	mu        sync.Mutex
	closed    bool
	created   time.Time
	signalled time.Time // last offer or answer
	answered  time.Time
	heard     time.Time // last packet accepted from either party
	timedOut  time.Time // a MediaTimeout event was given
	early     bool      // every answer so far was provisional
	held      bool
	legs      []*leg
	gone      []LegReport // of branches that ended before the session
	answers   int         // counter, orders the branches
}

// leg faces one party, or a branch that may become one.
type leg struct {
	session *session
	tags    []string // last one answered last
	branch  string   // via-branch of the offer that made it
	iface   *iface
	streams []*stream // by index of the m= line; nil where nothing is relayed
	peer    *leg      // whom this party's packets go to, if that leg agrees
	owner   *leg      // offerer of a branch; nil for the first leg
	offer   []info    // the party's last offer: holds when it is answered
	answer  []info    // the party's last answer
	source  netip.Addr
	order   int  // of its last answer
	early   bool // every answer of it so far was provisional
}

// info is what a description says about one m= line.
type info struct {
	kind, proto string
	on          bool           // relayed and not rejected
	addr, rtcp  netip.AddrPort // as signalled
	muted       bool           // unspecified address
	direction   sdp.Direction
	mux         bool
	codecs      []sdp.Codec
}

func (l *leg) has(tag string) bool { return tag != "" && slices.Contains(l.tags, tag) }

func (l *leg) connected() bool { return l.peer != nil && l.peer.peer == l }

// addTag makes tag the last one of the leg.
func (l *leg) addTag(tag string) {
	if i := slices.Index(l.tags, tag); i >= 0 {
		l.tags = slices.Delete(l.tags, i, i+1)
	}
	l.tags = append(l.tags, tag)
}

func (l *leg) removeTag(tag string) {
	l.tags = slices.DeleteFunc(l.tags, func(t string) bool { return t == tag })
}

func (s *session) byTag(tag string) *leg {
	for _, l := range s.legs {
		if l.has(tag) {
			return l
		}
	}
	return nil
}

// branchOf finds the leg that an offer or answer of from means by the tag and
// branch of the other side, or nil.
func (s *session) branchOf(from *leg, toTag, viaBranch string) *leg {
	if l := s.byTag(toTag); l != nil && l != from {
		return l
	}
	var of []*leg // the branches of from
	for _, l := range s.legs {
		if l.owner != from {
			continue
		}
		if viaBranch != "" && l.branch == viaBranch {
			return l
		}
		of = append(of, l)
	}
	if toTag == "" && viaBranch != "" {
		return nil // a new branch
	}
	// Branches without identity, best the one that nobody answered yet.
	for _, tagged := range []bool{false, true} {
		for _, l := range of {
			if l.branch == "" && len(l.tags) > 0 == tagged {
				return l
			}
		}
	}
	if len(of) == 1 && len(of[0].tags) == 0 {
		return of[0] // the branch changed its name on the way
	}
	return nil
}

// owns tells whether an address is a port of this session.
func (s *session) owns(a netip.AddrPort) bool {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil && st.advertised() == a {
				return true
			}
		}
	}
	return false
}

func (s *session) newLeg(owner *leg, in *iface, tag, branch string) (*leg, error) {
	if len(s.legs) >= s.r.cfg.MaxLegs {
		return nil, ErrStreams
	}
	l := &leg{session: s, owner: owner, iface: in, branch: branch, early: true}
	if tag != "" {
		l.tags = []string{tag}
	}
	s.legs = append(s.legs, l)
	return l, nil
}

// drop ends a leg and keeps its figures.
func (s *session) drop(l *leg, now time.Time) {
	s.gone = append(s.gone, l.report(s.r))
	if len(s.gone) > s.r.cfg.MaxLegs {
		s.gone = slices.Delete(s.gone, 0, 1)
	}
	s.forget(l, now)
}

// forget ends a leg without trace.
func (s *session) forget(l *leg, now time.Time) {
	for _, st := range l.streams {
		if st != nil {
			st.close(now)
		}
	}
	s.legs = slices.DeleteFunc(s.legs, func(o *leg) bool { return o == l })
	for _, o := range s.legs {
		if o.owner == l {
			o.owner = nil
		}
		if o.peer == l {
			o.peer = s.latest(o)
		}
	}
}

// latest is the branch of a leg that answered last.
func (s *session) latest(of *leg) *leg {
	var found *leg
	for _, l := range s.legs {
		if l.peer == of && l.order > 0 && (found == nil || l.order > found.order) {
			found = l
		}
	}
	return found
}

// end closes everything. The caller holds the lock and takes the session out
// of the table.
func (s *session) end(now time.Time) {
	s.closed = true
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil {
				st.close(now)
			}
		}
	}
}
