package ice

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// StateVersion is the version of [State] that this package writes.
const StateVersion = 1

// ErrState means that an exported state cannot be imported.
var ErrState = errors.New("ice: state")

// State is what another process needs to go on as this agent. It holds
// passwords: keep it as secret as keys.
type State struct {
	Version     int            `json:"version"`
	Controlling bool           `json:"controlling"`
	TieBreaker  uint64         `json:"tie_breaker"`
	Streams     []StreamExport `json:"streams"`
}

// StreamExport is a stream of a [State].
type StreamExport struct {
	Removed bool        `json:"removed,omitempty"`
	State   StreamState `json:"state"`
	Local   Credentials `json:"local"`
	Remote  Credentials `json:"remote"` // empty: not known yet
	// Former are those of before restarts that are not over, the latest first.
	Former     []Generation `json:"former,omitempty"`
	Lite       bool         `json:"lite,omitempty"` // the peer is
	More       bool         `json:"more,omitempty"` // candidates may still come
	Started    time.Time    `json:"started"`
	Locals     []Local      `json:"locals"`
	Candidates []Candidate  `json:"candidates"` // of the peer
	Flows      []FlowExport `json:"flows"`
}

// Generation are the credentials of both sides.
type Generation struct {
	Local  Credentials `json:"local"`
	Remote Credentials `json:"remote"`
}

// FlowExport is where the media of a component goes.
type FlowExport struct {
	Component int  `json:"component"`
	Path      Path `json:"path"`
	// Former counts restarts: 0: by the present credentials, 1: by the first of
	// Former, …
	Former  int       `json:"former,omitempty"`
	Consent time.Time `json:"consent"` // when it expires
	Lost    bool      `json:"lost,omitempty"`
}

// Export returns the state. Checks under way are not part of it; they begin
// anew.
func (a *Agent) Export() State {
	st := State{Version: StateVersion, Controlling: a.controlling, TieBreaker: a.tie}
	for _, s := range a.streams {
		st.Streams = append(st.Streams, s.export())
	}
	return st
}

func (s *stream) export() StreamExport {
	e := StreamExport{Removed: s.removed, State: s.state, Local: s.keys.local, Remote: s.keys.remote, Lite: s.lite, More: s.more, Started: s.started}
	for _, k := range s.former {
		e.Former = append(e.Former, Generation{k.local, k.remote})
	}
	for _, l := range s.locals {
		e.Locals = append(e.Locals, l.Local)
	}
	for _, r := range s.remotes {
		e.Candidates = append(e.Candidates, r.Candidate)
	}
	for _, c := range s.components {
		if f := &c.flow; f.keys != nil && (f.keys == s.keys || slices.Contains(s.former, f.keys)) {
			e.Flows = append(e.Flows, FlowExport{Component: c.id, Path: f.path, Former: slices.Index(s.former, f.keys) + 1, Consent: f.expires, Lost: f.lost})
		}
	}
	return e
}

// Import makes an agent of a state. It answers the peer's checks at once. The
// record may be older than the last consent check, so that consent is taken
// to last for two more intervals at least; a check goes out immediately.
// Controlling of cfg is not looked at. Errors wrap ErrState.
func Import(cfg Config, st State, now time.Time) (*Agent, error) {
	if st.Version != StateVersion {
		return nil, fmt.Errorf("%w: version %d", ErrState, st.Version)
	}
	a := New(cfg)
	a.controlling, a.tie = st.Controlling, st.TieBreaker
	a.begin(now)
	for i := range st.Streams {
		if err := a.restore(&st.Streams[i]); err != nil {
			return nil, fmt.Errorf("%w: stream %d: %w", ErrState, i, err)
		}
	}
	// What is known already is no news.
	a.out.Events = a.out.Events[:0]
	return a, nil
}

func (a *Agent) restore(e *StreamExport) error {
	if e.Removed {
		a.streams = append(a.streams, &stream{index: len(a.streams), removed: true, keys: &keys{}})
		return nil
	}
	i, err := a.AddStream(e.Local, e.Locals)
	if err != nil {
		return err
	}
	s := a.streams[i]
	s.state, s.lite, s.more, s.started = e.State, e.Lite, e.More, e.Started
	if e.State > StateFailed {
		return fmt.Errorf("state %d", e.State)
	}
	if e.Remote != (Credentials{}) {
		if err := e.Remote.checkPeer(); err != nil {
			return err
		}
		s.keys.setRemote(e.Remote)
	} else if e.State != StateNew {
		return fmt.Errorf("%w: none of the peer", ErrCredentials)
	}
	if len(e.Former) > maxFormer {
		return fmt.Errorf("%w: %d generations", ErrLimit, len(e.Former))
	}
	for _, g := range e.Former {
		if err := errors.Join(g.Local.Check(), g.Remote.checkPeer()); err != nil {
			return err
		}
		k := newKeys(g.Local)
		k.setRemote(g.Remote)
		s.former = append(s.former, k)
	}
	if e.State == StateCompleted {
		s.until = a.now.Add(ConsentTimeout)
	}
	for _, f := range e.Flows {
		if err := a.restoreFlow(s, f); err != nil {
			return err
		}
	}
	return a.restoreCandidates(s, e)
}

func (a *Agent) restoreFlow(s *stream, f FlowExport) error {
	c, l := s.component(f.Component), s.local(f.Path.Local)
	if f.Former < 0 || f.Former > len(s.former) {
		return fmt.Errorf("%w: generation %d", ErrCredentials, f.Former)
	}
	k := s.keys
	if f.Former > 0 {
		k = s.former[f.Former-1]
	}
	if c == nil || l == nil || l.component != c || k.out == nil || !f.Path.Remote.IsValid() {
		return fmt.Errorf("%w: flow of component %d", ErrLocal, f.Component)
	}
	c.since = a.now
	c.flow = flow{path: f.Path, local: l, keys: k, lost: f.Lost, next: a.now, expires: a.now.Add(2 * ConsentInterval)}
	if latest := a.now.Add(ConsentTimeout); f.Consent.After(latest) {
		c.flow.expires = latest
	} else if f.Consent.After(c.flow.expires) {
		c.flow.expires = f.Consent
	}
	return nil
}

func (a *Agent) restoreCandidates(s *stream, e *StreamExport) error {
	for _, c := range e.Candidates {
		r := &remote{Candidate: c}
		if c.Type == PeerReflexive {
			r.ufrag = e.Remote.Ufrag
		}
		if s.component(c.Component) == nil || !c.UDP() || !a.remember(s, r) {
			return fmt.Errorf("%w: %v", ErrCandidate, c)
		}
		for _, l := range s.locals {
			if l.Component != c.Component || !l.reaches(c.Addr.Addr()) {
				continue
			}
			f := &l.component.flow
			chosen := f.keys == s.keys && f.path == (Path{Local: l.Base, Remote: c.Addr})
			if !chosen && (f.keys == s.keys || a.cfg.Deny(c.Addr.Addr())) {
				continue
			}
			if p := a.addPair(s, l, r); p != nil && chosen {
				p.state, p.valid, p.heard, p.named = succeeded, true, true, a.now
				l.component.selected = p
			}
		}
	}
	return nil
}
