package ngrelay

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// wanted are the tags whose media a subscriber asks for; none: all.
func wanted(d ng.Dict) (tags []string) {
	if flag(d, "all") || d.Str("all") == "all" {
		return nil
	}
	tags = append(tags, d.Strings("from-tags")...)
	for _, f := range d.Strings("flags") {
		if tag, ok := strings.CutPrefix(f, "from-tags-"); ok {
			tags = append(tags, tag)
		}
	}
	if len(tags) == 0 && d.Str("from-tag") != "" && d.Str("from-label") == "" && d.Str("label") == "" {
		tags = append(tags, d.Str("from-tag"))
	}
	return tags
}

func (h *Handler) subscribe(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	d := req.Dict
	o, warnings := ng.ParseOptions(d)
	learning, err := learningOf(o)
	if err != nil {
		return ng.Dict{}, err
	}
	tags := wanted(d)
	q := relay.SubscribeRequest{
		CallID: d.Str("call-id"), Tags: tags, ToTag: d.Str("to-tag"), Label: d.Str("set-label"), Interface: o.FromInterface,
		Inactive: flag(d, "inactive"), Bidirectional: flag(d, "bidirectional"), MirrorRTCP: flag(d, "RTCP-mirror") || flag(d, "mirror-RTCP") || flag(d, "rtcp-mirror"), MediaLabels: flag(d, "SIPREC") || flag(d, "siprec"), Options: o.Options, Learning: learning,
		Warn: func(s string) { warnings = append(warnings, s) },
	}
	for _, key := range []string{"from-label", "label"} {
		if l := d.Str(key); l != "" && len(tags) == 0 && len(q.Labels) == 0 && !flag(d, "all") {
			q.Labels = append(q.Labels, l)
		}
	}
	s, err := h.relay.Subscribe(ctx, q)
	if err != nil {
		return ng.Dict{}, err
	}
	reply := ng.Of("sdp", s.SDP, "to-tag", s.ToTag)
	subscribed(&reply, s.Media)
	return warned(reply, warnings), nil
}

// subscribed writes whose media the m= lines are.
func subscribed(reply *ng.Dict, media []bridge.Source) {
	var tags []string
	var labels ng.Dict
	list := ng.List{}
	for i := 0; i < len(media); {
		n := i
		medias := ng.List{}
		for ; n < len(media) && media[n].Leg == media[i].Leg; n++ {
			m := media[n]
			mode := m.Direction.Reverse().String() // as the relay does towards the party
			d := ng.Of("index", m.Index+1, "type", m.Kind, "mode", mode)
			if m.MediaLabel != "" {
				d.Set("label", m.MediaLabel)
				labels.Set(m.MediaLabel, named(ng.Of("index", m.Index+1, "type", m.Kind, "mode", mode), m))
			}
			medias = append(medias, d)
		}
		t := named(ng.Dict{}, media[i])
		t.Set("medias", medias)
		list = append(list, t)
		if !slices.Contains(tags, media[i].Tag) {
			tags = append(tags, media[i].Tag)
		}
		i = n
	}
	if len(tags) == 1 {
		reply.Set("from-tag", tags[0])
	}
	reply.Set("from-tags", tags)
	reply.Set("tag-medias", list)
	if labels.Len() > 0 {
		reply.Set("media-labels", labels)
	}
}

func named(d ng.Dict, m bridge.Source) ng.Dict {
	d.Set("tag", m.Tag)
	if m.Label != "" {
		d.Set("label", m.Label)
	}
	return d
}

func (h *Handler) subscribeAnswer(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	d := req.Dict
	if d.Str("to-tag") == "" {
		return ng.Dict{}, errors.New("No to-tag in message") //nolint:staticcheck // wording is protocol
	}
	return h.alone(ctx, d, d.Str("to-tag"), h.relay.SubscribeAnswer)
}

func (h *Handler) unsubscribe(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	tag := req.Dict.Str("to-tag")
	if tag == "" {
		return ng.Dict{}, errors.New("No to-tag in message") //nolint:staticcheck // wording is protocol
	}
	q := connection(req.Dict)
	if !q.Directional {
		q.FromTag = "" // clients put one into every message
	}
	err := h.relay.Disconnect(ctx, q)
	if errors.Is(err, relay.ErrMismatch) && q.FromTag == "" { // it hears nobody as a party
		err = h.relay.Unsubscribe(ctx, q.CallID, tag)
	}
	return ng.Dict{}, err
}

func (h *Handler) publish(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	d := req.Dict
	o, warnings := ng.ParseOptions(d)
	learning, err := learningOf(o)
	if err != nil {
		return ng.Dict{}, err
	}
	label := d.Str("set-label")
	if label == "" {
		label = d.Str("label")
	}
	if err := h.full(ctx, d); err != nil {
		return ng.Dict{}, err
	}
	sdp, err := h.relay.Publish(ctx, relay.PublishRequest{
		CallID: d.Str("call-id"), FromTag: d.Str("from-tag"), Label: label, SDP: []byte(d.Str("sdp")), Source: o.Source,
		Interface: o.FromInterface, Bidirectional: flag(d, "bidirectional"), Options: o.Options, Learning: learning, Warn: func(s string) { warnings = append(warnings, s) },
	})
	if err != nil {
		return ng.Dict{}, err
	}
	return warned(ng.Of("sdp", sdp), warnings), nil
}
