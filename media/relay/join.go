package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/media/bridge"
)

// join makes one session of two, as far as change, which is done to what both
// negotiated, has no objection, and returns it locked. Both names lead to it
// from now on. Ports, keys, numbers and figures go on as they do when another
// process takes a session ([Relay.Suspend]), and recordings, audio that is
// forwarded to sinks and taps as well, for nothing leaves the process. An error
// leaves two sessions as they were.
func (r *Relay) join(ctx context.Context, callID, other string, change func(*bridge.Session) error) (*session, error) {
	r.joining.Lock() // nobody else holds two sessions
	defer r.joining.Unlock()
	if r.one(callID, other) {
		return r.joined(ctx, callID, "", change)
	}
	a, err := r.detach(ctx, callID)
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	b, err := r.detach(ctx, other)
	if err != nil {
		return nil, errors.Join(err, a.loop.Attach(a.sockets()...))
	}
	defer b.mu.Unlock()
	s, err := r.merge(a, b, change)
	if err != nil {
		return nil, errors.Join(err, a.loop.Attach(a.sockets()...), b.loop.Attach(b.sockets()...))
	}
	return s, nil
}

// one tells whether two names lead to one session.
func (r *Relay) one(callID, other string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.named(callID) != nil && r.named(callID) == r.named(other)
}

// named finds a session by any of its names. The caller holds mu.
func (r *Relay) named(callID string) *session {
	if s := r.sessions[callID]; s != nil {
		return s
	}
	return r.aliases[callID]
}

// merge makes a session of two whose sockets nobody serves.
func (r *Relay) merge(a, b *session, change func(*bridge.Session) error) (*session, error) {
	if a.shakes() || b.shakes() {
		return nil, fmt.Errorf("%w: a DTLS handshake is under way", ErrMismatch)
	}
	known, by, err := r.engine.Join(a.bridge, b.bridge)
	if err == nil {
		err = change(known)
	}
	if err != nil {
		return nil, translate(err)
	}
	for _, s := range []*session{a, b} { // figures of the kernel are final then
		for _, l := range s.legs {
			for _, st := range l.streams {
				if st != nil {
					st.leaveKernel()
				}
			}
		}
	}
	x := &Suspension{r: r, frames: map[Frames]int{}}
	ha, err := x.handed(a)
	if err != nil {
		return nil, err
	}
	hb, err := x.handed(b)
	if err != nil {
		return nil, err
	}
	ha.Recordings, hb.Recordings = nil, nil // they go on themselves
	if ha.State.Bridge, err = known.Export(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	ha.add(hb, by)
	c := &carried{handed: &ha, sockets: map[netip.AddrPort]int{}, arrivals: r.Arrivals()}
	for i := range ha.Sockets {
		fd, err := unix.FcntlInt(uintptr(ha.Sockets[i].FD), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			c.drop()
			return nil, fmt.Errorf("%w: %w", ErrPorts, err)
		}
		c.sockets[ha.Sockets[i].Local] = fd
	}
	return r.replace(a, b, by, known, &ha.State, c)
}

// replace puts a session in the place of two.
func (r *Relay) replace(a, b *session, by bridge.LegID, known *bridge.Session, st *State, c *carried) (*session, error) {
	s := &session{r: r, id: a.id, loop: a.loop, bridge: known, source: a.source, aliases: st.Aliases}
	s.mu.Lock()
	r.mu.Lock()
	delete(r.sessions, b.id)
	if r.sources[b.source]--; r.sources[b.source] <= 0 {
		delete(r.sources, b.source)
	}
	r.sessions[s.id] = s
	for _, name := range s.aliases {
		r.aliases[name] = s
	}
	r.mu.Unlock()
	kept := a.takeTaps(0)
	kept.add(b.takeTaps(by))
	for _, x := range []struct{ of, other *session }{{a, b}, {b, a}} {
		for _, y := range x.of.recordings {
			y.Joined(x.other.id)
		}
		s.recordings = append(s.recordings, x.of.recordings...)
		x.of.recordings = nil
	}
	a.abandon()
	b.abandon()
	recordings := s.recordings
	s.recordings = nil // until they have the streams that they had
	err := s.restore(st, c, 0)
	s.recordings = recordings
	c.drop()
	if err == nil {
		s.putTaps(kept)
		s.save()
	}
	b.forget()
	if err != nil { // which has no cause but a fault of this package
		r.log.Error("joined sessions are lost", "error", err)
		r.remove(s, r.now())
		s.mu.Unlock()
		return nil, err
	}
	return s, nil
}

// spot is a stream by the number of its leg and its m= line.
type spot struct {
	leg    bridge.LegID
	stream int
}

// tapsAt are the taps of streams.
type tapsAt map[spot][]Tap

func (t tapsAt) add(o tapsAt) { maps.Copy(t, o) }

// takeTaps takes the taps off a session whose legs get numbers higher by so
// much.
func (s *session) takeTaps(by bridge.LegID) tapsAt {
	all := tapsAt{}
	for _, l := range s.legs {
		for i, st := range l.streams {
			if st == nil || st.extra == nil {
				continue
			}
			for _, t := range st.extra.taps {
				at := spot{l.id + by, i}
				all[at] = append(all[at], t.to)
			}
			st.extra.taps = nil
		}
	}
	return all
}

// putTaps gives them to the streams that go on, then recordings what is theirs
// from now on.
func (s *session) putTaps(all tapsAt) {
	for at, list := range all {
		l := s.leg(at.leg)
		if l == nil || l.stream(at.stream) == nil {
			continue
		}
		st := l.stream(at.stream)
		for _, to := range list {
			e := st.ask()
			e.taps = append(e.taps, &tap{to: to, info: st.tapInfo()})
		}
	}
	s.recordStreams()
	s.resettle()
}

// abandon ends a session whose ports and name are another's now.
func (s *session) abandon() {
	now := s.r.now()
	for _, x := range s.sets {
		x.close(now)
	}
	s.sets = nil
	s.end(now)
}

// drop closes the sockets that nobody took.
func (c *carried) drop() {
	for _, fd := range c.sockets {
		_ = unix.Close(fd)
	}
	clear(c.sockets)
}

// shakes tells whether a handshake is under way.
func (s *session) shakes() (yes bool) {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil || st.shield == nil {
				continue
			}
			for _, d := range []*association{st.shield.dtls, st.shield.control.dtls} {
				yes = yes || d != nil && d.run != nil && d.heard && !d.over
			}
		}
	}
	return yes
}

