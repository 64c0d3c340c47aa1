package transport

import (
	"sync"
	"time"
)

// roundConns is how many connections are read before what their messages gave
// rise to is sent: enough to fill a batch of datagrams, few enough for a small
// delay and little memory.
const roundConns = 64

// loop reads and times a share of the connections on one goroutine, which calls
// the handler too. A connection belongs to it from register until its end.
//
// Locks are taken in the order sock.mu, loop.mu.
type loop struct {
	e    *Endpoint
	poll *poller
	done chan struct{} // closed when no more is read

	mu      sync.Mutex
	dead    bool
	slots   []slot
	free    []uint32
	timers  []timerList // by timerKind
	writing map[*conn]struct{}
	inbox   []*conn // to be read without an event
	due     []*conn

	// Of the loop's goroutine:
	work    *streamWork
	ready   []*conn // to be read in the next round
	next    []*conn
	touched []*conn // read in this round
	tick    time.Duration
	ticked  time.Duration
}

// slot is the place of a connection in a loop. The sequence number keeps an
// event that was under way when it ended from its successor.
type slot struct {
	c   *conn
	seq uint32
}

// loopFor returns the loop for the next connection, started if need be.
func (e *Endpoint) loopFor() (*loop, error) {
	e.loopMu.Lock()
	defer e.loopMu.Unlock()
	i := e.loopNext % len(e.loops)
	e.loopNext++
	if e.loops[i] != nil {
		return e.loops[i], nil
	}
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	lp := &loop{
		e: e, poll: p, done: make(chan struct{}), slots: make([]slot, 1), writing: make(map[*conn]struct{}),
		timers: make([]timerList, int(timerPing)+len(e.listeners)), work: e.newStreamWork(), tick: e.cfg.Timeouts.tick(),
	}
	if !e.writers.run(lp.run) {
		p.close()
		return nil, ErrClosed
	}
	e.loops[i] = lp
	return lp, nil
}

// tick is how often time-outs are looked for: they come late by that much at
// most.
func (t *Timeouts) tick() time.Duration {
	least := min(t.Handshake, t.Partial, t.First, t.Write)
	if t.Idle > 0 {
		least = min(least, t.Idle)
	}
	return min(max(least/4, time.Millisecond), 500*time.Millisecond)
}

// elapsed is the time since the endpoint was made, by a clock that nobody sets.
func (e *Endpoint) elapsed() time.Duration { return time.Since(e.born) }

// register makes c a connection of the loop.
func (lp *loop) register(c *conn, kind timerKind) error {
	lp.mu.Lock()
	defer lp.mu.Unlock()
	if lp.dead {
		return ErrClosed
	}
	var i uint32
	if n := len(lp.free); n > 0 {
		i, lp.free = lp.free[n-1], lp.free[:n-1]
	} else {
		i = uint32(len(lp.slots))
		lp.slots = append(lp.slots, slot{})
	}
	lp.slots[i].c = c
	c.id = uint64(lp.slots[i].seq)<<32 | uint64(i)
	lp.setTimer(c, kind)
	return lp.poll.add(c.sock.fd, c.id)
}

// adopt takes over a connection whose handshake is done.
func (lp *loop) adopt(c *conn, kind timerKind) {
	lp.mu.Lock()
	defer lp.mu.Unlock()
	if lp.dead || lp.find(c.id) != c {
		return
	}
	c.knock = nil
	lp.setTimer(c, kind)
	lp.inbox = append(lp.inbox, c)
	lp.poll.wake()
}

// remove forgets c; what it wanted charged is given back.
func (lp *loop) remove(c *conn) {
	lp.mu.Lock()
	defer lp.mu.Unlock()
	if c.id == 0 || lp.find(c.id) != c {
		return
	}
	if c.timer.kind != timerNone {
		lp.timers[c.timer.kind].remove(c)
		c.timer.kind = timerNone
	}
	i := uint32(c.id)
	lp.slots[i] = slot{seq: lp.slots[i].seq + 1}
	lp.free = append(lp.free, i)
	lp.poll.remove(c.id)
	delete(lp.writing, c)
	c.knocked()
	lp.e.memory.Add(-int64(c.charged))
	c.charged = 0
	if lp.e.closed.Load() && !lp.dead {
		lp.poll.wake()
	}
}

// find returns the connection of an id, nil when it has ended.
func (lp *loop) find(id uint64) *conn {
	if i := uint32(id); int(i) < len(lp.slots) && lp.slots[i].seq == uint32(id>>32) {
		return lp.slots[i].c
	}
	return nil
}

