package call

import (
	"bytes"
	"errors"
	"net/netip"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/wire"
)

// anchor puts the relay into the descriptions of one offer and its answers
// (RFC 3264). Either side can offer, in the request or, when that has no
// description, in the response; then the answer comes with ACK or PRACK.
type anchor struct {
	core   *Core
	id     string // of the media session
	callID string
	cseq   uint32 // of the request

	offered []byte               // what the relay made of the offer in the request
	answers map[string]*answered // by To tag
	late    map[string][]byte    // and of offers in responses, by their To tag
	heard   string               // To tag of the answer that is connected
}

// answered is one answer: a 2xx is repeated, and after a fork more than one
// party can answer for good.
type answered struct {
	in, out []byte
	source  netip.Addr
	final   bool // it came or was confirmed in a 2xx
}

// maxBranches bounds the To tags of one request that are told apart: whoever
// is called can make up as many as it likes.
const maxBranches = 16

var (
	errForeignBody  = errors.New("the body is no session description")
	errManyBranches = errors.New("too many branches answer")
)

func newAnchor(c *Core, id string, m *wire.Message) *anchor {
	n, _ := m.CSeq()
	return &anchor{
		core: c, id: id, callID: string(m.CallID()), cseq: n,
		answers: map[string]*answered{}, late: map[string][]byte{},
	}
}

// description is the session description of a message, nil when it has no
// body. Any other body is an error: a description could hide in it and lead
// media past the relay.
func description(m *wire.Message) ([]byte, error) {
	if len(m.Body()) == 0 {
		return nil, nil
	}
	h, _ := m.First(wire.HdrContentType)
	kind, _, _ := bytes.Cut(h.Value, []byte(";"))
	if !wire.EqualFold(bytes.TrimSpace(kind), "application/sdp") {
		return nil, errForeignBody
	}
	return m.Body(), nil
}

// offer edits the offer in a request. All branches of a fork get the same.
// A call whose media can't be anchored is refused: it would pass the relay by.
func (a *anchor) offer(m *wire.Message, toTag string, source netip.Addr, e *wire.Edit) error {
	sdp, err := description(m)
	if err != nil {
		return &proxy.Refusal{Status: 415, Fields: []wire.Field{{Name: "Accept", Value: []byte("application/sdp")}}}
	}
	if sdp == nil {
		return nil
	}
	if a.offered == nil {
		ctx, cancel := a.core.context()
		defer cancel()
		out, err := a.core.Media.Offer(ctx, relay.OfferRequest{
			CallID: a.id, FromTag: string(m.FromTag()), ToTag: toTag, SDP: sdp, Source: source,
		})
		if err != nil {
			a.failed("offer", err)
			return refusal(err)
		}
		a.offered = out
	}
	e.SetBody("", a.offered)
	return nil
}

// refusal says whose fault it is that an offer was not anchored.
func refusal(err error) *proxy.Refusal {
	for _, ours := range []error{relay.ErrSessions, relay.ErrPorts, relay.ErrClosed} {
		if errors.Is(err, ours) {
			return &proxy.Refusal{Status: 503, Reason: "Media Not Available"}
		}
	}
	return &proxy.Refusal{Status: 488, Reason: "Media Not Acceptable"}
}

// answer edits the description in a response to the request: the answer to
// its offer, or an offer when it had none. After an error the response has no
// description any more, and a call that it answered can't go on.
func (a *anchor) answer(m *wire.Message, source netip.Addr, early bool, e *wire.Edit) error {
	if m.Status() < 101 {
		return nil
	}
	sdp, err := description(m)
	tag := string(m.ToTag())
	switch {
	case err != nil:
	case sdp == nil && a.offered == nil:
		return nil
	case sdp == nil:
		return a.confirm(m, tag, early)
	case a.offered == nil:
		err = a.offerLate(m, tag, sdp, source, e)
	default:
		err = a.connect(m, tag, sdp, source, early, e)
	}
	if err != nil {
		a.failed("answer", err)
		dropBody(e)
	}
	return err
}

func dropBody(e *wire.Edit) {
	e.SetBody("", nil)
	e.RemoveAll(wire.HdrContentType)
}

