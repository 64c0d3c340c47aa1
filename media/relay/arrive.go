package relay

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/rtpwire"
)

// Arrivals takes the sessions that another process of this host hands over.
type Arrivals struct {
	r      *Relay
	frames map[int]Frames
}

// Arrivals begins a take-over. It is to be done before [Relay.Run], so that no
// session moves before the other process has left it.
func (r *Relay) Arrivals() *Arrivals { return &Arrivals{r, map[int]Frames{}} }

// Take goes on with a session, at its very sockets, which are the relay's from
// now on, also after an error. An error leaves nothing behind; see
// [Relay.Import].
func (a *Arrivals) Take(ctx context.Context, h Handed) error {
	c := &carried{handed: &h, sockets: map[netip.AddrPort]int{}, arrivals: a}
	for _, d := range h.Sockets {
		c.sockets[d.Local] = d.FD
	}
	err := a.r.receive(ctx, &h.State, c, 0)
	for _, fd := range c.sockets { // what nobody wanted
		_ = unix.Close(fd)
	}
	return err
}

// carried is what comes with a state from a process that still has it.
type carried struct {
	handed   *Handed
	sockets  map[netip.AddrPort]int
	arrivals *Arrivals
}

// socket takes the descriptor of an address.
func (c *carried) socket(a netip.AddrPort) (fd int, ok bool) {
	if c == nil {
		return 0, false
	}
	fd, ok = c.sockets[a]
	delete(c.sockets, a)
	return fd, ok
}

// PlayingState is what a party hears in place of the other.
type PlayingState struct {
	Leg     bridge.LegID   `json:"leg"`
	Stream  int            `json:"stream"`
	Frames  int            `json:"frames"`            // a number: the same are sent once
	Payload [][]byte       `json:"payload,omitempty"` // with the first one of that number
	Left    int            `json:"left,omitempty"`    // repeats
	Next    int            `json:"next"`              // frame
	Ptime   time.Duration  `json:"ptime"`
	Units   uint32         `json:"units"`
	Due     time.Time      `json:"due"`
	Header  rtpwire.Header `json:"header"`
	Digits  bool           `json:"digits,omitempty"`
	Elapsed uint32         `json:"elapsed,omitempty"`
}

// playing lists what the parties of a session hear.
func (x *Suspension) playing(s *session) (list []PlayingState) {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil || st.playing == nil {
				continue
			}
			p := st.playing
			e := PlayingState{Leg: l.id, Stream: st.index, Left: p.left, Next: p.next, Ptime: p.ptime, Units: p.units, Due: p.due,
				Header: p.header, Digits: p.digits, Elapsed: p.elapsed}
			e.Frames, e.Payload = x.number(p.frames)
			list = append(list, e)
		}
	}
	return list
}

// number tells frames from others; their payloads come with a new number.
func (x *Suspension) number(f Frames) (n int, payload [][]byte) {
	shared := reflect.TypeOf(f).Comparable()
	if shared && x.frames[f] > 0 {
		return x.frames[f], nil
	}
	x.numbers++
	if shared {
		x.frames[f] = x.numbers
	}
	payload = [][]byte{}
	for i := 0; ; i++ {
		b, ok := f.Frame(i)
		if !ok {
			return x.numbers, payload
		}
		payload = append(payload, b)
	}
}

// goOn begins what ran in the process before: recordings, players.
func (c *carried) goOn(s *session, now time.Time) error {
	for _, e := range c.handed.Playing {
		if e.Payload != nil {
			c.arrivals.frames[e.Frames] = framed(e.Payload)
		}
		f, l := c.arrivals.frames[e.Frames], s.leg(e.Leg)
		if f == nil || l == nil || l.stream(e.Stream) == nil || e.Ptime <= 0 {
			return fmt.Errorf("%w: something played to nobody", ErrState)
		}
		l.stream(e.Stream).playing = &playing{frames: f, pt: e.Header.PayloadType, ptime: e.Ptime, units: e.Units, left: e.Left,
			next: e.Next, due: e.Due, header: e.Header, digits: e.Digits, keys: e.Digits, elapsed: e.Elapsed}
		if sent, ok := f.Frame(e.Next - 1); ok {
			l.stream(e.Stream).playing.down = len(sent) > 0
		}
		s.r.pacer.add(s)
		s.wake(now)
	}
	for _, e := range c.handed.Waiting {
		l := s.leg(e.Leg)
		if l == nil {
			return fmt.Errorf("%w: packets of nobody", ErrState)
		}
		if coders := l.stream(e.Stream).coders(); e.Coder >= 0 && e.Coder < len(coders) {
			coders[e.Coder].waiting = e.Packets // when the session is ours
			s.r.pacer.add(s)
			s.wake(now)
		}
	}
	s.awaits(c.handed.Early)
	for _, e := range c.handed.Recordings {
		rec, err := s.record(RecordRequest{Selector: e.Selector, Spec: e.Spec})
		if err != nil {
			s.r.log.Warn("a recording does not go on", "call_id", s.id, "error", err)
			continue
		}
		if e.Paused {
			rec.Pause()
		}
	}
	return nil
}
