package ngrelay

import (
	"context"
	"errors"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/relay"
)

// startForwarding sends the audio of one party, or of all, to where the
// configuration says, apart from all recordings.
func (h *Handler) startForwarding(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	if h.cfg.Forward == nil {
		return ng.Dict{}, errors.New("forwarding is not configured")
	}
	o, warnings := ng.ParseOptions(req.Dict)
	sink, err := h.cfg.Forward(o.Metadata)
	if err != nil {
		return ng.Dict{}, err
	}
	_, err = h.relay.Record(ctx, relay.RecordRequest{Selector: selector(req.Dict, false), Forwarding: true, Spec: record.Spec{Sinks: []record.Sink{sink}}})
	if err != nil {
		return ng.Dict{}, errors.Join(recording(err), sink.Close())
	}
	return warned(ng.Dict{}, warnings), nil
}

func (h *Handler) stopForwarding(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	return ng.Dict{}, recording(h.relay.StopForwarding(ctx, selector(req.Dict, false)))
}
