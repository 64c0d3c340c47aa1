package bridge

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/class5-go/class5/media/sdp"
)

// Engine is what all sessions share. It is safe for concurrent use if the
// functions of its Config are.
type Engine struct{ cfg Config }

// New makes an engine. The only error is that of Config.Rand, or an Instance
// that is not 12 hexadecimal digits.
func New(cfg Config) (*Engine, error) {
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.MaxLegs <= 0 {
		cfg.MaxLegs = 16
	}
	if cfg.Software == "" {
		cfg.Software = "rtpengine"
	}
	if cfg.Instance == "" {
		var b [6]byte
		if _, err := io.ReadFull(cfg.Rand, b[:]); err != nil {
			return nil, fmt.Errorf("bridge: instance: %w", err)
		}
		cfg.Instance = hex.EncodeToString(b[:])
	}
	if b, err := hex.DecodeString(cfg.Instance); err != nil || len(b) != 6 {
		return nil, fmt.Errorf("bridge: instance %q: want 12 hexadecimal digits", cfg.Instance)
	}
	return &Engine{cfg: cfg}, nil
}

// Session begins a call.
func (e *Engine) Session() *Session { return &Session{cfg: &e.cfg, state: &state{}} }

// version of the exported form.
const version = 1

type exported struct {
	Version int    `json:"version"`
	State   *state `json:"state"`
}

// Restore continues a call that another session exported.
func (e *Engine) Restore(b []byte) (*Session, error) {
	var x exported
	if err := json.Unmarshal(b, &x); err != nil {
		return nil, fmt.Errorf("bridge: restore: %w", err)
	}
	if x.Version != version || x.State == nil {
		return nil, fmt.Errorf("bridge: restore: version %d", x.Version)
	}
	if err := x.State.check(); err != nil {
		return nil, err
	}
	return &Session{cfg: &e.cfg, state: x.State}, nil
}

// Session is the state of offers and answers of one call.
type Session struct {
	cfg    *Config
	state  *state
	before *state // before the last offer
}

// Export gives the session in a versioned form. It holds keys: it is to be
// kept as they are.
func (s *Session) Export() ([]byte, error) {
	b, err := json.Marshal(exported{Version: version, State: s.state})
	if err != nil {
		return nil, fmt.Errorf("bridge: export: %w", err)
	}
	return b, nil
}

// Pending tells whether the last offer has not been answered.
func (s *Session) Pending() bool { return s.before != nil }

// Rollback forgets the last offer, because it was refused or never answered.
// It reports false when there is none that could be forgotten.
func (s *Session) Rollback() bool {
	if s.before == nil {
		return false
	}
	s.state, s.before = s.before, nil
	return true
}

// Offer takes an offer and returns what the other party is told.
func (s *Session) Offer(o Offer, ports Ports) (Result, error) {
	if o.FromTag == "" || o.FromTag == o.ToTag {
		return Result{}, fmt.Errorf("%w: tags missing or equal", ErrMismatch)
	}
	parsed, loops := s.loops(o.SDP, &o.Options)
	if loops {
		return Result{SDP: slices.Clone(o.SDP), Untouched: true}, nil
	}
	st := s.state.clone()
	from, to, err := st.parties(&o, s.cfg.MaxLegs)
	if err != nil {
		return Result{}, err
	}
	label(from, o.Label)
	label(to, o.ToLabel)
	options := o.Options.expand()
	if options.OSRTP.AcceptLegacy {
		o.SDP, from.Doubled = undouble(o.SDP)
		parsed = nil
	}
	w := &work{state: st, cfg: s.cfg, ports: ports, parsed: parsed, o: &exchange{offer: true, options: &options, source: o.Source,
		from: from, to: to, fromInterface: o.FromInterface, toInterface: o.ToInterface}}
	b, err := w.exchange(o.SDP)
	if err != nil {
		return Result{}, err
	}
	if to.Doubled = nil; options.OSRTP.OfferLegacy {
		b, to.Doubled = double(b)
	}
	from.Offered, from.Peer, to.Peer = true, to.ID, from.ID
	s.before, s.state = s.state, st
	return Result{SDP: b, From: from.ID, To: to.ID, Warnings: w.o.warnings}, nil
}

