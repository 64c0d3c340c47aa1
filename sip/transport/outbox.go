package transport

import "errors"

// Outbox collects messages and sends them together, with one system call for
// many datagrams of a socket. It belongs to one goroutine at a time.
type Outbox struct{}

// Buffer returns an empty slice with room to append one message to, for Send.
// Until Send is called, the next Buffer returns the same room.
func (o *Outbox) Buffer() []byte { return nil }

// Send puts msg in line for flow. msg must not change until the Outbox is
// flushed. The error says at once what will not be sent: ErrFlowGone,
// ErrTooLarge, ErrNoListener; what fails later is counted only.
func (o *Outbox) Send(flow Flow, msg []byte) error { return errors.ErrUnsupported }

// Flush sends what is in line. The one given to ServeSIP is flushed by the
// endpoint.
func (o *Outbox) Flush() {}
