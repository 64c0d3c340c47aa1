package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/class5-go/class5/media/bridge"
)

// Offer takes an offer and returns the description to send on instead; nil
// when it is a fragment of candidates that trickle (Options.FragmentOfTrickle),
// of a party of the session: the relay alone has a use for them. An error leaves the session, if there was one, as it was, and no port in use
// that was not in use before. Errors: ErrSessions, ErrPorts, ErrStreams,
// ErrInterface, ErrMismatch, ErrClosed, ErrLoad and its kin, and those of
// [sdp.Parse] and package bridge.
func (r *Relay) Offer(ctx context.Context, req OfferRequest) ([]byte, error) {
	if req.Options.FragmentOfTrickle {
		return nil, r.trickle(ctx, req.CallID, req.FromTag, req.SDP, req.Warn)
	}
	res, err := r.offer(ctx, &req)
	return res.SDP, err
}

func (r *Relay) offer(ctx context.Context, req *OfferRequest) (bridge.Result, error) {
	if err := ctx.Err(); err != nil {
		return bridge.Result{}, err
	}
	if req.CallID == "" || req.FromTag == "" || req.FromTag == req.ToTag {
		return bridge.Result{}, fmt.Errorf("%w: Call-ID or tags missing or equal", ErrMismatch)
	}
	if err := short(req.FromTag, req.ToTag, req.ViaBranch, req.Label, req.ToLabel); err != nil {
		return bridge.Result{}, err
	}
	s, err := r.open(req.CallID, req.Source)
	if err != nil {
		return bridge.Result{}, err
	}
	defer s.mu.Unlock()
	fresh := len(s.legs) == 0
	b := binder{s: s, family: req.ToFamily, tos: req.TOS}
	o := req.Options
	o.Replace.Origin = o.Replace.Origin || !r.cfg.KeepOrigin
	if o.Family == AnyFamily {
		o.Family = req.ToFamily
	}
	res, err := s.bridge.Offer(bridge.Offer{FromTag: req.FromTag, ToTag: req.ToTag, ViaBranch: req.ViaBranch, SDP: req.SDP,
		Source: req.Source, Label: req.Label, ToLabel: req.ToLabel, FromInterface: r.ifaces.name(req.FromInterface),
		ToInterface: r.ifaces.name(req.ToInterface), Options: o}, &b)
	if err != nil {
		b.undo()
		if fresh {
			r.remove(s, r.now())
		}
		return bridge.Result{}, translate(err)
	}
	if res.Untouched {
		return res, nil
	}
	now := r.now()
	from := s.ensure(res.From)
	branch := s.leg(res.To) == nil
	to := s.ensure(res.To)
	if branch {
		to.owner = from.id
	}
	from.source = req.Source
	if req.DTMFLog.IsValid() {
		s.digitsTo = req.DTMFLog
	}
	for _, l := range []*leg{from, to} {
		if req.Learning != nil {
			l.learning = *req.Learning
		}
		l.generate = l.generate || req.GenerateRTCP
		l.strict, l.natWait = l.strict || req.StrictSource, l.natWait || req.NATWait
	}
	req.Handling.handle(from, to)
	s.signalled, s.doomed = now, time.Time{}
	p := s.bridge.Plan()
	s.apply(&p, (*leg).connected, now)
	s.refuseOther(&res)
	warn(req.Warn, res.Warnings)
	s.save()
	return res, nil
}

// translate gives the errors of the offer/answer engine the names of this
// package.
func translate(err error) error {
	for from, to := range map[error]error{bridge.ErrUnknown: ErrUnknownCall, bridge.ErrMismatch: ErrMismatch, bridge.ErrLimit: ErrStreams} {
		if errors.Is(err, from) {
			return &translated{to, from, err}
		}
	}
	return err
}

// translated is an error of the engine that says once what its kind is.
type translated struct{ kind, was, cause error }

func (e *translated) Error() string {
	said := e.cause.Error()
	if rest, ok := strings.CutPrefix(said, e.was.Error()); ok && !errors.Is(e.was, bridge.ErrUnknown) { // that says more than its kind
		return e.kind.Error() + rest
	}
	return e.kind.Error() + ": " + said
}

func (e *translated) Unwrap() []error { return []error{e.kind, e.cause} }

// Withdraw forgets the last offer of a session, because it was refused. There
// need not be one: an offer that was never answered changes nothing, but its
// ports stay until the next one.
func (r *Relay) Withdraw(ctx context.Context, callID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := r.lookup(callID)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.answered.IsZero() || !s.bridge.Rollback() {
		return nil
	}
	s.replan(r.now())
	return nil
}
