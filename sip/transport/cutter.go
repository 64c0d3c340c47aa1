package transport

// unitKind is what a cutter found.
type unitKind uint8

const (
	unitNone    unitKind = iota // nothing for anybody: a pong, a part of a message
	unitMessage                 // one SIP message
	unitPing                    // answer with the unit's reply
	unitClose                   // the peer says farewell; answer with the unit's reply
)

// unit is one piece of a stream.
type unit struct {
	kind unitKind
	size int    // bytes of the stream that it takes; 0 asks for more bytes
	data []byte // the message
}

// cutter cuts a stream of bytes into messages.
type cutter interface {
	// next returns the unit at the beginning of b, the bytes not consumed so far,
	// appending what is to be answered to reply. It may change b within the unit.
	next(b, reply []byte) (unit, []byte, error)
	// pending reports whether a message has begun in bytes consumed already.
	pending() bool
	// frame appends msg to dst in the form it has on the wire.
	frame(dst, msg []byte) []byte
	// farewell appends what is to be sent before closing, err being the reason.
	farewell(dst []byte, err error) []byte
}
