package sdp

import "strings"

// Direction says which way media flows, seen from the party that wrote the
// description.
type Direction uint8

// The four directions of RFC 8866 section 6.7. The zero value is the default
// of a description that has no direction attribute.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// String is the attribute's name.
func (d Direction) String() string {
	switch d {
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	case Inactive:
		return "inactive"
	}
	return "sendrecv"
}

// Reverse is the same flow seen from the other party: what an answerer that
// has no wish of its own says (RFC 3264 section 6.1).
func (d Direction) Reverse() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	}
	return d
}

// Sends tells whether the describing party intends to send.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives tells whether the describing party is ready to receive.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// And is the direction that remains when both limits hold.
func (d Direction) And(o Direction) Direction {
	send, recv := d.Sends() && o.Sends(), d.Receives() && o.Receives()
	switch {
	case send && recv:
		return SendRecv
	case send:
		return SendOnly
	case recv:
		return RecvOnly
	}
	return Inactive
}

func parseDirection(name string) (Direction, bool) {
	for d := SendRecv; d <= Inactive; d++ {
		if strings.EqualFold(name, d.String()) {
			return d, true
		}
	}
	return SendRecv, false
}

func direction(lines []line) (Direction, bool) {
	for _, l := range lines {
		if name, _, ok := l.attr(); ok {
			if d, ok := parseDirection(name); ok {
				return d, true
			}
		}
	}
	return SendRecv, false
}
