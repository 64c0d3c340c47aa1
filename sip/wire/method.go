package wire

// Method is a request method that this package knows. Methods are case-sensitive (RFC 3261 7.1); every other
// name is MethodUnknown, and Message.MethodName has its text.
type Method uint8

// The methods of RFC 3261, 3262, 3265/6665, 3311, 3428, 3515, 3903 and 6086.
const (
	MethodUnknown Method = iota
	INVITE
	ACK
	BYE
	CANCEL
	OPTIONS
	REGISTER
	PRACK
	UPDATE
	SUBSCRIBE
	NOTIFY
	PUBLISH
	INFO
	REFER
	MESSAGE

	numMethods
)

var methodNames = [numMethods]string{
	"", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "SUBSCRIBE", "NOTIFY",
	"PUBLISH", "INFO", "REFER", "MESSAGE",
}

// String is the method's name, "" for MethodUnknown.
func (m Method) String() string {
	if m >= numMethods {
		return ""
	}
	return methodNames[m]
}

// LookupMethod finds a method by its exact name.
func LookupMethod(name []byte) Method {
	switch string(name) {
	case "INVITE":
		return INVITE
	case "ACK":
		return ACK
	case "BYE":
		return BYE
	case "CANCEL":
		return CANCEL
	case "OPTIONS":
		return OPTIONS
	case "REGISTER":
		return REGISTER
	case "PRACK":
		return PRACK
	case "UPDATE":
		return UPDATE
	case "SUBSCRIBE":
		return SUBSCRIBE
	case "NOTIFY":
		return NOTIFY
	case "PUBLISH":
		return PUBLISH
	case "INFO":
		return INFO
	case "REFER":
		return REFER
	case "MESSAGE":
		return MESSAGE
	}
	return MethodUnknown
}
