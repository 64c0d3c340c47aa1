package ngrelay

import (
	"context"
	"errors"
	"fmt"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

func (h *Handler) create(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	d := req.Dict
	if err := h.full(ctx, d); err != nil {
		return ng.Dict{}, err
	}
	o, warnings := ng.ParseOptions(d)
	learning, err := learningOf(o)
	if err != nil {
		return ng.Dict{}, err
	}
	media, err := media(d, &o)
	if err != nil {
		return ng.Dict{}, err
	}
	c, err := h.relay.Create(ctx, relay.CreateRequest{
		CallID: d.Str("call-id"), FromTag: d.Str("from-tag"), Label: d.Str("set-label"), Interface: o.FromInterface, Media: media,
		Source: o.Source, Options: o.Options, Learning: learning, Warn: func(s string) { warnings = append(warnings, s) },
	})
	if err != nil {
		return ng.Dict{}, err
	}
	return warned(ng.Of("sdp", c.SDP, "call-id", c.CallID, "from-tag", c.FromTag), warnings), nil
}

// media are the m= lines that a created party is to have; the codecs that are
// offered are no option of the exchange then.
func media(d ng.Dict, o *ng.Options) (list []bridge.CreatedMedia, err error) {
	if codecs := o.Codec.Offer; len(codecs) > 0 {
		o.Codec.Offer = nil
		list = []bridge.CreatedMedia{{Kind: "audio", Codecs: codecs}}
	}
	value, ok := d.Value("medias")
	if !ok {
		return list, nil
	}
	entries, ok := value.(ng.List)
	if !ok {
		return nil, errors.New("medias: a list is needed")
	}
	list = nil
	for _, e := range entries {
		m, ok := e.(ng.Dict)
		if !ok {
			return nil, errors.New("medias: a list of dictionaries is needed")
		}
		list = append(list, bridge.CreatedMedia{Kind: m.Str("type"), Codecs: m.Strings("codecs")})
	}
	return list, nil
}

func (h *Handler) createAnswer(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	d := req.Dict
	if d.Str("from-tag") == "" {
		return ng.Dict{}, errors.New("No from-tag in message") //nolint:staticcheck // wording is protocol
	}
	return h.alone(ctx, d, d.Str("from-tag"), h.relay.CreateAnswer)
}

// alone hands on the answer to an offer of the relay's own.
func (h *Handler) alone(ctx context.Context, d ng.Dict, tag string, take func(context.Context, relay.SubscribeAnswerRequest) error) (ng.Dict, error) {
	o, warnings := ng.ParseOptions(d)
	err := take(ctx, relay.SubscribeAnswerRequest{
		CallID: d.Str("call-id"), ToTag: tag, SDP: []byte(d.Str("sdp")), Source: o.Source, Options: o.Options,
		Warn: func(s string) { warnings = append(warnings, s) },
	})
	return warned(ng.Dict{}, warnings), err
}

func (h *Handler) connect(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	d := req.Dict
	q := connection(d)
	switch {
	case q.ToTag == "":
		return ng.Dict{}, errors.New("No to-tag in message") //nolint:staticcheck // wording is protocol
	case q.FromTag == "" && (!q.Directional || len(q.FromTags) == 0 && !q.All):
		return ng.Dict{}, errors.New("No from-tag in message") //nolint:staticcheck // wording is protocol
	}
	_, warnings := ng.ParseOptions(d)
	return warned(ng.Dict{}, warnings), tagged(h.relay.Connect(ctx, q))
}

// connection reads who is to hear whom.
func connection(d ng.Dict) relay.ConnectRequest {
	q := relay.ConnectRequest{CallID: d.Str("call-id"), FromTag: d.Str("from-tag"), ToTag: d.Str("to-tag"), ToCallID: d.Str("to-call-id"),
		Directional: flag(d, "directional"), Bidirectional: flag(d, "bidirectional")}
	if q.Directional {
		q.FromTags, q.All = d.Strings("from-tags"), flag(d, "all") || d.Str("all") == "all"
	}
	return q
}

// tagged tells a party that is not there from a session that is not.
func tagged(err error) error {
	if errors.Is(err, bridge.ErrUnknown) {
		return fmt.Errorf("Tag not found: %v", err) //nolint:staticcheck,errorlint // wording is protocol; it is no unknown session
	}
	return err
}

// Connect is as that of [relay.Relay].
func (r *Remote) Connect(ctx context.Context, req relay.ConnectRequest) error {
	return r.connecting(ctx, "connect", req)
}

// Disconnect is as that of [relay.Relay].
func (r *Remote) Disconnect(ctx context.Context, req relay.ConnectRequest) error {
	req.Directional = true
	return r.connecting(ctx, "unsubscribe", req)
}

func (r *Remote) connecting(ctx context.Context, command string, req relay.ConnectRequest) error {
	d := message(command, req.CallID, req.FromTag, req.ToTag, "")
	set(&d, "to-call-id", req.ToCallID)
	if len(req.FromTags) > 0 {
		d.Set("from-tags", req.FromTags)
	}
	var flags []string
	for _, f := range []struct {
		on   bool
		name string
	}{{req.Directional, "directional"}, {req.Bidirectional, "bidirectional"}, {req.All, "all"}} {
		if f.on {
			flags = append(flags, f.name)
		}
	}
	if flags != nil {
		d.Set("flags", flags)
	}
	_, err := r.do(ctx, req.CallID, d)
	return err
}

// full is an error for a session that would be new while none is taken.
func (h *Handler) full(ctx context.Context, d ng.Dict) error {
	if !h.draining.Load() {
		return nil
	}
	if _, err := h.relay.Query(ctx, d.Str("call-id")); errors.Is(err, relay.ErrUnknownCall) {
		return relay.ErrSessions
	}
	return nil
}
