package sipgomsg

import (
	"errors"
	"fmt"

	"github.com/emiago/sipgo/sip"

	"github.com/class5-go/class5/sip/wire"
)

// ErrKind is returned when a request is converted as response or the other way round.
var ErrKind = errors.New("sipgomsg: message is of the other kind")

// ErrURI is returned for a URI that sipgo has no form for: one whose scheme holds a dot, for instance.
var ErrURI = errors.New("sipgomsg: URI has no form in sipgo")

// Request converts a request that wire has accepted. It fails with ErrURI, or with a *wire.Error for what Parse leaves
// to its reader, such as a malformed sip URI in From.
func Request(m *wire.Message) (*sip.Request, error) {
	if !m.IsRequest() {
		return nil, ErrKind
	}
	target, err := uri(m.RequestURI())
	if err != nil {
		return nil, fmt.Errorf("sipgomsg: Request-URI: %w", err)
	}
	req := sip.NewRequest(sip.RequestMethod(m.MethodName()), target)
	if err := appendHeaders(req, m); err != nil {
		return nil, err
	}
	req.SetBody(body(m))
	return req, nil
}

// Response converts a response that wire has accepted.
func Response(m *wire.Message) (*sip.Response, error) {
	if m.IsRequest() || m.Status() == 0 {
		return nil, ErrKind
	}
	res := sip.NewResponse(m.Status(), string(m.ReasonPhrase()))
	if err := appendHeaders(res, m); err != nil {
		return nil, err
	}
	res.SetBody(body(m))
	return res, nil
}

func body(m *wire.Message) []byte {
	if len(m.Body()) == 0 {
		return nil
	}
	return append([]byte(nil), m.Body()...)
}

// builder is what sip.Request and sip.Response share.
type builder interface {
	AppendHeader(sip.Header)
}

func appendHeaders(to builder, m *wire.Message) error {
	typed := map[wire.HeaderID]bool{}
	for _, id := range []wire.HeaderID{wire.HdrRoute, wire.HdrRecordRoute, wire.HdrReferTo} {
		typed[id] = onlyURIs(m, id)
	}
	for i := range m.Len() {
		h := m.At(i)
		if err := appendHeader(to, m, h, typed[h.ID]); err != nil {
			return fmt.Errorf("sipgomsg: %s: %w", h.ID, err)
		}
	}
	return nil
}

// onlyURIs reports whether no value of id has a display name or header parameters, which sipgo's types for it would
// lose. It is all or nothing for a header: sipgo takes the first typed one for the first.
func onlyURIs(m *wire.Message, id wire.HeaderID) bool {
	for v := m.Values(id); v.Next(); {
		n, err := v.NameAddr()
		if err != nil || len(n.Display) > 0 || len(n.Params) > 0 {
			return false
		}
	}
	return true
}

func appendHeader(to builder, m *wire.Message, h wire.Header, typed bool) error {
	switch h.ID {
	case wire.HdrVia, wire.HdrRoute, wire.HdrRecordRoute, wire.HdrPath, wire.HdrServiceRoute, wire.HdrContact, wire.HdrFrom,
		wire.HdrTo, wire.HdrReferTo, wire.HdrReferredBy, wire.HdrPAssertedIdentity, wire.HdrPPreferredIdentity:
		for value := range wire.SplitValues(h.Value) {
			header, err := addressHeader(h.ID, value, typed)
			if err != nil {
				return err
			}
			to.AppendHeader(header)
		}
		return nil
	case wire.HdrCallID:
		id := sip.CallIDHeader(h.Value)
		to.AppendHeader(&id)
	case wire.HdrCSeq:
		n, method := m.CSeq()
		to.AppendHeader(&sip.CSeqHeader{SeqNo: n, MethodName: sip.RequestMethod(method)})
	case wire.HdrMaxForwards:
		n, _ := m.MaxForwards()
		hops := sip.MaxForwardsHeader(n)
		to.AppendHeader(&hops)
	case wire.HdrContentLength:
		// SetBody writes it.
	case wire.HdrContentType:
		kind := sip.ContentTypeHeader(unfold(h.Value))
		to.AppendHeader(&kind)
	case wire.HdrOther:
		to.AppendHeader(sip.NewHeader(string(h.Name), unfold(h.Value)))
	default:
		to.AppendHeader(sip.NewHeader(h.ID.Name(), unfold(h.Value)))
	}
	return nil
}

func unfold(value []byte) string { return string(wire.AppendPlain(nil, value)) }
