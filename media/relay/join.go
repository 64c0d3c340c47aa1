package relay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/media/bridge"
)

// join makes one session of two, as far as change, which is done to what both
// negotiated, has no objection, and returns it locked. Both names lead to it
// from now on. Ports, keys, numbers and figures go on as they do when another
// process takes a session ([Relay.Suspend]): recordings in files of their own,
// audio that is forwarded to sinks and taps end. An error leaves two sessions
// as they were.
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
	return r.replace(a, b, known, &ha.State, c)
}

// replace puts a session in the place of two.
func (r *Relay) replace(a, b *session, known *bridge.Session, st *State, c *carried) (*session, error) {
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
	a.abandon()
	b.abandon()
	err := s.restore(st, c, 0)
	c.drop()
	if err == nil {
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
	for _, l := range t.Legs {
		l.ID += by
		if l.Owner != 0 {
			l.Owner += by
		}
		if l.Call == "" {
			l.Call = t.CallID
		}
		s.Legs = append(s.Legs, l)
	}
	for _, p := range t.Ports {
		p.Leg += by
		s.Ports = append(s.Ports, p)
	}
	for _, p := range o.Playing {
		p.Leg += by
		h.Playing = append(h.Playing, p)
	}
	for _, w := range o.Waiting {
		w.Leg += by
		h.Waiting = append(h.Waiting, w)
	}
	for _, e := range o.Early {
		e.Leg += by
		h.Early = append(h.Early, e)
	}
	h.Recordings = append(h.Recordings, o.Recordings...)
	h.Sockets = append(h.Sockets, o.Sockets...)
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
