package relay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/dtmf"
)

// Selector names parties of a session.
type Selector struct {
	CallID string // required
	Tag    string // a dialog tag; empty: by Label
	Label  string // given in an offer or answer; empty with Tag: all parties
}

// parties finds the legs that are meant. The session stays locked by the
// caller.
func (s *session) parties(by Selector) ([]*leg, error) {
	var found []*leg
	for _, l := range s.legs {
		if by.Tag == "" && by.Label == "" && !l.subscriber || l.has(by.Tag) || by.Tag == "" && l.label == by.Label {
			found = append(found, l)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: %w: no such party", ErrUnknownCall, bridge.ErrUnknown)
	}
	return found, nil
}

// change does something to the streams of the parties that are meant, which
// then take the path they need.
func (r *Relay) change(ctx context.Context, by Selector, do func(*stream)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := r.lookup(by.CallID)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	legs, err := s.parties(by)
	if err != nil {
		return err
	}
	for _, l := range legs {
		for _, st := range l.streams {
			if st != nil {
				do(st)
			}
		}
	}
	s.resettle()
	s.save()
	s.dirty = true // it is looked at in the next second
	return nil
}

// resettle lets every stream choose its path anew.
func (s *session) resettle() {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil && st.extra != nil && st.extra.empty() {
				st.extra = nil
			}
		}
	}
	s.separate()
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil {
				st.settle()
			}
		}
	}
}

// ask makes the stream one of which more is asked than forwarding.
func (s *stream) ask() *extra {
	if s.extra == nil {
		s.extra = &extra{}
	}
	return s.extra
}

// BlockMedia stops or lets pass all media of the parties. RTCP passes.
func (r *Relay) BlockMedia(ctx context.Context, by Selector, block bool) error {
	return r.change(ctx, by, func(s *stream) { s.ask().blocked = block })
}

// SilenceMedia replaces audio of the parties by silence, or stops doing so.
// Streams whose codec has no silence of its own are stopped meanwhile.
func (r *Relay) SilenceMedia(ctx context.Context, by Selector, silence bool) error {
	return r.change(ctx, by, func(s *stream) { s.ask().silenced = silence })
}

// DelayMedia holds back what the parties send by so much, at most MaxDelay; zero
// ends it.
func (r *Relay) DelayMedia(ctx context.Context, by Selector, d time.Duration) error {
	return r.change(ctx, by, func(s *stream) {
		s.leg.delay = min(max(d, 0), MaxDelay)
		s.delays()
	})
}

// BlockDTMF keeps digits of the parties from everybody, recordings included,
// or stops doing so. It is SecureDTMF in mode Drop.
func (r *Relay) BlockDTMF(ctx context.Context, by Selector, block bool) error {
	how := DTMFSecurity{}
	if block {
		how.Mode = dtmf.Drop
	}
	return r.SecureDTMF(ctx, by, how)
}

// Attach gives a tap copies of the parties' media until detach is called or
// the session ends. Streams that later offers add are not in it.
func (r *Relay) Attach(ctx context.Context, by Selector, to Tap) (detach func(), err error) {
	err = r.change(ctx, by, func(s *stream) {
		e := s.ask()
		e.taps = append(e.taps, &tap{to: to, info: s.tapInfo()})
	})
	if err != nil {
		return nil, err
	}
	return func() {
		// After the session there is nothing to take off.
		_ = r.change(context.WithoutCancel(ctx), Selector{CallID: by.CallID}, func(s *stream) {
			if e := s.extra; e != nil {
				e.taps = slices.DeleteFunc(e.taps, func(t *tap) bool { return t.to == to })
			}
		})
	}, nil
}
