package relay

import (
	"net/netip"
	"slices"
	"time"

	"github.com/class5-go/class5/media/bridge"
)

// leg faces one party, or a branch that may become one.
type leg struct {
	session  *session
	id       bridge.LegID
	tags     []string // last one answered last
	branch   string   // via-branch of the offer that made it
	label    string
	call     string       // Call-ID that the party came with; empty: the session's
	owner    bridge.LegID // offerer of a branch; 0 for the first leg
	peer     bridge.LegID
	streams  []*stream // by index of the m= line; nil where nothing is relayed
	source   netip.Addr
	learning Learning
	generate bool // RTCP is made here, not passed
	answered bool // an offer or answer of it was answered
	early    bool // every answer of it so far was provisional
	strict   bool // nobody continues its streams from elsewhere
	natWait  bool // it is sent nothing before it sent something
	handover bool // its streams may come from anywhere at any time
	pierce   bool // its router is opened by empty datagrams
	mirror   bool // RTCP of a subscriber goes to its sources
	echo     echoing
	delay    time.Duration // of what it sends
	// subscriber: it gets copies of what others send; publisher: it sends to
	// subscribers only.
	subscriber, publisher bool
}

func (l *leg) has(tag string) bool { return tag != "" && slices.Contains(l.tags, tag) }

// connected tells whether the two parties talk to each other.
func (l *leg) connected() bool {
	p := l.session.leg(l.peer)
	return p != nil && p.peer == l.id && l.answered && p.answered
}

func (l *leg) stream(i int) *stream {
	if i < 0 || i >= len(l.streams) {
		return nil
	}
	return l.streams[i]
}

// leg finds a leg by its number.
func (s *session) leg(id bridge.LegID) *leg {
	for _, l := range s.legs {
		if l.id == id {
			return l
		}
	}
	return nil
}

func (s *session) byTag(tag string) *leg {
	for _, l := range s.legs {
		if l.has(tag) {
			return l
		}
	}
	return nil
}

// drop ends a leg and keeps its figures.
func (s *session) drop(l *leg) {
	l.forgetEarly()
	s.gone = append(s.gone, l.report(s.r))
	if len(s.gone) > s.r.cfg.MaxLegs {
		s.gone = slices.Delete(s.gone, 0, 1)
	}
	for _, st := range l.streams {
		if st != nil {
			st.stop()
		}
	}
	s.legs = slices.DeleteFunc(s.legs, func(o *leg) bool { return o == l })
}
