package ngrelay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// security is how digits are kept secret by the options of a message. Digits
// are in no error.
func security(o ng.DTMFOptions) (how relay.DTMFSecurity, err error) {
	mode := func(s string, otherwise dtmf.Mode) dtmf.Mode {
		if s == "" {
			return otherwise
		}
		m, e := dtmf.ParseMode(s)
		err = errors.Join(err, e)
		return m
	}
	how.Mode = mode(o.Mode, dtmf.Off)
	how.Triggered, how.Ended = mode(o.TriggerMode, dtmf.Drop), mode(o.TriggerEndMode, dtmf.Off)
	how.Delay = o.Delay
	if len(o.Frequencies) > 0 {
		how.Frequency = float64(o.Frequencies[0])
	}
	how.Volume = uint8(max(o.Volume, -o.Volume))
	if o.Digit != "" {
		d, ok := dtmf.ParseDigit(o.Digit[0])
		if !ok || len(o.Digit) > 1 {
			err = errors.Join(err, errors.New("DTMF-security: no digit"))
		}
		how.Digit = d
	}
	if o.Trigger != "" || o.TriggerEnd != "" {
		how.Trigger = &dtmf.Trigger{Start: o.Trigger, End: o.TriggerEnd, EndDigits: o.TriggerEndCount, Timeout: o.TriggerEndTime}
	}
	return how, err
}

func (h *Handler) blockDTMF(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	o, warnings := ng.ParseOptions(req.Dict)
	if o.DTMF.Mode == "" && o.DTMF.Trigger == "" {
		o.DTMF.Mode = "drop"
	}
	how, err := security(o.DTMF)
	if err != nil {
		return ng.Dict{}, err
	}
	by := selector(req.Dict, false)
	if err := h.relay.SecureDTMF(ctx, by, how); err != nil {
		return ng.Dict{}, err
	}
	if o.HasDelayBuffer {
		err = h.relay.DelayMedia(ctx, by, o.DelayBuffer)
	}
	return warned(ng.Dict{}, warnings), err
}

func (h *Handler) unblockDTMF(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	return ng.Dict{}, h.relay.SecureDTMF(ctx, selector(req.Dict, false), relay.DTMFSecurity{})
}

func (h *Handler) playDTMF(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	d := req.Dict
	code := d.Str("code")
	if n, err := strconv.Atoi(code); err == nil && n >= 10 && n < 16 && len(code) == 2 {
		code = string("*#ABCD"[n-10])
	}
	if code == "" {
		return ng.Dict{}, errors.New("no DTMF code in message")
	}
	q := relay.PlayDTMFRequest{Selector: selector(d, true), Digits: code, Pressed: flag(d, "as-pressed")}
	for key, to := range map[string]*time.Duration{"duration": &q.Duration, "pause": &q.Pause} {
		if n, ok := d.Int(key); ok {
			if n < 0 || n > 6000 {
				return ng.Dict{}, fmt.Errorf("%s out of range", key)
			}
			*to = time.Duration(n) * time.Millisecond
		}
	}
	if n, ok := d.Int("volume"); ok {
		if n = max(n, -n); n > 63 {
			return ng.Dict{}, errors.New("volume out of range")
		}
		q.Volume = uint8(n)
	}
	return ng.Dict{}, h.relay.PlayDTMF(ctx, q)
}
