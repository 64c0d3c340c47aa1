package call

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

const (
	shortestKey = 40 * time.Millisecond
	longestKey  = 6 * time.Second
	keyPause    = 100 * time.Millisecond // behind each; the least that rtpengine makes
	// keyBacklog is how much may wait to be played for one side.
	keyBacklog = 20 * time.Second
)

// pressed is an INFO that says that a key was pressed, and is answered here.
type pressed struct {
	status int
	reason string
	fields []wire.Field
}

// answer answers the INFO.
func (p *pressed) answer(now time.Time, c *Core, tx *transaction.Server, m *wire.Message) {
	c.refuse(now, tx, m, p.status, p.reason, p.fields...)
}

// isDigit reports whether a request is an INFO with a digit: a legacy one (RFC
// 6086 section 4), since packages say themselves what they mean.
func isDigit(m *wire.Message) bool {
	if m.Method() != wire.INFO {
		return false
	}
	if _, ok := m.Find("Info-Package"); ok {
		return false
	}
	return mediaType(m) == dtmf.TypeRelay || mediaType(m) == dtmf.TypePlain
}

// press says what becomes of an INFO of a side: nil, nil when it passes. The
// status is known when the question has been asked.
func (k *call) press(now time.Time, side dialog.Side, tag string, m *wire.Message) (*pressed, *question) {
	if k.core.Digits.off() && k.core.Keys == nil || !isDigit(m) {
		return nil, nil
	}
	from, to := k.ways[side], k.ways[side.Other()]
	turn := to != DigitsInfo && (from == DigitsInfo || to == DigitsRTP)
	if k.core.Keys == nil || !turn && from != DigitsBlock {
		return k.guarded(tag)
	}
	if h, ok := m.Find("Content-Encoding"); ok && !wire.EqualFold(h.Value, "identity") {
		return k.refused(415, "Encoded Digit", wire.Field{Name: "Accept-Encoding", Value: []byte("identity")}), nil
	}
	h, _ := m.First(wire.HdrContentType)
	d, err := dtmf.ParseInfo(string(wire.AppendUnfolded(nil, h.Value)), m.Body())
	if err != nil {
		return k.refused(400, "Bad Digit"), nil
	}
	if from == DigitsBlock {
		k.core.Stats.Digits.WithLabelValues("blocked").Inc()
		return &pressed{status: 200}, nil
	}
	key, ok := d.Event.Digit()
	if !ok { // a hook flash has no tone
		return nil, nil
	}
	r := relay.PlayDTMFRequest{
		Selector: relay.Selector{CallID: k.media.id, Tag: tag}, Digits: string(key), Volume: d.Volume,
		Duration: min(max(d.Duration, shortestKey), longestKey), Pause: keyPause, Pressed: true,
	}
	until := k.playing[side]
	if until.Before(now) {
		until = now
	}
	if wait := until.Sub(now); wait > 0 && wait+r.Duration > keyBacklog {
		return k.refused(503, "Too Many Digits", wire.Field{ID: wire.HdrRetryAfter, Value: strconv.AppendInt(nil, int64(wait/time.Second)+1, 10)}), nil
	}
	k.playing[side] = until.Add(r.Duration + r.Pause)
	return k.play(r)
}

func (k *call) refused(status int, reason string, fields ...wire.Field) *pressed {
	k.core.Stats.Digits.WithLabelValues("refused").Inc()
	return &pressed{status: status, reason: reason, fields: fields}
}

// play asks the relay to play a digit to the other side.
func (k *call) play(r relay.PlayDTMFRequest) (*pressed, *question) {
	p := &pressed{status: 200}
	var err error
	return p, &question{
		ask: func(ctx context.Context) { err = k.core.Keys.PlayDTMF(ctx, r) },
		then: func(time.Time) {
			switch {
			case err == nil:
				k.core.Stats.Digits.WithLabelValues("played").Inc()
				return
			case errors.Is(err, relay.ErrPlay), errors.Is(err, relay.ErrUnknownCall):
				*p = *k.refused(480, "Nobody Hears Digits")
			default:
				*p = *k.refused(503, "Media Not Available")
			}
			k.core.Log.Warn("a digit was not played", "call_id", k.record.CallID, "error", err)
		},
	}
}

// guarded lets an INFO pass unless the digits of its sender are kept secret in
// the media: nobody is to learn them this way either.
func (k *call) guarded(tag string) (*pressed, *question) {
	keeper, ok := k.core.Keys.(secretKeeper)
	if !ok {
		return nil, nil
	}
	ctx, cancel := k.core.context()
	defer cancel()
	if secret, err := keeper.SecretDTMF(ctx, relay.Selector{CallID: k.media.id, Tag: tag}); err != nil || !secret {
		return nil, nil // without media nothing is kept secret
	}
	k.core.Stats.Digits.WithLabelValues("blocked").Inc()
	return &pressed{status: 200}, nil
}
