package ngrelay

import (
	"context"
	"errors"
	"time"

	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// PlayDTMF is as that of [relay.Relay]. Each digit is a message of its own, as
// rtpengine wants it; with relays that queue what is played they come one
// behind the other.
func (r *Remote) PlayDTMF(ctx context.Context, req relay.PlayDTMFRequest) error {
	for i := range len(req.Digits) {
		e, ok := dtmf.ParseDigit(req.Digits[i])
		if !ok {
			return relay.ErrPlay
		}
		d := about("play DTMF", req.Selector)
		c, _ := e.Digit()
		d.Set("code", string(c))
		for key, v := range map[string]time.Duration{"duration": req.Duration, "pause": req.Pause} {
			if v > 0 {
				d.Set(key, min(v, longestRemote).Milliseconds())
			}
		}
		if req.Volume > 0 {
			d.Set("volume", -int64(req.Volume))
		}
		if req.Pressed {
			d.Set("flags", []string{"as-pressed"})
		}
		_, err := r.do(ctx, req.CallID, d)
		if e := (*ng.ReplyError)(nil); errors.As(err, &e) && !errors.Is(err, relay.ErrUnknownCall) {
			return errors.Join(relay.ErrPlay, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// longestRemote is the most that rtpengine takes for a digit or a pause.
const longestRemote = 5 * time.Second

// TakeDTMF blocks the digits of a party. What it dials is reported where the
// offer (DTMFLog) or the relay's own configuration say.
func (r *Remote) TakeDTMF(ctx context.Context, by relay.Selector, take bool) error {
	command := "block DTMF"
	if !take {
		command = "unblock DTMF"
	}
	d := about(command, by)
	d.Set("flags", []string{"directional"})
	_, err := r.do(ctx, by.CallID, d)
	return err
}

// about names a party of a call in a command.
func about(command string, by relay.Selector) ng.Dict {
	d := message(command, by.CallID, by.Tag, "", "")
	set(&d, "label", by.Label)
	return d
}
