package transport

// unitKind is what a cutter found.
type unitKind uint8

const (
	unitNone    unitKind = iota // nothing for anybody: a part of a message
	unitMore                    // more bytes are needed
	unitMessage                 // one SIP message
	unitPing                    // a keep-alive that was answered
	unitClose                   // the peer says farewell
	unitPong                    // a sign of life that wants no answer
)

// unit is one piece of a stream.
type unit struct {
	kind  unitKind
	size  int    // bytes of the stream that are done with
	data  []byte // the message
	hasty bool   // data is valid only until the next call of next
}

// cutter cuts a stream of bytes into messages.
type cutter interface {
	// next returns the unit at the beginning of b, the bytes not done with so
	// far, appending what is to be answered to reply. It may change b within the
	// unit.
	next(b, reply []byte) (unit, []byte, error)
	// held is how many bytes are kept of a message that has begun in bytes done
	// with, 0 if none has.
	held() int
	// refused returns the beginning of the message that next failed on, if it is
	// worth showing to the handler.
	refused() []byte
	// frame appends msg to dst in the form it has on the wire.
	frame(dst, msg []byte) []byte
	// farewell appends what is to be sent before closing, err being the reason
	// or nil.
	farewell(dst []byte, err error) []byte
}
