package ngrelay

import (
	"context"
	"errors"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// inject begins or ends that a party hears another one beside what it hears
// anyway.
func (h *Handler) inject(do func(context.Context, relay.InjectRequest) error) command {
	return func(ctx context.Context, req *ng.Request) (ng.Dict, error) {
		d := req.Dict
		q := relay.InjectRequest{CallID: d.Str("call-id"), ToTag: d.Str("to-tag"), SourceCallID: d.Str("source-call-id"), SourceTag: d.Str("source-tag")}
		switch {
		case q.ToTag == "":
			return ng.Dict{}, errors.New("No to-tag in message") //nolint:staticcheck // wording is protocol
		case q.SourceTag == "":
			return ng.Dict{}, errors.New("No source-tag in message") //nolint:staticcheck // wording is protocol
		}
		_, warnings := ng.ParseOptions(d)
		return warned(ng.Dict{}, warnings), tagged(do(ctx, q))
	}
}

// Inject is as that of [relay.Relay].
func (r *Remote) Inject(ctx context.Context, req relay.InjectRequest) error {
	return r.injecting(ctx, "inject start", req)
}

// StopInject is as that of [relay.Relay].
func (r *Remote) StopInject(ctx context.Context, req relay.InjectRequest) error {
	return r.injecting(ctx, "inject stop", req)
}

func (r *Remote) injecting(ctx context.Context, command string, req relay.InjectRequest) error {
	d := message(command, req.CallID, "", req.ToTag, "")
	d.Set("source-tag", req.SourceTag)
	set(&d, "source-call-id", req.SourceCallID)
	_, err := r.do(ctx, req.CallID, d)
	return err
}
