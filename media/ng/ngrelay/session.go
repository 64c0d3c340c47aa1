package ngrelay

import (
	"context"
	"errors"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

func (h *Handler) offer(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	d := req.Dict
	if err := h.full(ctx, d); err != nil {
		return ng.Dict{}, err
	}
	o, warnings := ng.ParseOptions(d)
	learning, err := learningOf(o)
	if err != nil {
		return ng.Dict{}, err
	}
	handling, err := handlingOf(o)
	if err != nil {
		warnings = append(warnings, err.Error())
	}
	label := d.Str("set-label")
	if label == "" {
		label = d.Str("label")
	}
	sdp, err := h.relay.Offer(ctx, relay.OfferRequest{
		CallID: d.Str("call-id"), FromTag: d.Str("from-tag"), ToTag: d.Str("to-tag"), ViaBranch: d.Str("via-branch"),
		SDP: []byte(d.Str("sdp")), Source: o.Source, FromInterface: o.FromInterface, ToInterface: o.ToInterface, ToFamily: o.Family,
		Label: label, ToLabel: d.Str("to-label"), Options: o.Options, Learning: learning, GenerateRTCP: o.GenerateRTCP == "on", TOS: max(o.TOS, 0), DTMFLog: o.DTMF.LogTo, StrictSource: o.StrictSource, NATWait: o.NATWait, Handling: handling,
		Warn: func(s string) { warnings = append(warnings, s) },
	})
	if err != nil {
		return ng.Dict{}, err
	}
	if err := h.extras(ctx, d, o); err != nil {
		warnings = append(warnings, err.Error())
	}
	return warned(told(sdp), warnings), nil
}

func (h *Handler) answer(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	d := req.Dict
	if d.Str("to-tag") == "" {
		return ng.Dict{}, errors.New("No to-tag in message") //nolint:staticcheck // wording is protocol
	}
	o, warnings := ng.ParseOptions(d)
	handling, err := handlingOf(o)
	if err != nil {
		warnings = append(warnings, err.Error())
	}
	label := d.Str("set-label")
	if label == "" {
		label = d.Str("label")
	}
	sdp, err := h.relay.Answer(ctx, relay.AnswerRequest{
		CallID: d.Str("call-id"), FromTag: d.Str("from-tag"), ToTag: d.Str("to-tag"), ViaBranch: d.Str("via-branch"),
		SDP: []byte(d.Str("sdp")), Source: o.Source, Early: o.Early, Label: label, Options: o.Options, Handling: handling,
		Warn: func(s string) { warnings = append(warnings, s) },
	})
	if err != nil {
		return ng.Dict{}, err
	}
	if err := h.extras(ctx, d, o); err != nil {
		warnings = append(warnings, err.Error())
	}
	return warned(told(sdp), warnings), nil
}

// told is a reply with the description to send on; there is none to candidates
// that trickle.
func told(sdp []byte) ng.Dict {
	if sdp == nil {
		return ng.Dict{}
	}
	return ng.Of("sdp", sdp)
}

// extras carries out what an offer or answer asks for besides its description.
// It fails softly: the call goes on and the client is warned.
func (h *Handler) extras(ctx context.Context, d ng.Dict, o ng.Options) (err error) {
	callID := d.Str("call-id")
	switch o.Record {
	case "on":
		err = h.record(ctx, callID, o)
	case "off":
		if err = h.relay.StopRecording(ctx, callID); errors.Is(err, relay.ErrRecord) {
			err = nil // it was not being recorded
		}
	}
	if o.BlockDTMF && o.DTMF.Mode == "" {
		o.DTMF.Mode = "drop"
	}
	if o.DTMF.Mode != "" || o.DTMF.Trigger != "" || o.DTMF.Delay > 0 {
		how, wrong := security(o.DTMF)
		if wrong == nil {
			wrong = h.relay.SecureDTMF(ctx, relay.Selector{CallID: callID, Tag: writer(d)}, how)
		}
		err = errors.Join(err, wrong)
	}
	switch o.DropTraffic {
	case "start":
		err = errors.Join(err, h.relay.BlockMedia(ctx, relay.Selector{CallID: callID}, true))
	case "stop":
		err = errors.Join(err, h.relay.BlockMedia(ctx, relay.Selector{CallID: callID}, false))
	}
	return err
}

// writer is the tag of the party whose description the message holds.
func writer(d ng.Dict) string {
	if d.Str("command") == "answer" {
		return d.Str("to-tag")
	}
	return d.Str("from-tag")
}

func learningOf(o ng.Options) (*relay.Learning, error) {
	name := o.Learning
	if name == "" && o.Asymmetric {
		name = "asymmetric"
	}
	if name == "" {
		return nil, nil
	}
	l, err := relay.ParseLearning(name)
	return &l, err
}

func handlingOf(o ng.Options) (relay.Handling, error) {
	echo, err := relay.ParseEcho(o.MediaEcho)
	how := relay.Handling{Echo: echo, Handover: o.MediaHandover, PierceNAT: o.PierceNAT}
	if o.HasDelayBuffer {
		d := o.DelayBuffer // or all of o would be on the heap
		how.Delay = &d
	}
	return how, err
}

func (h *Handler) delete(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	d := req.Dict
	o, warnings := ng.ParseOptions(d)
	delay := h.cfg.DeleteDelay
	if o.HasDeleteDelay {
		delay = o.DeleteDelay
	}
	report, err := h.relay.Delete(ctx, relay.DeleteRequest{
		CallID: d.Str("call-id"), FromTag: d.Str("from-tag"), ToTag: d.Str("to-tag"), ViaBranch: d.Str("via-branch"), Delay: delay,
	})
	if errors.Is(err, relay.ErrUnknownCall) && !flag(d, "fatal") {
		return ng.Of("warning", "Call-ID not found or tags didn't match"), nil
	}
	if err != nil {
		return ng.Dict{}, err
	}
	if flag(d, "fast") {
		return warned(ng.Dict{}, warnings), nil
	}
	return warned(reportDict(report), warnings), nil
}

func (h *Handler) query(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	report, err := h.relay.Query(ctx, req.Dict.Str("call-id"))
	if err != nil {
		return ng.Dict{}, err
	}
	return reportDict(report), nil
}

func (h *Handler) list(_ context.Context, req *ng.Request) (ng.Dict, error) {
	limit, ok := req.Dict.Int("limit")
	if !ok {
		limit = 32
	}
	if limit <= 0 {
		return ng.Dict{}, errors.New("invalid limit, must be > 0")
	}
	calls := ng.List{}
	for id := range h.relay.List() {
		if int64(len(calls)) == limit {
			break
		}
		calls = append(calls, id)
	}
	return ng.Of("calls", calls), nil
}