// connect takes an answer to the offer in the request.
func (a *anchor) connect(m *wire.Message, tag string, sdp []byte, source netip.Addr, early bool, e *wire.Edit) error {
	x := a.answers[tag]
	if x == nil && len(a.answers) >= maxBranches {
		return errManyBranches
	}
	// A 2xx is answered even if a 183 was before it, and once: its repeats may
	// come when a later offer is in force.
	if final := m.Status() >= 200; x == nil || final && !x.final {
		x = &answered{in: bytes.Clone(sdp), source: source, final: final}
		out, err := a.tell(string(m.FromTag()), tag, x, early)
		if err != nil {
			return err
		}
		x.out = out
		a.answers[tag] = x
		a.keep(string(m.FromTag()), tag, final)
	}
	e.SetBody("", x.out)
	return nil
}

// confirm takes a 2xx whose answer came with a reliable provisional response
// (RFC 3262).
func (a *anchor) confirm(m *wire.Message, tag string, early bool) error {
	x := a.answers[tag]
	if x == nil || x.final || m.Status() < 200 {
		return nil
	}
	if _, err := a.tell(string(m.FromTag()), tag, x, early); err != nil {
		a.failed("answer", err)
		return err
	}
	x.final = true
	a.keep(string(m.FromTag()), tag, true)
	return nil
}

// keep leaves the first 2xx connected when others follow: which of them the
// caller takes is seen by its ACK.
func (a *anchor) keep(fromTag, tag string, final bool) {
	switch {
	case a.heard == "" && final:
		a.heard = tag
	case a.heard != "" && a.heard != tag:
		if _, err := a.tell(fromTag, a.heard, a.answers[a.heard], false); err != nil {
			a.failed("answer", err)
		}
	}
}

// choose connects the branch that the caller talks to from now on.
func (a *anchor) choose(fromTag, tag string) {
	x := a.answers[tag]
	if a.offered == nil || x == nil || !x.final || a.heard == tag {
		return
	}
	if _, err := a.tell(fromTag, tag, x, false); err != nil {
		a.failed("answer", err)
		return
	}
	a.heard = tag
}

// tell gives an answer to the relay.
func (a *anchor) tell(fromTag, toTag string, x *answered, early bool) ([]byte, error) {
	ctx, cancel := a.core.context()
	defer cancel()
	return a.core.Media.Answer(ctx, relay.AnswerRequest{
		CallID: a.id, FromTag: fromTag, ToTag: toTag, SDP: x.in, Source: x.source, Early: early,
	})
}

// offerLate takes an offer in a response.
func (a *anchor) offerLate(m *wire.Message, tag string, sdp []byte, source netip.Addr, e *wire.Edit) error {
	out := a.late[tag]
	if out == nil {
		if len(a.late) >= maxBranches {
			return errManyBranches
		}
		ctx, cancel := a.core.context()
		defer cancel()
		var err error
		out, err = a.core.Media.Offer(ctx, relay.OfferRequest{
			CallID: a.id, FromTag: tag, ToTag: string(m.FromTag()), SDP: sdp, Source: source,
		})
		if err != nil {
			return err
		}
		a.late[tag] = out
	}
	e.SetBody("", out)
	return nil
}

// owes reports whether the offer in a response with this To tag waits for its
// answer.
func (a *anchor) owes(tag []byte) bool {
	return a.late[string(tag)] != nil && a.answers[string(tag)] == nil
}

// acknowledge edits the answer in the ACK of a 2xx that had the offer, or in
// the PRACK of such a provisional response.
func (a *anchor) acknowledge(m *wire.Message, source netip.Addr, early bool, e *wire.Edit) error {
	sdp, err := description(m)
	tag := string(m.ToTag())
	if err == nil && (sdp == nil || a.late[tag] == nil) {
		return nil
	}
	if err == nil {
		x := a.answers[tag]
		if x == nil {
			x = &answered{in: bytes.Clone(sdp), source: source, final: true}
			x.out, err = a.tell(tag, string(m.FromTag()), x, early)
		}
		if err == nil {
			a.answers[tag] = x
			e.SetBody("", x.out)
			return nil
		}
	}
	a.failed("late answer", err)
	dropBody(e)
	return err
}

func (a *anchor) failed(step string, err error) {
	a.core.Stats.MediaFailures.WithLabelValues(step).Inc()
	a.core.Log.Debug("media not anchored", "call_id", a.callID, "step", step, "error", err)
}