// Answer takes an answer and returns what the offerer is told. Without a
// description it confirms the answer of that branch: nothing changes but the
// branch that is connected.
func (s *Session) Answer(a Answer, ports Ports) (Result, error) {
	if a.ToTag == "" || a.FromTag == a.ToTag {
		return Result{}, fmt.Errorf("%w: tags missing or equal", ErrMismatch)
	}
	parsed, loops := s.loops(a.SDP, &a.Options)
	if loops {
		return Result{SDP: slices.Clone(a.SDP), Untouched: true}, nil
	}
	st := s.state.clone()
	offerer := st.byTag(a.FromTag)
	if offerer == nil || !offerer.Offered {
		return Result{}, fmt.Errorf("%w: no offer of that tag", ErrUnknown)
	}
	answerer := st.branch(offerer, a.ToTag, a.ViaBranch)
	if answerer == nil {
		return Result{}, fmt.Errorf("%w: no such branch", ErrUnknown)
	}
	var b []byte
	var warnings []string
	if len(a.SDP) == 0 {
		if answerer.Answers == 0 || !answerer.has(a.ToTag) {
			return Result{}, fmt.Errorf("%w: no answer to confirm", ErrUnknown)
		}
	} else {
		label(answerer, a.Label)
		options := a.Options.expand()
		if answerer.Doubled != nil || options.OSRTP.AcceptLegacy {
			a.SDP, _ = undouble(a.SDP)
			parsed = nil
		}
		w := &work{state: st, cfg: s.cfg, ports: ports, parsed: parsed, o: &exchange{options: &options, source: a.Source, from: answerer, to: offerer,
			chooses: answerer.Doubled != nil}}
		var err error
		if b, err = w.exchange(a.SDP); err != nil {
			return Result{}, err
		}
		b, warnings = redouble(b, offerer.Doubled), w.o.warnings
	}
	answerer.tag(a.ToTag)
	st.connect(offerer, answerer)
	s.before, s.state = nil, st
	return Result{SDP: b, From: answerer.ID, To: offerer.ID, Warnings: warnings}, nil
}

func label(l *leg, s string) {
	if s != "" {
		l.Label = s
	}
}

// connect makes a branch the one that its partner talks to.
func (s *state) connect(offerer, answerer *leg) {
	last := 0
	for _, l := range s.Legs {
		last = max(last, l.Answers)
	}
	branch := answerer
	if offerer.Owner == answerer.ID {
		branch = offerer // an offer of the called party
	}
	branch.Answers = last + 1
	if branch != answerer && answerer.Answers == 0 {
		answerer.Answers = last + 1
	}
	offerer.Peer, answerer.Peer = answerer.ID, offerer.ID
}

// loops tells whether a description came through this relay already: by the
// mark of LoopProtect, or because it names ports of this session. What it had to
// parse for that it hands on.
func (s *Session) loops(b []byte, o *Options) (parsed []*sdp.Description, loops bool) {
	if o.LoopProtect && strings.Contains(string(b), "a="+loopAttribute+":"+s.cfg.Instance) {
		return nil, true
	}
	if len(s.state.Legs) == 0 || len(b) == 0 {
		return nil, false
	}
	ds, err := sdp.ParseAll(b, &s.cfg.Limits)
	if err != nil {
		return nil, false // told when it is heard
	}
	for _, d := range ds {
		for _, m := range d.All() {
			if at := m.Addr(); !m.Rejected() && at.Addr().IsValid() && s.state.owns(at.Addr(), at.Port()) {
				return nil, true
			}
		}
	}
	return ds, false
}

// Remove forgets a leg: its branch ended. A partner falls back to the branch
// that answered before.
func (s *Session) Remove(id LegID) {
	st := s.state.clone()
	st.Legs = slices.DeleteFunc(st.Legs, func(l *leg) bool { return l.ID == id })
	for _, l := range st.Legs {
		l.Mixed = slices.DeleteFunc(l.Mixed, func(m LegID) bool { return m == id })
		l.Hears = slices.DeleteFunc(l.Hears, func(m LegID) bool { return m == id })
		if l.Owner == id {
			l.Owner = 0
		}
		if l.Peer == id {
			l.Peer = st.latest(l.ID)
		}
	}
	s.state, s.before = st, nil
}

// Untag takes a tag off a leg that several branches share.
func (s *Session) Untag(id LegID, tag string) {
	st := s.state.clone()
	if l := st.leg(id); l != nil {
		l.Tags = slices.DeleteFunc(l.Tags, func(t string) bool { return t == tag })
	}
	s.state, s.before = st, nil
}
