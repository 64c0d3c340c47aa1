package billing

import (
	"encoding/json"
	"fmt"
	"net/netip"
)

// Bounds of an event. Sanitize brings any event within them.
const (
	maxText  = 1 << 10 // bytes of one text field
	maxMedia = 1 << 15 // bytes of the media figures
	maxLeg   = 1 << 16 // legs of one call

	maxInstant Millis = 253_402_300_799_999 // the end of the year 9999
)

// Event is what a signalling element reports about one call leg. A complete
// set of fields in every event of a leg costs little and lets a leg be billed
// from its last event alone when the others were lost.
type Event struct {
	Kind EventKind `json:"kind"`
	// Seq tells interims of one leg apart; 0 for the other kinds.
	Seq uint32 `json:"seq,omitempty"`

	// CallID is the node-independent Call-ID: that of the caller's own INVITE.
	CallID  string   `json:"call_id"`
	FromTag string   `json:"from_tag"`
	ToTag   string   `json:"to_tag,omitempty"`
	Leg     int      `json:"leg"` // 0 for the call itself, further ones for forwards and transfers
	Type    CallType `json:"type"`

	Init  Millis `json:"init"`            // the INVITE was taken on; the same in all events of a leg
	Start Millis `json:"start,omitempty"` // the 2xx, in start, interim and stop
	At    Millis `json:"at"`              // what this event reports happened then

	Caller Endpoint   `json:"caller"`
	Callee Endpoint   `json:"callee"`
	Source netip.Addr `json:"source,omitzero"` // the caller's address
	Node   string     `json:"node,omitempty"`  // who wrote the event; no part of any key

	// Refer is the Call-ID of the call that goes on, in a transfer.
	Refer string `json:"refer,omitempty"`

	// Code is the final response: 2xx in start and stop, 300 to 699 in fail.
	Code int `json:"code,omitempty"`
	// Evidence is empty for an end that was signalled by BYE or CANCEL.
	// Otherwise it names what the end was concluded from: "media-timeout",
	// "session-expired", "restart".
	Evidence string `json:"evidence,omitempty"`
	// Media holds the media figures of the leg so far. Billing carries them
	// into the record and does not look inside.
	Media json.RawMessage `json:"media,omitempty"`
}

// Endpoint is one side of a call.
type Endpoint struct {
	Subscriber string `json:"subscriber,omitempty"` // identifier of the local subscriber, empty for a foreign one
	Account    string `json:"account,omitempty"`    // identifier of the contract that pays
	User       string `json:"user,omitempty"`       // user and domain of the SIP URI
	Domain     string `json:"domain,omitempty"`
	Number     string `json:"number,omitempty"` // in the normal form that tariffs are written for, E.164 without plus
	Dialled    string `json:"dialled,omitempty"`
	Peer       string `json:"peer,omitempty"` // identifier of the foreign network that the call came from or went to
}

// Key returns the key of the leg that the event belongs to.
func (e *Event) Key() LegKey {
	return NewLegKey(e.CallID, e.FromTag, e.Leg, e.Type, e.Init)
}

// ID returns the identity of the event.
func (e *Event) ID() EventID { return e.Key().eventID(e.Kind, e.Seq) }

// Validate reports what a mediator could not use, as ErrEvent.
func (e *Event) Validate() error {
	bad := func(what string) error { return fmt.Errorf("%w: %s", ErrEvent, what) }
	switch {
	case e.Kind < EventAttempt || e.Kind > EventForward:
		return bad("kind " + e.Kind.String())
	case int(e.Type) >= len(callNames):
		return bad("type " + e.Type.String())
	case e.CallID == "":
		return bad("no Call-ID")
	case e.Kind == EventTransfer && e.Refer == "":
		return bad("a transfer without the Call-ID that it refers to")
	case e.Leg < 0 || e.Leg >= maxLeg:
		return bad("leg index out of range")
	case e.Init <= 0 || e.At <= 0 || e.Start < 0 || max(e.Init, e.At, e.Start) > maxInstant:
		return bad("an instant is missing, before 1970 or after 9999")
	case e.Kind == EventFail && (e.Code < 300 || e.Code > 699):
		return bad(fmt.Sprintf("fail with code %d", e.Code))
	case e.Kind != EventFail && e.Code != 0 && (e.Code < 200 || e.Code > 299):
		return bad(fmt.Sprintf("%s with code %d", e.Kind, e.Code))
	case e.Source.Zone() != "":
		return bad("source address with a zone")
	case len(e.Media) > maxMedia || len(e.Media) > 0 && !json.Valid(e.Media):
		return bad("media figures are not JSON of a bearable size")
	}
	for _, f := range e.texts() {
		if !cleanText(*f) {
			return bad(fmt.Sprintf("text %q", clip(*f)))
		}
	}
	return nil
}

// texts lists the text fields in the order in which they are encoded.
func (e *Event) texts() [20]*string {
	return [20]*string{
		&e.CallID, &e.FromTag, &e.ToTag, &e.Node, &e.Evidence,
		&e.Caller.Subscriber, &e.Caller.Account, &e.Caller.User, &e.Caller.Domain, &e.Caller.Number, &e.Caller.Dialled,
		&e.Callee.Subscriber, &e.Callee.Account, &e.Callee.User, &e.Callee.Domain, &e.Callee.Number, &e.Callee.Dialled,
		&e.Refer, &e.Caller.Peer, &e.Callee.Peer,
	}
}
