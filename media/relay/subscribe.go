package relay

import (
	"context"
	"crypto/rand"
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/bridge"
)

// SubscribeRequest asks for a description of copies of what parties send.
type SubscribeRequest struct {
	CallID       string   // required
	Tags, Labels []string // whose media, in this order; none: everybody's
	ToTag        string   // of the subscriber; empty: made up
	Label        string   // of the subscriber
	Interface    string   // facing the subscriber
	Inactive     bool     // described, but not sent yet
	// Bidirectional lets the subscriber speak to bidirectional publishers.
	Bidirectional bool
	MediaLabels   bool // a=label at every m= line, as SIPREC has it
	MirrorRTCP    bool // RTCP of the subscriber goes to whose media it gets
	Options       bridge.Options
	Learning      *Learning
	Warn          func(string) // told of options without effect; may be nil
}

// Subscription is the offer for a subscriber.
type Subscription struct {
	SDP   []byte
	ToTag string          // of the subscriber, for what follows
	Media []bridge.Source // what the m= lines are copies of
}

// SubscribeAnswerRequest is a subscriber's answer.
type SubscribeAnswerRequest struct {
	CallID, ToTag string     // required
	SDP           []byte     // required
	Source        netip.Addr // where the subscriber's signalling came from
	Options       bridge.Options
	Warn          func(string)
}

// PublishRequest is the offer of a party that sends to subscribers.
type PublishRequest struct {
	CallID, FromTag string // required
	Label           string
	SDP             []byte // required
	Source          netip.Addr
	Interface       string // facing the party
	Bidirectional   bool   // it also receives, from bidirectional subscribers
	Options         bridge.Options
	Learning        *Learning
	Warn            func(string)
}

// warn tells who asked of options without effect.
func warn(to func(string), warnings []string) {
	if to != nil {
		for _, w := range warnings {
			to(w)
		}
	}
}

// Subscribe makes the offer for somebody who is to get copies of what the
// parties of a session send: a recorder, a listener. Parties do not notice.
// Errors are those of Offer; parties that are not there: ErrUnknownCall.
func (r *Relay) Subscribe(ctx context.Context, req SubscribeRequest) (Subscription, error) {
	if err := ctx.Err(); err != nil {
		return Subscription{}, err
	}
	s, err := r.lookup(req.CallID)
	if err != nil {
		return Subscription{}, err
	}
	defer s.mu.Unlock()
	if req.ToTag == "" {
		req.ToTag = rand.Text()
	}
	o := req.Options
	o.Replace.Origin = o.Replace.Origin || !r.cfg.KeepOrigin
	b := binder{s: s}
	res, err := s.bridge.Subscribe(bridge.Subscription{Tags: req.Tags, Labels: req.Labels, ToTag: req.ToTag, Label: req.Label,
		Interface: r.ifaces.name(req.Interface), Inactive: req.Inactive, Bidirectional: req.Bidirectional, MediaLabels: req.MediaLabels, Options: o}, &b)
	if err != nil {
		b.undo()
		return Subscription{}, translate(err)
	}
	s.ensure(res.To).mirror = req.MirrorRTCP
	s.attach(res.To, req.Learning)
	warn(req.Warn, res.Warnings)
	return Subscription{SDP: res.SDP, ToTag: req.ToTag, Media: res.Media}, nil
}

// attach makes a leg effective that has no partner. What an unanswered offer
// between others says is not believed because of it.
func (s *session) attach(id bridge.LegID, learning *Learning) {
	l := s.ensure(id)
	if learning != nil {
		l.learning = *learning
	}
	p := s.bridge.Plan()
	s.apply(&p, (*leg).connected, s.r.now())
	s.save()
}

// SubscribeAnswer takes a subscriber's answer; from now on the copies are
// sent.
func (r *Relay) SubscribeAnswer(ctx context.Context, req SubscribeAnswerRequest) error {
	return r.alone(ctx, req, false)
}

// alone takes the answer of a party to an offer of the relay itself.
func (r *Relay) alone(ctx context.Context, req SubscribeAnswerRequest, created bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := r.lookup(req.CallID)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	take := s.bridge.SubscribeAnswer
	if created {
		take = s.bridge.CreateAnswer
	}
	b := binder{s: s}
	res, err := take(bridge.Answer{ToTag: req.ToTag, SDP: req.SDP, Source: req.Source, Options: req.Options}, &b)
	if err != nil {
		b.undo()
		return translate(err)
	}
	if created {
		s.signal()
	}
	l := s.ensure(res.From)
	l.answered, l.early, l.source = true, false, req.Source
	s.attach(res.From, nil)
	warn(req.Warn, res.Warnings)
	return nil
}

// signal notes signalling that leaves nothing to wait for.
func (s *session) signal() {
	s.signalled, s.timedOut, s.doomed = s.r.now(), time.Time{}, time.Time{}
	if s.answered.IsZero() {
		s.answered, s.early = s.signalled, false
	}
}

// Unsubscribe ends a subscription.
func (r *Relay) Unsubscribe(ctx context.Context, callID, toTag string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := r.lookup(callID)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	l := s.byTag(toTag)
	if l == nil || !l.subscriber {
		return ErrUnknownCall
	}
	s.bridge.Remove(l.id)
	p := s.bridge.Plan()
	s.apply(&p, (*leg).connected, r.now())
	s.save()
	return nil
}

// Publish takes the offer of a party that only sends, makes the session if
// need be, and returns the answer. Errors are those of Offer.
func (r *Relay) Publish(ctx context.Context, req PublishRequest) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if req.CallID == "" || req.FromTag == "" {
		return nil, ErrMismatch
	}
	s, err := r.open(req.CallID, req.Source)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	fresh := len(s.legs) == 0
	o := req.Options
	o.Replace.Origin = o.Replace.Origin || !r.cfg.KeepOrigin
	b := binder{s: s}
	res, err := s.bridge.Publish(bridge.Publication{FromTag: req.FromTag, Label: req.Label, SDP: req.SDP,
		Interface: r.ifaces.name(req.Interface), Bidirectional: req.Bidirectional, Options: o}, &b)
	if err != nil {
		b.undo()
		if fresh {
			r.remove(s, r.now())
		}
		return nil, translate(err)
	}
	l := s.ensure(res.From)
	l.answered, l.early, l.source = true, false, req.Source
	s.signalled, s.doomed = r.now(), time.Time{}
	if fresh {
		s.answered, s.early = s.signalled, false
	}
	s.attach(res.From, req.Learning)
	warn(req.Warn, res.Warnings)
	return res.SDP, nil
}

// talkers counts the legs that are not subscribers.
func (s *session) talkers() int {
	n := 0
	for _, l := range s.legs {
		if !l.subscriber {
			n++
		}
	}
	return n
}
