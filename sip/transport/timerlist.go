package transport

import "time"

// timerKind is what a connection is waited for, one thing at a time.
type timerKind uint16

const (
	timerNone      timerKind = iota
	timerHandshake           // Timeouts.Handshake
	timerFirst               // Timeouts.First
	timerIdle                // Timeouts.Idle
	timerPartial             // Timeouts.Partial
	timerPing                // ListenerConfig.Ping; one kind for each listener from here on
)

// timerList holds connections with the same time-out, the next to expire first:
// as all wait equally long, who comes last expires last.
type timerList struct {
	first, last *conn
}

// timerLink is a connection's place in a list.
type timerLink struct {
	prev, next *conn
	at         time.Duration // when it expires, since the endpoint's start
	kind       timerKind
}

func (l *timerList) push(c *conn) {
	c.timer.prev, c.timer.next = l.last, nil
	if l.last != nil {
		l.last.timer.next = c
	} else {
		l.first = c
	}
	l.last = c
}

func (l *timerList) remove(c *conn) {
	t := &c.timer
	if t.prev != nil {
		t.prev.timer.next = t.next
	} else {
		l.first = t.next
	}
	if t.next != nil {
		t.next.timer.prev = t.prev
	} else {
		l.last = t.prev
	}
	t.prev, t.next = nil, nil
}
