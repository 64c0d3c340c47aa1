package overload

import "github.com/class5-go/class5/sip/wire"

// Class is how dear a request is when not all can be served: the lower, the
// sooner it is refused.
type Class uint8

// The classes in the order in which they are shed.
const (
	ClassOptions   Class = iota // OPTIONS out of a dialog: pings and scanners
	ClassRegister               // REGISTER without credentials: its answer would be a challenge
	ClassSubscribe              // SUBSCRIBE, PUBLISH, MESSAGE and whatever is named nowhere else
	ClassInvite                 // INVITE: a new call
	ClassRefresh                // REGISTER with credentials: without it a subscriber is lost
	ClassDialog                 // requests in a dialog, ACK, CANCEL: refusing them saves no work
	ClassEmergency              // a call or message to an emergency service

	// Classes is the number of classes.
	Classes = int(ClassEmergency) + 1
)

// String is the class in lower case, meant as a metrics label.
func (c Class) String() string {
	switch c {
	case ClassOptions:
		return "options"
	case ClassRegister:
		return "register"
	case ClassSubscribe:
		return "subscribe"
	case ClassInvite:
		return "invite"
	case ClassRefresh:
		return "refresh"
	case ClassDialog:
		return "dialog"
	case ClassEmergency:
		return "emergency"
	}
	return "unknown"
}

// Classify finds the class of a request; nil for emergency knows no numbers,
// only service URNs. It goes by what the request says of itself: whether a To
// tag is that of a real dialog, and credentials those of a real subscriber, is
// for others to find out, and so is who may call how often.
func Classify(m *wire.Message, emergency *Emergency) Class {
	switch m.Method() {
	case wire.ACK, wire.CANCEL:
		return ClassDialog
	case wire.REGISTER:
		// Never part of a dialog, whatever tag a client leaves in its To (RFC 3261
		// section 10.2).
		if m.Count(wire.HdrAuthorization) > 0 || m.Count(wire.HdrProxyAuthorization) > 0 {
			return ClassRefresh
		}
		return ClassRegister
	}
	if m.ToTag() != nil {
		return ClassDialog
	}
	switch m.Method() {
	case wire.OPTIONS:
		return ClassOptions
	case wire.INVITE:
		if emergency.Matches(m.RequestURI()) {
			return ClassEmergency
		}
		return ClassInvite
	case wire.MESSAGE:
		if emergency.Matches(m.RequestURI()) { // RFC 8876
			return ClassEmergency
		}
	}
	return ClassSubscribe
}
