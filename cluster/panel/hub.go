package panel

import (
	"context"
	"errors"
	"time"
)

// tick is how often the state is looked at while somebody watches.
const tick = time.Second

// state is what a moment looks like, ready to be sent.
type state struct {
	id       string // differs from that of every other state
	overview []byte // fragments of the overview
}

// client is a browser that listens. The hub alone sends on c.
type client struct {
	c    chan *state
	seen string
}

// hub looks at the state once for all who watch and tells them when it
// changed. One goroutine owns the clients. A slow client misses states, not
// the newest one.
type hub struct {
	watch  func(ctx context.Context, last *state) (*state, error)
	join   chan *client
	leave  chan *client
	slots  chan struct{}
	closed chan struct{} // run has ended
	once   chan struct{}
}

func newHub(limit int, watch func(context.Context, *state) (*state, error)) *hub {
	return &hub{
		watch: watch, join: make(chan *client), leave: make(chan *client),
		slots: make(chan struct{}, limit), closed: make(chan struct{}), once: make(chan struct{}, 1),
	}
}

func (h *hub) run(ctx context.Context) error {
	select {
	case h.once <- struct{}{}:
	default:
		return errors.New("panel: Run was called twice")
	}
	defer close(h.closed)
	clients := map[*client]struct{}{}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var now *state
	for {
		select {
		case <-ctx.Done():
			return nil
		case c := <-h.join:
			clients[c] = struct{}{}
		case c := <-h.leave:
			delete(clients, c)
		case <-ticker.C:
			if len(clients) == 0 {
				continue
			}
			if next := h.look(ctx, now); next != nil {
				now = next
			}
			if now != nil {
				tell(clients, now)
			}
		}
	}
}

// look bounds the time for a look: a node that hangs must not stop the hub.
func (h *hub) look(ctx context.Context, last *state) *state {
	ctx, cancel := context.WithTimeout(ctx, 2*tick)
	defer cancel()
	next, err := h.watch(ctx, last)
	if err != nil {
		return nil
	}
	return next
}

func tell(clients map[*client]struct{}, now *state) {
	for c := range clients {
		if c.seen == now.id {
			continue
		}
		c.seen = now.id
		select {
		case <-c.c: // the client did not take the one before: drop that
		default:
		}
		c.c <- now
	}
}

var (
	errFull   = errors.New("panel: too many streams")
	errClosed = errors.New("panel: shutting down")
)

// listen calls send with each new state until ctx is done, the hub ends, or
// send fails. seen is the state that the browser has.
func (h *hub) listen(ctx context.Context, seen string, idle time.Duration, send func(*state) error) error {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return errFull
	}
	c := &client{c: make(chan *state, 1), seen: seen}
	select {
	case h.join <- c:
	case <-h.closed:
		return errClosed
	case <-ctx.Done():
		return nil
	}
	defer func() {
		select {
		case h.leave <- c:
		case <-h.closed:
		}
	}()
	beat := time.NewTicker(idle)
	defer beat.Stop()
	if err := send(nil); err != nil { // the browser learns that it is connected
		return err
	}
	for {
		var s *state
		select {
		case <-ctx.Done():
			return nil
		case <-h.closed:
			return nil
		case s = <-c.c:
		case <-beat.C:
		}
		if err := send(s); err != nil {
			return err
		}
	}
}