// setTimer lets c expire by kind and by nothing else. Its caller holds lp.mu.
func (lp *loop) setTimer(c *conn, kind timerKind) {
	t := lp.e.cfg.Timeouts
	var after time.Duration
	switch kind {
	case timerHandshake:
		after = t.Handshake
	case timerFirst:
		after = t.First
	case timerIdle:
		after = t.Idle
	case timerPartial:
		after = t.Partial
	default:
		after = c.l.cfg.Ping
	}
	if c.timer.kind != timerNone {
		lp.timers[c.timer.kind].remove(c)
	}
	if c.timer.kind = kind; after <= 0 { // never idle
		c.timer.kind = timerNone
		return
	}
	c.timer.at = lp.e.elapsed() + after
	lp.timers[kind].push(c)
}

// run is the goroutine.
func (lp *loop) run() {
	defer lp.end()
	lp.poll.setDeadline(time.Now().Add(lp.tick))
	stopped := false
	for {
		n, err := lp.poll.wait(len(lp.ready) == 0)
		if err != nil {
			lp.e.cfg.Logger.Error("sip transport: poll", "error", err)
			time.Sleep(lp.tick) // not seen to happen; must not spin
		}
		if lp.e.stopping.Load() && !stopped {
			stopped = true
			lp.settle()
			close(lp.done)
		}
		for i := range n {
			lp.handle(lp.poll.event(i), stopped)
		}
		if !stopped {
			lp.round()
		}
		if now := lp.e.elapsed(); now-lp.ticked >= lp.tick {
			lp.ticked = now
			lp.poll.setDeadline(time.Now().Add(lp.tick))
			lp.expire(now, stopped)
		}
		if stopped && lp.finished() {
			return
		}
	}
}

// finished reports whether Serve is over and no queue is left to be written.
func (lp *loop) finished() bool {
	lp.mu.Lock()
	defer lp.mu.Unlock()
	return lp.e.closed.Load() && len(lp.writing) == 0
}

func (lp *loop) end() {
	lp.mu.Lock()
	lp.dead = true
	lp.poll.close()
	lp.mu.Unlock()
}

// handle takes one event.
func (lp *loop) handle(ev event, stopped bool) {
	lp.mu.Lock()
	c := lp.find(ev.id)
	shaking := c != nil && c.knocked()
	lp.mu.Unlock()
	if c == nil {
		return
	}
	if ev.write {
		c.sock.flush()
	}
	if shaking || stopped || !ev.read {
		return
	}
	c.sock.drained = false
	c.hup = c.hup || ev.end
	lp.enlist(c)
}

func (lp *loop) enlist(c *conn) {
	if !c.listed {
		c.listed = true
		lp.ready = append(lp.ready, c)
	}
}

// round reads every connection that has something, once.
func (lp *loop) round() {
	lp.mu.Lock()
	for i, c := range lp.inbox {
		lp.enlist(c)
		lp.inbox[i] = nil
	}
	lp.inbox = lp.inbox[:0]
	lp.mu.Unlock()
	if len(lp.ready) == 0 {
		return
	}
	lp.work.now = lp.e.cfg.Now()
	lp.next = lp.next[:0]
	for i, c := range lp.ready {
		lp.ready[i] = nil
		c.listed = false
		if c.step(lp) {
			c.listed = true
			lp.next = append(lp.next, c)
		}
		if len(lp.touched) == roundConns {
			lp.settle()
		}
	}
	lp.settle()
	lp.ready, lp.next = lp.next, lp.ready
}

// settle sends what the handler wants sent and then gives back, or keeps, the
// bytes that were lent to it.
func (lp *loop) settle() {
	lp.work.out.Flush()
	for i, c := range lp.touched {
		c.settle()
		lp.touched[i] = nil
	}
	lp.touched = lp.touched[:0]
}

// expire ends what took too long.
func (lp *loop) expire(now time.Duration, stopped bool) {
	lp.mu.Lock()
	lp.due = lp.due[:0]
	for kind := range lp.timers {
		for c := lp.timers[kind].first; c != nil && c.timer.at <= now && !stopped; c = c.timer.next {
			lp.due = append(lp.due, c)
		}
	}
	timed := len(lp.due)
	for c := range lp.writing {
		lp.due = append(lp.due, c)
	}
	lp.mu.Unlock()
	for i, c := range lp.due {
		if i < timed {
			c.expired()
		} else {
			c.sock.expire(now)
		}
		lp.due[i] = nil
	}
}

// stopStreams makes every loop stop reading and returns when the handler has
// returned for the last time to them; it ends the handshakes.
func (e *Endpoint) stopStreams() {
	for _, c := range e.conns.all() {
		if !c.ready.Load() {
			c.fail(CloseShutdown)
		}
	}
	for _, lp := range e.wakeLoops() {
		<-lp.done
	}
}

// wakeLoops lets the loops see what has changed.
func (e *Endpoint) wakeLoops() []*loop {
	e.loopMu.Lock()
	defer e.loopMu.Unlock()
	var started []*loop
	for _, lp := range e.loops {
		if lp == nil {
			continue
		}
		started = append(started, lp)
		lp.mu.Lock()
		if !lp.dead {
			lp.poll.wake()
		}
		lp.mu.Unlock()
	}
	return started
}
