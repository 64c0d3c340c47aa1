package ngrelay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/play"
	"github.com/class5-go/class5/media/relay"
)

func (h *Handler) play(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	prompt, err := h.prompt(req.Dict)
	if err != nil {
		return ng.Dict{}, err
	}
	repeat, _ := req.Dict.Int("repeat-times")
	start, _ := req.Dict.Int("start-pos")
	length, err := h.relay.Play(ctx, relay.PlayRequest{
		Selector: selector(req.Dict, true), Source: Source(prompt), Repeat: int(min(max(repeat, -1), 1<<20)), Start: time.Duration(max(start, 0)) * time.Millisecond,
	})
	if err != nil {
		return ng.Dict{}, err
	}
	return ng.Of("duration", length.Milliseconds()), nil
}

func (h *Handler) prompt(d ng.Dict) (*play.Prompt, error) {
	if h.cfg.Prompts == nil {
		return nil, errors.New("playing media is not configured")
	}
	if blob := d.Str("blob"); blob != "" {
		return h.cfg.Prompts.Blob([]byte(blob))
	}
	if file := d.Str("file"); file != "" {
		return h.cfg.Prompts.File(file)
	}
	return nil, errors.New("No media file specified") //nolint:staticcheck // wording is protocol
}

// Source is a prompt as a relay plays it.
func Source(p *play.Prompt) relay.Source { return prompted{p} }

type prompted struct{ *play.Prompt }

// Frames implements relay.Source.
func (p prompted) Frames(c codec.Codec, ptime time.Duration) (relay.Frames, error) {
	f, err := p.Prompt.Frames(c, codec.Params{Ptime: ptime})
	if err != nil {
		return nil, err
	}
	return frames{f}, nil
}

type frames struct{ *play.Frames }

// Frame implements relay.Frames.
func (f frames) Frame(i int) ([]byte, bool) {
	if i < 0 || i >= f.Len() {
		return nil, false
	}
	return f.At(i), true
}

func (h *Handler) stopPlay(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	return ng.Dict{}, h.relay.StopPlay(ctx, selector(req.Dict, true))
}

// record begins a recording of all parties. A session that is being recorded
// already goes on after a pause.
func (h *Handler) record(ctx context.Context, callID string, o ng.Options) error {
	if err := h.relay.PauseRecording(ctx, callID, false); err == nil {
		return nil
	}
	spec := h.cfg.Recording
	if o.RecordingPattern != "" {
		spec.Pattern = o.RecordingPattern
	}
	if o.RecordingFile != "" || o.RecordingDir != "" {
		return errors.New("files are recorded below the configured directory only: name them by recording-pattern")
	}
	if o.Metadata != "" {
		spec.Metadata = o.Metadata
	}
	_, err := h.relay.Record(ctx, relay.RecordRequest{Selector: relay.Selector{CallID: callID}, Spec: spec})
	return err
}

func (h *Handler) startRecording(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	o, warnings := ng.ParseOptions(req.Dict)
	return warned(ng.Dict{}, warnings), recording(h.record(ctx, req.Dict.Str("call-id"), o))
}

func (h *Handler) pauseRecording(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	return ng.Dict{}, recording(h.relay.PauseRecording(ctx, req.Dict.Str("call-id"), true))
}

func (h *Handler) stopRecording(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	if flag(req.Dict, "pause") || req.Dict.Str("pause") != "" {
		return h.pauseRecording(ctx, req)
	}
	return ng.Dict{}, recording(h.relay.StopRecording(ctx, req.Dict.Str("call-id")))
}

func recording(err error) error {
	if err == nil || errors.Is(err, relay.ErrUnknownCall) {
		return err
	}
	return fmt.Errorf("recording: %w", err)
}
