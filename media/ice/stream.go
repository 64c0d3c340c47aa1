package ice

import (
	"net/netip"
	"slices"
	"time"
)

// StreamState is how far a stream has come.
type StreamState uint8

// The states.
const (
	StateNew       StreamState = iota // the peer's description is not known
	StateChecking                     // looking for pairs
	StateCompleted                    // every component has a nominated pair
	StateFailed                       // none works, until a restart
)

// String is a word for logs and metrics.
func (s StreamState) String() string {
	return [...]string{"new", "checking", "completed", "failed"}[min(s, StateFailed)]
}

// keys are the credentials of one generation.
type keys struct {
	local, remote Credentials
	in, out       *mac   // by our password, for what we receive; by the peer's, for what we ask
	name          string // USERNAME of our checks
}

func newKeys(local Credentials) *keys { return &keys{local: local, in: newMAC(local.Password)} }

func (k *keys) setRemote(c Credentials) {
	k.remote, k.out, k.name = c, newMAC(c.Password), c.Ufrag+":"+k.local.Ufrag
}

// addressed tells whether a USERNAME is meant for this generation: ours, a
// colon, the peer's. The peer's is not known yet when its check is faster
// than its description.
func (k *keys) addressed(username []byte) bool {
	own := len(k.local.Ufrag)
	if len(username) <= own || string(username[:own]) != k.local.Ufrag || username[own] != ':' {
		return false
	}
	return k.out == nil || string(username[own+1:]) == k.remote.Ufrag
}

// local is a local candidate.
type local struct {
	Local
	component  *component
	preference uint16
	priority   uint32
}

func (l *local) candidate() Candidate {
	return Candidate{Foundation: l.Foundation, Component: l.Component, Transport: "UDP", Priority: l.priority, Addr: l.Addr, Type: Host}
}

// reaches tells whether a remote address can be paired with the candidate.
func (l *local) reaches(a netip.Addr) bool {
	base := l.Base.Addr().Unmap()
	if base.IsUnspecified() {
		base = l.Addr.Addr().Unmap()
	}
	return base.Is4() == a.Is4() && base.IsLinkLocalUnicast() == a.IsLinkLocalUnicast()
}

// component is one of a stream's.
type component struct {
	id       int
	selected *pair     // nominated in this generation
	since    time.Time // when the first pair worked
	flow     flow
}

// stream is a data stream with its checklist.
type stream struct {
	index      int
	state      StreamState
	removed    bool
	locals     []*local
	components []*component
	keys       *keys
	former     []*keys   // before restarts, the latest first
	until      time.Time // when former ends; zero: not before a restart is over
	remotes    []*remote
	lite       bool // the peer is
	more       bool // candidates may still come
	list       checklist
	started    time.Time
}

// running tells whether checks may be sent.
func (s *stream) running() bool {
	return !s.removed && s.keys.out != nil && (s.state == StateChecking || s.state == StateCompleted)
}

func (s *stream) local(base netip.AddrPort) *local {
	for _, l := range s.locals {
		if l.Base == base {
			return l
		}
	}
	return nil
}

func (s *stream) component(id int) *component {
	for _, c := range s.components {
		if c.id == id {
			return c
		}
	}
	return nil
}

func (s *stream) remote(component int, addr netip.AddrPort) *remote {
	for _, r := range s.remotes {
		if r.Addr == addr && r.Component == component {
			return r
		}
	}
	return nil
}

// retire takes a component out of use: RTP and RTCP share a port, or the peer
// has no candidate for it.
func (s *stream) retire(id int) {
	s.components = slices.DeleteFunc(s.components, func(c *component) bool { return c.id == id })
	s.locals = slices.DeleteFunc(s.locals, func(l *local) bool { return l.Component == id })
	s.remotes = slices.DeleteFunc(s.remotes, func(r *remote) bool { return r.Component == id })
	s.list.drop(func(p *pair) bool { return p.component.id == id })
}

// best is the working pair of highest priority.
func (s *stream) best(c *component) *pair {
	for _, p := range s.list.pairs {
		if p.component == c && p.valid {
			return p
		}
	}
	return nil
}

// better tells whether a pair of higher priority may still turn out to work.
func (s *stream) better(than *pair) bool {
	for _, p := range s.list.pairs {
		if p == than {
			return false
		}
		if p.component == than.component && p.state < succeeded {
			return true
		}
	}
	return false
}

// hopeless tells whether a component has nothing that works or may come to
// work.
func (s *stream) hopeless() bool {
	for _, c := range s.components {
		if c.selected == nil && !slices.ContainsFunc(s.list.pairs, func(p *pair) bool { return p.component == c && (p.valid || p.state < succeeded) }) {
			return true
		}
	}
	return false
}
