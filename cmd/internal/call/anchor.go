package call

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/wire"
)

// anchor puts the relay into the descriptions of one offer and its answers
// (RFC 3264). Either side can offer, in the request or, when that has no
// description, in the response; then the answer comes with ACK or PRACK.
//
// Each message is taken twice: first ask… says what the relay has to be asked
// for it, then, when the answer is there, the method of the same name edits the
// message by what the relay made of this and earlier ones.
type anchor struct {
	core    *Core
	session *session
	from    string // tag of who sent the request
	cseq    uint32 // of the request

	offered map[Profile]*offered // in the request, by how it is said to whom it is for
	first   Profile              // of them: the others are branches of their own for the relay
	answers map[string]*answered // by To tag
	late    map[string]*offered  // and offers in responses, by their To tag
	heard   string               // To tag of the answer that is connected
}

// offered is what the relay made of an offer.
type offered struct {
	out []byte
	err error
}

// answered is one answer: a 2xx is repeated, and after a fork more than one
// party can answer for good.
type answered struct {
	in, out []byte
	err     error  // the relay's, to the answer or to what confirmed it
	branch  string // of the offer that is answered
	source  netip.Addr
	final   bool // it came or was confirmed in a 2xx
}

// maxBranches bounds the To tags of one request that are told apart: whoever
// is called can make up as many as it likes.
const maxBranches = 16

var (
	errForeignBody  = errors.New("the body is no session description")
	errManyBranches = errors.New("too many branches answer")
	errNotAsked     = errors.New("the relay was not asked")
)

func newAnchor(s *session, m *wire.Message) *anchor {
	n, _ := m.CSeq()
	return &anchor{
		core: s.core, session: s, from: string(m.FromTag()), cseq: n,
		offered: map[Profile]*offered{}, answers: map[string]*answered{}, late: map[string]*offered{},
	}
}

// description is the session description of a message, nil when it has no
// body. Any other body is an error: a description could hide in it and lead
// media past the relay.
func description(m *wire.Message) ([]byte, error) {
	if len(m.Body()) == 0 {
		return nil, nil
	}
	if mediaType(m) != "application/sdp" {
		return nil, errForeignBody
	}
	return m.Body(), nil
}

// mediaType is that of the body, in lower case.
func mediaType(m *wire.Message) string {
	h, _ := m.First(wire.HdrContentType)
	kind, _, _ := bytes.Cut(h.Value, []byte(";"))
	return strings.ToLower(string(bytes.TrimSpace(kind)))
}

// askOffer asks for the offer in a request, in each of the forms in which it is
// to leave.
func (a *anchor) askOffer(m *wire.Message, toTag string, source netip.Addr, from Profile, to ...Profile) *question {
	sdp, err := description(m)
	if err != nil || sdp == nil {
		return nil
	}
	var all []*question
	for _, p := range to {
		if a.offered[p] != nil {
			continue
		}
		if len(a.offered)+len(all) == 0 {
			a.first = p
		}
		r := relay.OfferRequest{
			FromTag: a.from, ToTag: toTag, ViaBranch: a.branch(p), SDP: bytes.Clone(sdp), Source: source, Options: options(from, p),
		}
		all = append(all, a.ask(r, func(o *offered) { a.offered[p] = o }))
	}
	return together(all)
}

// branch is the name of a form of the offer for the relay.
func (a *anchor) branch(p Profile) string {
	if p == a.first {
		return ""
	}
	return p.String()
}

// ask gives an offer to the relay.
func (a *anchor) ask(r relay.OfferRequest, then func(o *offered)) *question {
	o := &offered{}
	r.CallID = a.session.id
	if a.session.keys {
		r.Options.InjectDTMF, r.DTMFLog = true, a.core.DigitsTo
	}
	return &question{
		ask:  func(ctx context.Context) { o.out, o.err = a.core.Media.Offer(ctx, r) },
		then: func(time.Time) { then(o) },
	}
}

// offer edits the offer in a request. All branches of a fork that are spoken to
// alike get the same. A call whose media can't be anchored is refused: it would
// pass the relay by.
func (a *anchor) offer(m *wire.Message, to Profile, e *wire.Edit) error {
	sdp, err := description(m)
	switch {
	case err != nil:
		return &proxy.Refusal{Status: 415, Fields: []wire.Field{{Name: "Accept", Value: []byte("application/sdp")}}}
	case sdp == nil:
		return nil
	case a.offered[to] == nil:
		err = errNotAsked
	default:
		err = a.offered[to].err
	}
	if err != nil {
		a.failed("offer", err)
		return refusal(err)
	}
	e.SetBody("", a.offered[to].out)
	return nil
}

// refused is the error of an offer that the relay took in none of its forms.
func (a *anchor) refused() (err error) {
	for _, o := range a.offered {
		if err = o.err; err == nil {
			return nil
		}
	}
	return err
}