// add puts another session behind the first; by is by how much the numbers of
// its legs become higher.
func (h *Handed) add(o Handed, by bridge.LegID) {
	s, t := &h.State, &o.State
	s.Aliases = append(append(s.Aliases, t.CallID), t.Aliases...)
	s.Created = earlier(s.Created, t.Created)
	s.Answered = earlier(s.Answered, t.Answered)
	if t.Signalled.After(s.Signalled) {
		s.Signalled = t.Signalled
	}
	s.Early = s.Early && t.Early
	if !s.DigitsTo.IsValid() {
		s.DigitsTo = t.DigitsTo
	}
	s.Doomed, s.TimedOut = time.Time{}, time.Time{}
	s.Gone = append(s.Gone, t.Gone...)
	for i := range s.Legs {
		if s.Legs[i].Call == "" {
			s.Legs[i].Call = s.CallID
		}
	}
	for i := range t.Legs {
		if t.Legs[i].Call == "" {
			t.Legs[i].Call = t.CallID
		}
	}
	s.Legs = behindThem(s.Legs, t.Legs, by, func(l *LegState) *bridge.LegID { return &l.ID }, func(l *LegState) *bridge.LegID { return &l.Owner })
	s.Ports = behindThem(s.Ports, t.Ports, by, func(p *PortsState) *bridge.LegID { return &p.Leg })
	h.Playing = behindThem(h.Playing, o.Playing, by, func(p *PlayingState) *bridge.LegID { return &p.Leg })
	h.Waiting = behindThem(h.Waiting, o.Waiting, by, func(w *WaitingState) *bridge.LegID { return &w.Leg })
	h.Early = behindThem(h.Early, o.Early, by, func(e *EarlyState) *bridge.LegID { return &e.Leg })
	h.Sockets = append(h.Sockets, o.Sockets...)
}

// behindThem puts a list behind another; the numbers of legs in it become higher,
// where there are any.
func behindThem[T any](list, more []T, by bridge.LegID, numbers ...func(*T) *bridge.LegID) []T {
	for _, x := range more {
		for _, n := range numbers {
			if id := n(&x); *id != 0 {
				*id += by
			}
		}
		list = append(list, x)
	}
	return list
}

// earlier is the first of two times that are known.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// over notes that the dialog of a name has ended, as far as nobody of it is left
// but one, and tells whether those of all names have.
func (s *session) over(name string) bool {
	if len(s.aliases) == 0 {
		return false
	}
	left := 0
	for _, l := range s.legs {
		if l.call == name && !l.subscriber {
			left++
		}
	}
	if left <= 1 && !slices.Contains(s.overs, name) {
		s.overs = append(s.overs, name)
	}
	return len(s.overs) == len(s.aliases)+1
}
