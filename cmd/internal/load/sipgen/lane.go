package sipgen

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Op is the work of one slot: a state machine that is begun again and again.
// Its methods are called under the lock of its lane.
type Op interface {
	// Begin composes and sends the first message of operation n.
	Begin(n uint64, send Sender)
	// Response takes an answer whose Call-ID names this slot and operation.
	Response(m *wire.Message, send Sender) Verdict
}

// Sender puts one message in line for the target. It must not change until the
// operation hears of an answer or is begun again.
type Sender interface {
	Send(msg []byte)
	// Mark ends the part of the operation whose latency is counted; without a
	// Mark the whole of it is.
	Mark()
}

// Verdict on an operation: one of the constants, or the reason why it has
// failed.
type Verdict string

// Verdicts on operations that have not failed.
const (
	Pending Verdict = ""      // there is more to come
	Done    Verdict = "done"  // ended well
	Stray   Verdict = "stray" // the answer belongs to something that has ended
)

// Lane is one client socket with its slots.
type Lane struct {
	run   *Run
	index int
	// sent is when the operation of a slot sent its latest message, in
	// nanoseconds of Unix time, for servers that want the time of one way.
	sent []atomic.Int64

	mu      sync.Mutex
	slots   []slot
	free    []int // slots without an operation, the longest idle first
	under   int   // slots with one
	window  int   // most of them at once
	udp     datagrams
	streams *bundle // in place of udp
	out     outlet
	current int // slot whose operation runs
	now     time.Time
	view    wire.Message
	server  []transport.Packet // requests of a batch
	figures figures
}

type slot struct {
	op     Op
	n      uint64
	busy   bool
	marked bool
	began  time.Time
}

type figures struct {
	done, failed, lost, late, measured uint64
	reasons                            map[string]uint64
	latency                            meter.Histogram
}

// newLane makes a lane; the slots of one with streams become free as they are
// connected.
func newLane(r *Run, index, window int) (*Lane, error) {
	slots := window
	if s := r.cfg.Streams; s != nil {
		slots = s.Conns / r.cfg.Lanes
	}
	l := &Lane{
		run: r, index: index, slots: make([]slot, slots), sent: make([]atomic.Int64, slots), window: window,
		udp:     datagrams{flow: transport.Flow{Protocol: transport.UDP, Listener: uint8(index)}},
		figures: figures{reasons: make(map[string]uint64)},
	}
	if r.cfg.Streams != nil {
		var err error
		l.streams, err = newBundle(l, r.cfg.Streams)
		return l, err
	}
	for i := range slots {
		l.free = append(l.free, i)
	}
	return l, nil
}

// Addr is the lane's own address, when it is a UDP socket.
func (l *Lane) Addr() netip.AddrPort { return l.run.endpoint.Listener(uint8(l.index)).Addr }

// Protocol is what the lane's messages go over.
func (l *Lane) Protocol() transport.Protocol {
	if s := l.run.cfg.Streams; s != nil {
		return s.Protocol
	}
	return transport.UDP
}

// Index is the lane's number.
func (l *Lane) Index() int { return l.index }

// Send implements Sender for the operation that runs.
func (l *Lane) Send(msg []byte) {
	l.sent[l.current].Store(l.now.UnixNano())
	l.out.send(l.current, msg)
}

// Mark implements Sender.
func (l *Lane) Mark() {
	s := &l.slots[l.current]
	if !s.marked && l.run.Measuring() {
		l.figures.latency.Add(l.now.Sub(s.began))
	}
	s.marked = true
}

// begin starts up to n operations in free slots and sends their messages.
func (l *Lane) begin(now time.Time, out *transport.Outbox, n int) (begun int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	carrier := l.carrier(out)
	for begun < n && l.start(now, carrier) {
		begun++
	}
	carrier.flush()
	return begun
}

// start begins an operation in the slot that was idle longest.
func (l *Lane) start(now time.Time, out outlet) bool {
	if len(l.free) == 0 || l.under >= l.window || !l.run.claim() {
		return false
	}
	i := l.free[0]
	l.free = l.free[1:]
	l.under++
	s := &l.slots[i]
	if s.op == nil {
		s.op = l.run.cfg.Op(l, i)
	}
	s.n++
	s.busy, s.marked, s.began = true, false, now
	l.out, l.current, l.now = out, i, now
	s.op.Begin(s.n, l)
	return true
}

// receive handles a batch: answers by the operations, requests by the server.
func (l *Lane) receive(batch []transport.Packet, out *transport.Outbox) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server = l.server[:0]
	carrier := l.carrier(out)
	now := time.Now()
	for _, p := range batch {
		if len(p.Data) < 8 || string(p.Data[:8]) != "SIP/2.0 " {
			l.server = append(l.server, p)
			continue
		}
		l.answer(now, p, carrier)
	}
	if len(l.server) > 0 && l.run.cfg.Serve != nil {
		l.run.cfg.Serve.ServeSIP(l.server, out)
	}
}

func (l *Lane) answer(now time.Time, p transport.Packet, out outlet) {
	err := l.view.Parse(p.Data, nil)
	id, ok := ParseID(l.view.CallID())
	if !ok || int(id.Lane) != l.index || int(id.Slot) >= len(l.slots) {
		l.figures.reasons["answer to nobody"]++
		return
	}
	i := int(id.Slot)
	s := &l.slots[i]
	if !s.busy {
		l.figures.late++
		return
	}
	l.out, l.current, l.now = out, i, now
	v := Verdict("answer is malformed")
	if err == nil {
		v = s.op.Response(&l.view, l)
	}
	switch v {
	case Pending:
		return
	case Stray:
		l.figures.late++
		return
	case Done:
		l.Mark()
		l.figures.done++
		if l.run.Measuring() {
			l.figures.measured++
		}
	default:
		l.figures.failed++
		l.figures.reasons[string(v)]++
	}
	l.end(i)
	if v == Done && !l.run.paced() {
		l.start(now, out)
	}
}

// end frees a slot, unless its connection is gone.
func (l *Lane) end(i int) {
	l.slots[i].busy = false
	l.under--
	if l.streams == nil || !l.streams.conns[i].gone {
		l.free = append(l.free, i)
	}
}

// sweep gives up operations that have waited too long.
func (l *Lane) sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.slots {
		s := &l.slots[i]
		if s.busy && now.Sub(s.began) > l.run.cfg.Timeout {
			l.figures.lost++
			l.end(i)
		}
	}
}

func (l *Lane) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.under > 0
}

func (l *Lane) collect(r *Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Done += l.figures.done
	r.Failed += l.figures.failed
	r.Lost += l.figures.lost
	r.Late += l.figures.late
	r.Measured += l.figures.measured
	r.Latency.Merge(&l.figures.latency)
	for reason, n := range l.figures.reasons {
		r.Reasons[reason] += n
	}
	r.Begun = r.Done + r.Failed + r.Lost
}