// refusal says whose fault it is that an offer was not anchored.
func refusal(err error) *proxy.Refusal {
	for _, ours := range []error{relay.ErrSessions, relay.ErrPorts, relay.ErrClosed, ng.ErrNoNode, context.DeadlineExceeded, context.Canceled, errNotAsked} {
		if errors.Is(err, ours) {
			return &proxy.Refusal{Status: 503, Reason: "Media Not Available"}
		}
	}
	return &proxy.Refusal{Status: 488, Reason: "Media Not Acceptable"}
}

// askAnswer asks for a response of the side with a tag. said is how that side
// was spoken to, and from how the one is that the response goes to.
func (a *anchor) askAnswer(m *wire.Message, tag string, source netip.Addr, early bool, said, from Profile) *question {
	sdp, err := description(m)
	switch {
	case m.Status() < 101, err != nil, sdp == nil && len(a.offered) == 0:
		return nil
	case sdp == nil:
		return a.askConfirm(m, tag, early)
	case len(a.offered) == 0:
		if a.late[tag] != nil || len(a.late) >= maxBranches {
			return nil
		}
		speaks := Same
		if from != Same {
			speaks = spoken(sdp)
		}
		r := relay.OfferRequest{FromTag: tag, ToTag: a.from, SDP: bytes.Clone(sdp), Source: source, Options: options(speaks, from)}
		return a.ask(r, func(o *offered) { a.late[tag] = o })
	}
	// A 2xx is answered even if a 183 was before it, and once: its repeats may
	// come when a later offer is in force.
	x, final := a.answers[tag], m.Status() >= 200
	if x == nil && len(a.answers) >= maxBranches || x != nil && (x.final || !final) {
		return nil
	}
	x = &answered{in: bytes.Clone(sdp), branch: a.branch(said), source: source, final: final}
	return a.tell(a.from, tag, x, early, func(now time.Time, o offered) {
		x.out, x.err = o.out, o.err
		a.answers[tag] = x
		if x.err == nil {
			a.keep(now, tag, final)
		}
	})
}

// askConfirm asks for a 2xx whose answer came with a reliable provisional
// response (RFC 3262).
func (a *anchor) askConfirm(m *wire.Message, tag string, early bool) *question {
	x := a.answers[tag]
	if x == nil || x.final || m.Status() < 200 {
		return nil
	}
	return a.tell(a.from, tag, x, early, func(now time.Time, o offered) {
		if x.err = o.err; x.err == nil {
			x.final = true
			a.keep(now, tag, true)
		}
	})
}

// answer edits the description in a response: the answer to the request's
// offer, or an offer when it had none. After an error the response has no
// description any more, and a call that it answered can't go on.
func (a *anchor) answer(m *wire.Message, tag string, e *wire.Edit) error {
	if m.Status() < 101 {
		return nil
	}
	sdp, err := description(m)
	switch {
	case err != nil:
	case sdp == nil && len(a.offered) == 0:
		return nil
	case sdp == nil:
		x := a.answers[tag]
		if x == nil || m.Status() < 200 || x.err == nil {
			return nil
		}
		err = x.err
	case len(a.offered) == 0:
		if err = a.unknown(len(a.late)); a.late[tag] != nil {
			err = place(e, a.late[tag].out, a.late[tag].err)
		}
	default:
		if err = a.unknown(len(a.answers)); a.answers[tag] != nil {
			err = place(e, a.answers[tag].out, a.answers[tag].err)
		}
	}
	if err != nil {
		a.failed("answer", err)
		dropBody(e)
	}
	return err
}

// unknown is why the relay has made nothing of a description.
func (a *anchor) unknown(branches int) error {
	if branches >= maxBranches {
		return errManyBranches
	}
	return errNotAsked
}

func place(e *wire.Edit, body []byte, err error) error {
	if err == nil {
		e.SetBody("", body)
	}
	return err
}

func dropBody(e *wire.Edit) {
	e.SetBody("", nil)
	e.RemoveAll(wire.HdrContentType)
}

// tell gives an answer to the relay.
func (a *anchor) tell(fromTag, toTag string, x *answered, early bool, then func(time.Time, offered)) *question {
	o := &offered{}
	r := relay.AnswerRequest{
		CallID: a.session.id, FromTag: fromTag, ToTag: toTag, ViaBranch: x.branch, SDP: x.in, Source: x.source, Early: early,
	}
	r.Options.Bundle.Accept, r.Options.InjectDTMF = !a.core.Profiles.off(), a.session.keys
	return &question{
		ask:  func(ctx context.Context) { o.out, o.err = a.core.Media.Answer(ctx, r) },
		then: func(now time.Time) { then(now, *o) },
	}
}

func (a *anchor) failed(step string, err error) {
	a.core.Stats.MediaFailures.WithLabelValues(step).Inc()
	a.core.Log.Debug("media not anchored", "call_id", a.session.callID, "step", step, "error", err)
}
