package ngrelay

import (
	"context"
	"errors"

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
	switch other := d.Str("to-call-id"); {
	case other != "" && other != d.Str("call-id"):
		return ng.Dict{}, errors.New("connect: parties of two calls are not joined by this relay")
	case flag(d, "directional") || flag(d, "bidirectional"):
		return ng.Dict{}, errors.New("connect: directional is not supported by this relay, subscribe request is")
	case d.Str("from-tag") == "" || d.Str("to-tag") == "":
		return ng.Dict{}, errors.New("connect: from-tag and to-tag are needed")
	}
	_, warnings := ng.ParseOptions(d)
	return warned(ng.Dict{}, warnings), h.relay.Connect(ctx, relay.ConnectRequest{CallID: d.Str("call-id"), FromTag: d.Str("from-tag"), ToTag: d.Str("to-tag")})
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
