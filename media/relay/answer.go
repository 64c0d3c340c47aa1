package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/class5-go/class5/media/bridge"
)

// Answer takes the answer to an offer, connects the two parties and returns
// the description to send on instead; nil for candidates that trickle, as with
// Offer. Errors: ErrUnknownCall when there was no
// such offer, ErrMismatch, ErrInterface, and those of [sdp.Parse] and package
// bridge; the session is then as it was.
func (r *Relay) Answer(ctx context.Context, req AnswerRequest) ([]byte, error) {
	if req.Options.FragmentOfTrickle {
		return nil, r.trickle(ctx, req.CallID, req.ToTag, req.SDP, req.Warn)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if req.ToTag == "" || req.FromTag == req.ToTag {
		return nil, fmt.Errorf("%w: tags missing or equal", ErrMismatch)
	}
	if err := short(req.ToTag, req.Label); err != nil {
		return nil, err
	}
	s, err := r.lookup(req.CallID)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	res, err := s.tell(&req)
	if err != nil || res.Untouched {
		return res.SDP, err
	}
	s.connect(&req, res)
	s.refuseOther(&res)
	warn(req.Warn, res.Warnings)
	return res.SDP, nil
}

// tell gives an answer, or the confirmation of an earlier one, to the
// offer/answer engine.
func (s *session) tell(req *AnswerRequest) (bridge.Result, error) {
	if err := s.fits(req); err != nil {
		return bridge.Result{}, err
	}
	o := req.Options
	o.ProvisionalAnswer = req.Early
	o.Replace.Origin = o.Replace.Origin || !s.r.cfg.KeepOrigin
	a := bridge.Answer{FromTag: req.FromTag, ToTag: req.ToTag, ViaBranch: req.ViaBranch, SDP: req.SDP, Source: req.Source,
		Label: req.Label, Options: o}
	b := binder{s: s}
	res, err := s.bridge.Answer(a, &b)
	if err != nil {
		b.undo()
		return bridge.Result{}, translate(err)
	}
	return res, nil
}

// connect makes an offer and its answer effective.
func (s *session) connect(req *AnswerRequest, res bridge.Result) {
	now := s.r.now()
	from, to := s.ensure(res.To), s.ensure(res.From)
	from.answered, to.answered = true, true
	s.early, from.early, to.early = s.early && req.Early, from.early && req.Early, to.early && req.Early
	if req.Source.IsValid() || len(req.SDP) > 0 {
		to.source = req.Source
	}
	req.Handling.handle(to, from)
	s.signalled, s.timedOut, s.doomed = now, time.Time{}, time.Time{}
	if s.answered.IsZero() {
		s.answered = now
	}
	p := s.bridge.Plan()
	s.apply(&p, nil, now)
	s.save()
}
