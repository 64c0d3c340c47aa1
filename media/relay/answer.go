package relay

import (
	"context"
	"fmt"
	"time"
)

// Answer takes the answer to an offer, connects the two parties and returns
// the description to send on instead. Errors: ErrUnknownCall when there was no
// such offer, ErrMismatch, ErrInterface, and those of [sdp.Parse]; the session
// is then as it was.
func (r *Relay) Answer(ctx context.Context, req AnswerRequest) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if req.ToTag == "" || req.FromTag == req.ToTag {
		return nil, fmt.Errorf("%w: tags missing or equal", ErrMismatch)
	}
	if len(req.SDP) == 0 {
		return nil, r.confirm(&req)
	}
	d, infos, err := r.parse(req.SDP)
	if err != nil {
		return nil, err
	}
	s, err := r.lookup(req.CallID)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if s.passes(infos) {
		return d.Bytes(), nil
	}
	from, to, err := s.parties(&req)
	if err != nil {
		return nil, err
	}
	if len(infos) > len(from.offer) {
		return nil, fmt.Errorf("%w: answer has %d media, offer %d", ErrMismatch, len(infos), len(from.offer))
	}
	if err := to.fits(infos); err != nil {
		return nil, err
	}
	to.addTag(req.ToTag)
	to.answer, to.source = infos, req.Source
	s.connect(from, to, req.Early, r.now())
	from.rewrite(d, infos, true)
	return d.Bytes(), nil
}

// confirm repeats the answer that a provisional response gave.
func (r *Relay) confirm(req *AnswerRequest) error {
	s, err := r.lookup(req.CallID)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	from, to, err := s.parties(req)
	if err != nil {
		return err
	}
	if to.answer == nil || !to.has(req.ToTag) {
		return fmt.Errorf("%w: no answer to confirm", ErrUnknownCall)
	}
	to.addTag(req.ToTag)
	s.connect(from, to, req.Early, r.now())
	return nil
}

// parties finds the legs of offerer and answerer.
func (s *session) parties(req *AnswerRequest) (from, to *leg, err error) {
	from = s.byTag(req.FromTag)
	if from == nil || from.offer == nil {
		return nil, nil, fmt.Errorf("%w: no offer of that tag", ErrUnknownCall)
	}
	if to = s.branchOf(from, req.ToTag, req.ViaBranch); to == nil {
		return nil, nil, fmt.Errorf("%w: no such branch", ErrUnknownCall)
	}
	return from, to, nil
}

// connect makes an offer and its answer effective.
func (s *session) connect(from, to *leg, early bool, now time.Time) {
	s.answers++
	from.peer, to.peer, to.order = to, from, s.answers
	if from.owner == to {
		from.order = s.answers // an offer of the called party: its branch is the connected one
	}
	s.early, to.early = s.early && early, to.early && early
	s.signalled, s.timedOut = now, time.Time{}
	if s.answered.IsZero() {
		s.answered = now
	}
	s.held = true
	streams := 0
	for i := range from.offer {
		o, a := &from.offer[i], info{}
		if i < len(to.answer) {
			a = to.answer[i]
		}
		f, t := from.stream(i), to.stream(i)
		if f == nil || t == nil {
			continue
		}
		f.apply(*o, a, from.source, early, now)
		t.apply(a, *o, to.source, early, now)
		if !f.off {
			streams++
			s.held = s.held && (o.held() || a.held())
		}
	}
	s.held = s.held && streams > 0
}

func (l *leg) stream(i int) *stream {
	if i >= len(l.streams) {
		return nil
	}
	return l.streams[i]
}

// held tells whether one of the two directions may well be silent.
func (m *info) held() bool { return m.muted || !m.direction.Sends() || !m.direction.Receives() }
