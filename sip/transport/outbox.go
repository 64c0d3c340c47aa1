package transport

// Outbox collects messages and sends them together, with one system call for
// many datagrams of a socket and one write for messages that follow each other
// on a connection. It belongs to one goroutine at a time.
type Outbox struct {
	e       *Endpoint
	turn    int          // which of a listener's sockets to send from
	udp     []*sendBatch // by listener, made on first use
	streams []streamMessage
	arena   arena
	scratch []byte
	refused int // messages of the batch being handled
}

type streamMessage struct {
	c   *conn
	msg []byte
}

func (e *Endpoint) newOutbox(turn int) *Outbox {
	return &Outbox{e: e, turn: turn, udp: make([]*sendBatch, len(e.listeners))}
}

// Outbox makes an Outbox for a goroutine that sends much by itself; its owner
// calls Flush.
func (e *Endpoint) Outbox() *Outbox { return e.newOutbox(int(e.turns.Add(1) & 0xff)) }

// Buffer returns an empty slice with room to append one message to, for Send.
// Until Send is called, the next Buffer returns the same room. A message that
// needs more than the slice's capacity may grow out of it.
func (o *Outbox) Buffer() []byte { return o.arena.room() }

// Send puts msg in line for flow, of which Local may be zero. msg must not
// change until the Outbox is flushed. The error says at once what will not be
// sent: ErrFlowGone, ErrTooLarge, ErrNoListener; what fails later is counted
// only. An empty message is not sent.
func (o *Outbox) Send(flow Flow, msg []byte) error {
	l, err := o.e.check(&flow, len(msg))
	var c *conn
	if err == nil && flow.Protocol != UDP {
		if c = o.e.conns.find(&flow); c == nil {
			err = ErrFlowGone
		}
	}
	switch {
	case err != nil:
		if l != nil {
			l.refuse(err)
		}
		return err
	case len(msg) == 0:
		return nil
	}
	o.arena.keep(msg)
	if c != nil {
		o.streams = append(o.streams, streamMessage{c, msg})
		return nil
	}
	o.addDatagram(l, flow, msg)
	return nil
}

func (o *Outbox) addDatagram(l *listener, flow Flow, msg []byte) {
	b := o.udp[flow.Listener]
	if b == nil {
		b = newSendBatch(l.udp[o.turn%len(l.udp)], l.cfg.Batch)
		o.udp[flow.Listener] = b
	}
	b.add(&flow, msg)
	if o.e.cfg.Tap != nil {
		if !flow.Local.IsValid() {
			flow.Local = l.info.source()
		}
		o.e.cfg.Tap(Sent, flow, msg, o.e.cfg.Now())
	}
	if b.full() {
		_ = b.flush() // counted
	}
}

// Refused tells the endpoint that n messages of the batch being handled were not
// worth reading. While nearly all datagrams are like that, and no more of them
// come than can be read, sockets are looked at every millisecond and not at
// every datagram: waking up costs more than refusing. Messages among them wait as
// long at most.
func (o *Outbox) Refused(n int) { o.refused += n }

// Flush sends what is in line. The Outbox given to ServeSIP is flushed by the
// endpoint.
func (o *Outbox) Flush() { _ = o.flush() }

// flush returns the last error, for the one who sends a single message.
func (o *Outbox) flush() (err error) {
	for _, b := range o.udp {
		if b == nil {
			continue
		}
		if e := b.flush(); e != nil {
			err = e
		}
	}
	for rest := o.streams; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].c == rest[0].c {
			n++
		}
		if e := rest[0].c.send(rest[:n], &o.scratch); e != nil {
			err = e
		}
		rest = rest[n:]
	}
	clear(o.streams) // hold no connection longer than needed
	o.streams = o.streams[:0]
	o.arena.reset()
	return err
}
