package relay

import (
	"context"
	"crypto/rand"
	"net/netip"

	"github.com/class5-go/class5/media/bridge"
)

// CreateRequest asks for an offer that the relay makes itself.
type CreateRequest struct {
	CallID    string // empty: made up
	FromTag   string // of the party that is offered; empty: made up
	Label     string
	Interface string                // facing the party
	Media     []bridge.CreatedMedia // m= lines; none: audio with PCMA and PCMU
	// Source is where the signalling that asks for it came from, for limits.
	Source   netip.Addr
	Options  bridge.Options
	Learning *Learning
	Warn     func(string) // told of options without effect; may be nil
}

// Creation is an offer to a party that has said nothing yet.
type Creation struct {
	SDP             []byte
	CallID, FromTag string
}

// CreateAnswerRequest is the answer to such an offer; ToTag is the FromTag of
// the Creation.
type CreateAnswerRequest = SubscribeAnswerRequest

// ConnectRequest names two parties of a session.
type ConnectRequest struct{ CallID, FromTag, ToTag string }

// Create makes an offer for a new party, and the session if need be.
// [Relay.CreateAnswer] takes what it answers, [Relay.Connect] lets it talk to
// another. Errors are those of Offer.
func (r *Relay) Create(ctx context.Context, req CreateRequest) (Creation, error) {
	if err := ctx.Err(); err != nil {
		return Creation{}, err
	}
	for _, name := range []*string{&req.CallID, &req.FromTag} {
		if *name == "" {
			*name = rand.Text()
		}
	}
	s, err := r.open(req.CallID, req.Source)
	if err != nil {
		return Creation{}, err
	}
	defer s.mu.Unlock()
	fresh := len(s.legs) == 0
	b := binder{s: s}
	res, err := s.bridge.Create(bridge.Creation{Tag: req.FromTag, Label: req.Label, Interface: r.ifaces.name(req.Interface),
		Media: req.Media, Options: req.Options}, &b)
	if err != nil {
		b.undo()
		if fresh {
			r.remove(s, r.now())
		}
		return Creation{}, translate(err)
	}
	s.attach(res.To, req.Learning)
	warn(req.Warn, res.Warnings)
	return Creation{SDP: res.SDP, CallID: req.CallID, FromTag: req.FromTag}, nil
}

// CreateAnswer takes the answer of a party that was offered by Create.
func (r *Relay) CreateAnswer(ctx context.Context, req CreateAnswerRequest) error {
	return r.alone(ctx, req, true)
}

// Connect lets two parties of a session talk to each other, whoever they talked
// to before. Whom they leave stays in the session and hears nobody.
func (r *Relay) Connect(ctx context.Context, req ConnectRequest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := r.lookup(req.CallID)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	a, b, err := s.bridge.Connect(req.FromTag, req.ToTag)
	if err != nil {
		return translate(err)
	}
	for _, id := range []bridge.LegID{a, b} {
		l := s.ensure(id)
		l.answered, l.early = true, false
	}
	s.signal()
	p := s.bridge.Plan()
	s.apply(&p, nil, s.signalled)
	s.save()
	return nil
}
