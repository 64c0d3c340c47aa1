package bridge

import (
	"net/netip"
	"slices"
	"time"

	"github.com/class5-go/class5/media/sdp"
)

// state is everything a session remembers. It is copied before each change,
// so that an error, or a rollback, finds it as it was.
type state struct {
	Next LegID  `json:"next"`
	Legs []*leg `json:"legs"`
	// Labels is how many streams have been given a label.
	Labels int `json:"labels,omitempty"`
}

// leg is one party: what it said, and what it was told.
type leg struct {
	ID        LegID    `json:"id"`
	Tags      []string `json:"tags,omitempty"`
	Branch    string   `json:"branch,omitempty"`
	Label     string   `json:"label,omitempty"`
	Interface string   `json:"interface,omitempty"`
	Family    Family   `json:"family,omitempty"`
	Owner     LegID    `json:"owner,omitempty"` // offerer of a branch; 0 for the first leg
	Peer      LegID    `json:"peer,omitempty"`  // last partner of an offer or answer
	Offered   bool     `json:"offered,omitempty"`
	// Answers orders branches by their last answer; 0: none yet.
	Answers int       `json:"answers,omitempty"`
	Media   []*stream `json:"media"`
	Lines   int       `json:"lines,omitempty"` // m= lines that it was offered last
	Told    told      `json:"told"`
	Groups  []string  `json:"groups,omitempty"` // a=group:BUNDLE it said, MIDs
	// Origin and Name are the o= and s= lines it wrote last.
	Origin string `json:"origin,omitempty"`
	Name   string `json:"name,omitempty"`
	// Heard is what a subscriber, or a party that the relay made itself (Created),
	// takes for the other side.
	Heard     *leg `json:"heard,omitempty"`
	Created   bool `json:"created,omitempty"`
	Publishes bool `json:"publishes,omitempty"`
	// Both: a publisher that also receives, or a subscriber that also speaks.
	Both bool `json:"both,omitempty"`
	// Mixed are the parties whose audio it hears beside that of its partner.
	Mixed []LegID `json:"mixed,omitempty"`
	// Hears are the parties whose streams it gets beside those of its partner.
	Hears []LegID `json:"hears,omitempty"`
	// Doubled are the m= lines it says twice, or was told so.
	Doubled []doubling `json:"doubled,omitempty"`
}

// told is what a party knows of the session-level lines.
type told struct {
	Username, SessionID, Version string
	Addr                         string // net type, address type, address of o=
	SessionName                  string
	Hash                         string // of the last description, without its version
}

// stream is one m= line of a leg.
type stream struct {
	Kind    string   `json:"kind"`
	Proto   string   `json:"proto"`             // spoken on this leg
	Said    string   `json:"said,omitempty"`    // protocol the party wrote last
	Formats []string `json:"formats,omitempty"` // of a protocol that is not RTP
	// Untouched: not relayed at all (TCP): the parties' own addresses stand.
	Untouched bool `json:"untouched,omitempty"`
	Rejected  bool `json:"rejected,omitempty"`
	// Partner is the index of the same stream at the owner of this leg.
	Partner int `json:"partner"`

	Gens []generation `json:"gens,omitempty"`
	Gen  int          `json:"gen"`

	RTP    netip.AddrPort `json:"rtp"`
	RTCP   netip.AddrPort `json:"rtcp"`
	Muted  bool           `json:"muted,omitempty"`
	Dir    sdp.Direction  `json:"dir,omitempty"`
	MID    string         `json:"mid,omitempty"`
	Bundle int            `json:"bundle"`        // index of the head; own index when not bundled
	Ext    []Extension    `json:"ext,omitempty"` // as the party said
	// ToldExt is what it was told, once TellsExt. MaskedExt are extensions of its
	// offer that are spoken with it and taken out for the other.
	ToldExt   []Extension   `json:"ext_told,omitempty"`
	TellsExt  bool          `json:"ext_tells,omitempty"`
	MaskedExt []string      `json:"ext_masked,omitempty"`
	Mux       muxState      `json:"mux"`
	Ptime     time.Duration `json:"ptime,omitempty"`    // as the party said
	MaxPtime  time.Duration `json:"maxptime,omitempty"` // as the party said
	// ToldPtime is what the party was told; Repack what is enforced towards it.
	ToldPtime time.Duration `json:"toldptime,omitempty"`
	// Announced is the last packet length that the party was told, whatever it
	// said after that.
	Announced time.Duration `json:"announced,omitempty"`
	Repack    time.Duration `json:"repack,omitempty"`

	Codecs codecState `json:"codecs"`
	SDES   sdesState  `json:"sdes"`
	DTLS   dtlsState  `json:"dtls"`
	ICE    iceState   `json:"ice"`
	T38    t38State   `json:"t38"`
	// Copy names the stream that a subscriber's is a copy of.
	Copy *copied `json:"copy,omitempty"`
	// Label is the number that recorders know the stream by, plus one; 0: none yet.
	Label int `json:"label,omitempty"`
}

// generation is one set of local ports, and for which address of the other
// party it was made.
type generation struct {
	Peer  LegID          `json:"peer"`
	For   netip.AddrPort `json:"for"`
	Local Local          `json:"local"`
}

// muxState is RFC 5761 on one leg.
type muxState struct {
	Said   bool `json:"said,omitempty"`   // the party's last description has it
	Told   bool `json:"told,omitempty"`   // it was told
	Agreed bool `json:"agreed,omitempty"` // both ways
	// Accept: the offerer is answered with it whatever this party says; Refuse:
	// never.
	Accept bool `json:"accept,omitempty"`
	Refuse bool `json:"refuse,omitempty"`
}

func (s *state) clone() *state {
	c := &state{Next: s.Next, Labels: s.Labels, Legs: make([]*leg, len(s.Legs))}
	for i, l := range s.Legs {
		c.Legs[i] = l.clone()
	}
	return c
}

func (l *leg) clone() *leg {
	c := *l
	c.Tags, c.Groups = slices.Clone(l.Tags), slices.Clone(l.Groups)
	c.Mixed, c.Hears = slices.Clone(l.Mixed), slices.Clone(l.Hears)
	c.Media = make([]*stream, len(l.Media))
	for i, m := range l.Media {
		c.Media[i] = m.clone()
	}
	if l.Heard != nil {
		c.Heard = l.Heard.clone()
	}
	return &c
}

// clone copies what is changed in place. Lists that are replaced as a whole
// are shared.
func (m *stream) clone() *stream {
	c := *m
	c.Gens = slices.Clone(m.Gens)
	return &c
}

func (s *state) leg(id LegID) *leg {
	for _, l := range s.Legs {
		if l.ID == id {
			return l
		}
	}
	return nil
}

// local is the set of ports in use, nil when there is none yet.
func (m *stream) local() *Local {
	if m.Gen < 0 || m.Gen >= len(m.Gens) {
		return nil
	}
	return &m.Gens[m.Gen].Local
}

// media gives the i-th stream of a leg, made when it is not there.
func (l *leg) media(i int) *stream {
	for len(l.Media) <= i {
		n := len(l.Media)
		l.Media = append(l.Media, &stream{Partner: n, Bundle: n})
	}
	return l.Media[i]
}
