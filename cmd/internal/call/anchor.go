package call

import (
	"bytes"
	"net/netip"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/wire"
)

// anchor puts the relay into the descriptions of one offer and its answers
// (RFC 3264). Either side can offer, in the request or, when that has no
// description, in the response; then the answer comes with the ACK.
type anchor struct {
	core   *Core
	callID string

	offered []byte            // what the relay made of the offer in the request
	answers map[string][]byte // and of the answers, by their To tag: a 2xx is repeated
	late    map[string][]byte // and of offers in responses, by their To tag
}

func newAnchor(c *Core, callID string) anchor {
	return anchor{core: c, callID: callID, answers: map[string][]byte{}, late: map[string][]byte{}}
}

// description is the session description of a message, nil when it has none.
func description(m *wire.Message) []byte {
	h, ok := m.First(wire.HdrContentType)
	if !ok || len(m.Body()) == 0 {
		return nil
	}
	kind, _, _ := bytes.Cut(h.Value, []byte(";"))
	if !wire.EqualFold(bytes.TrimSpace(kind), "application/sdp") {
		return nil
	}
	return m.Body()
}

// offer edits the offer in a request. All branches of a fork get the same.
// A call whose media can't be anchored is refused: it would pass the relay by.
func (a *anchor) offer(m *wire.Message, toTag string, source netip.Addr, e *wire.Edit) error {
	sdp := description(m)
	if sdp == nil {
		return nil
	}
	if a.offered == nil {
		ctx, cancel := a.core.context()
		defer cancel()
		out, err := a.core.Media.Offer(ctx, relay.OfferRequest{
			CallID: a.callID, FromTag: string(m.FromTag()), ToTag: toTag, SDP: sdp, Source: source,
		})
		if err != nil {
			a.failed("offer", err)
			return &proxy.Refusal{Status: 488, Reason: "Media Not Acceptable"}
		}
		a.offered = out
	}
	e.SetBody("", a.offered)
	return nil
}

// answer edits the description in a response to the request: the answer to
// its offer, or an offer when it had none.
func (a *anchor) answer(m *wire.Message, source netip.Addr, e *wire.Edit) {
	sdp, tag := description(m), string(m.ToTag())
	if sdp == nil || m.Status() < 101 {
		return
	}
	done, step := a.answers, "answer"
	if a.offered == nil {
		done, step = a.late, "late offer"
	}
	out, ok := done[tag]
	if early := m.Status() < 200; !ok || a.offered != nil && !early {
		// A 2xx is answered again even if a 183 was before it: it decides
		// which branch of a fork is heard.
		ctx, cancel := a.core.context()
		defer cancel()
		var err error
		if a.offered != nil {
			out, err = a.core.Media.Answer(ctx, relay.AnswerRequest{
				CallID: a.callID, FromTag: string(m.FromTag()), ToTag: tag, SDP: sdp, Source: source, Early: early,
			})
		} else {
			out, err = a.core.Media.Offer(ctx, relay.OfferRequest{
				CallID: a.callID, FromTag: tag, ToTag: string(m.FromTag()), SDP: sdp, Source: source,
			})
		}
		if err != nil {
			a.failed(step, err)
			return
		}
		done[tag] = out
	}
	e.SetBody("", out)
}

// acknowledge edits the answer in the ACK of a 2xx that had the offer.
func (a *anchor) acknowledge(m *wire.Message, source netip.Addr, e *wire.Edit) {
	sdp, tag := description(m), string(m.ToTag())
	if sdp == nil || a.late[tag] == nil {
		return
	}
	out, ok := a.answers[tag]
	if !ok {
		ctx, cancel := a.core.context()
		defer cancel()
		var err error
		out, err = a.core.Media.Answer(ctx, relay.AnswerRequest{
			CallID: a.callID, FromTag: tag, ToTag: string(m.FromTag()), SDP: sdp, Source: source,
		})
		if err != nil {
			a.failed("late answer", err)
			return
		}
		a.answers[tag] = out
	}
	e.SetBody("", out)
}

func (a *anchor) failed(step string, err error) {
	a.core.Stats.MediaFailures.WithLabelValues(step).Inc()
	a.core.Log.Warn("media not anchored", "call_id", a.callID, "step", step, "error", err)
}
