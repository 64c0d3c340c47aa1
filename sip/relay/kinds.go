package relay

import (
	"strconv"

	"github.com/class5-go/class5/sip/wire"
)

// Kinds of messages are the methods of requests, "other" for those that package
// wire has no name for, and then the classes of responses.
const (
	methods  = int(wire.MESSAGE) + 1
	numKinds = methods + 6
)

// kind is that of a message that was read.
func kind(m *wire.Message) int {
	if m.IsRequest() {
		return int(m.Method())
	}
	return methods + m.Status()/100 - 1
}

// KindStats counts the messages of one kind that came by one listener, whatever
// became of them. What was refused unread is not in it.
type KindStats struct {
	Listener uint8
	Method   string // of requests: "INVITE", "other"; "" of responses
	Class    string // of responses: "2xx"; "" of requests
	Messages uint64
}

// Kinds returns the messages that went through ServeSIP by listener and kind;
// those that never came are left out.
func (r *Relay) Kinds() (list []KindStats) {
	for _, l := range r.listeners {
		for k := range l.kinds {
			n := l.kinds[k].Load()
			if n == 0 {
				continue
			}
			s := KindStats{Listener: l.index, Messages: n}
			switch {
			case k >= methods:
				s.Class = strconv.Itoa(k-methods+1) + "xx"
			case k == 0:
				s.Method = "other"
			default:
				s.Method = wire.Method(k).String()
			}
			list = append(list, s)
		}
	}
	return list
}

// read reports whether a message with this cause was parsed.
func (c Cause) read() bool {
	switch c {
	case Guarded, Malformed, BadSource, NoListener:
		return false
	}
	return true
}
