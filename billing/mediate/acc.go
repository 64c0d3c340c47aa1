package mediate

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/class5-go/class5/billing"
)

// Acc is a row of transaction accounting, as SIP proxies write one for each
// INVITE and BYE. It knows less than an event of this module's own nodes: a BYE
// does not say to which leg it belongs, so it ends all of its call.
type Acc struct {
	Method         string // INVITE, BYE or REFER
	Code           int    // the final response
	CallID         string // of the leg, suffixes included
	FromTag, ToTag string
	At             billing.Millis // the response
	Init           billing.Millis // the request; At when 0
	Leg            int            // of an INVITE: 0 for the call itself
	Type           billing.CallType
	Refer          string // of a REFER: the Call-ID of the call that goes on
	Caller, Callee billing.Endpoint
	Source         netip.Addr
	Node           string
}

// Event returns what the row reports. A row that reports nothing for billing
// is billing.ErrEvent.
func (a *Acc) Event() (billing.Event, error) {
	e := billing.Event{
		CallID: a.CallID, FromTag: a.FromTag, ToTag: a.ToTag, Leg: a.Leg, Type: a.Type, Init: a.Init, At: a.At,
		Caller: a.Caller, Callee: a.Callee, Source: a.Source, Node: a.Node,
	}
	if e.Init == 0 {
		e.Init = a.At
	}
	success := a.Code >= 200 && a.Code < 300
	switch method := strings.ToUpper(a.Method); {
	case method == "INVITE" && success:
		e.Kind, e.Code, e.Start = billing.EventStart, a.Code, a.At
	case method == "INVITE" && a.Code >= 300:
		e.Kind, e.Code = billing.EventFail, a.Code
	case method == "BYE":
		e.Kind = billing.EventStop // whatever the answer to it was
	case method == "REFER" && success:
		e.Kind, e.Refer = billing.EventTransfer, a.Refer
	default:
		return e, fmt.Errorf("%w: %.20q with code %d", billing.ErrEvent, a.Method, a.Code)
	}
	return e, e.Validate()
}
