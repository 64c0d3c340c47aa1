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

// ConnectRequest names parties, of a session or of two.
type ConnectRequest struct {
	CallID, FromTag string
	ToTag           string
	ToCallID        string // of ToTag, if it is another one
	// Directional only lets ToTag get what FromTag sends, in a stream of its own
	// beside those it gets anyway; both ways with Bidirectional too.
	Directional, Bidirectional bool
	// FromTags are several in place of FromTag, All is everybody; of Directional
	// only.
	FromTags []string
	All      bool
}

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

// Connect lets two parties talk to each other, whoever they talked to before.
// Whom they leave stays in the session and hears nobody. Parties of two sessions
// make one of them: both Call-IDs lead to it, and it ends when either is deleted
// without naming parties, or the dialogs of both have ended. Nobody may be in
// both, and no DTLS handshake may be under way; an offer that is not answered can
// no longer be taken back.
func (r *Relay) Connect(ctx context.Context, req ConnectRequest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if req.All {
		req.FromTags = r.tags(req.CallID)
	}
	var parties []bridge.LegID
	s, err := r.joined(ctx, req.CallID, req.ToCallID, func(b *bridge.Session) error {
		if req.Directional {
			from := req.FromTags
			if len(from) == 0 {
				from = []string{req.FromTag}
			}
			return b.Hear(req.ToTag, from, req.Bidirectional)
		}
		x, y, err := b.Connect(req.FromTag, req.ToTag)
		parties = []bridge.LegID{x, y}
		return err
	})
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, id := range parties {
		l := s.ensure(id)
		l.answered, l.early = true, false
	}
	s.signal()
	p := s.bridge.Plan()
	s.apply(&p, nil, s.signalled)
	s.save()
	return nil
}

// Disconnect ends what a directional Connect began: ToTag does not get FromTag's
// streams any more, or nobody's but its partner's when FromTag is empty; with
// Bidirectional also the other way.
func (r *Relay) Disconnect(ctx context.Context, req ConnectRequest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := r.lookup(req.CallID)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if err := s.bridge.Mute(req.ToTag, req.FromTag, req.Bidirectional); err != nil {
		return translate(err)
	}
	s.replan(r.now())
	return nil
}

// tags names the parties of a session.
func (r *Relay) tags(callID string) (list []string) {
	s, err := r.lookup(callID)
	if err != nil {
		return nil
	}
	defer s.mu.Unlock()
	for _, l := range s.legs {
		if n := len(l.tags); n > 0 && !l.subscriber {
			list = append(list, l.tags[n-1])
		}
	}
	return list
}

// joined does something to what the parties of a session negotiated, or of two
// that become one, and returns it locked.
func (r *Relay) joined(ctx context.Context, callID, other string, change func(*bridge.Session) error) (*session, error) {
	if other != "" && other != callID {
		return r.join(ctx, callID, other, change)
	}
	s, err := r.lookup(callID)
	if err != nil {
		return nil, err
	}
	if err := change(s.bridge); err != nil {
		s.mu.Unlock()
		return nil, translate(err)
	}
	return s, nil
}
