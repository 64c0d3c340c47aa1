package relay

import (
	"context"
	"errors"
	"net/netip"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/srtp/dtlssrtp"
)

// Handed is a session on its way to another process of this host: what
// [State] has, what goes on running, and its very sockets. What is secret in a
// State is secret here. Not in it are the connections of PCM sinks, samples of a
// packet that a coder has begun, and the DTLS association behind keys: a peer
// that did not get the last flight of its handshake does not get it again.
type Handed struct {
	State      State            `json:"state"`
	Recordings []RecordingState `json:"recordings,omitempty"`
	Playing    []PlayingState   `json:"playing,omitempty"`
	Waiting    []WaitingState   `json:"waiting,omitempty"`
	Early      []EarlyState     `json:"early,omitempty"`
	Sockets    []Descriptor     `json:"sockets"`
}

// Descriptor is a socket. FD is valid in the process that has it.
type Descriptor struct {
	Local netip.AddrPort `json:"local"`
	FD    int            `json:"-"`
}

// RecordingState is a recording that goes on in files of its own: those of the
// process before are complete in themselves. Its sinks stay behind.
type RecordingState struct {
	Selector Selector    `json:"selector"`
	Spec     record.Spec `json:"spec"`
	Paused   bool        `json:"paused,omitempty"`
}

// WaitingState are received packets that a coder has not come to yet: they are
// in its jitter buffer.
type WaitingState struct {
	Leg     bridge.LegID `json:"leg"`
	Stream  int          `json:"stream"`
	Coder   int          `json:"coder"` // of those of the stream
	Packets [][]byte     `json:"packets"`
}

// Suspension holds the sessions that were handed over, until it is known where
// they go on. End it by Resume or Leave.
type Suspension struct {
	r        *Relay
	sessions []*session
	frames   map[Frames]int // that were sent
	numbers  int            // of frames
}

// Certificate is what the relay shows in DTLS handshakes: who goes on with its
// calls shows it too.
func (r *Relay) Certificate() dtlssrtp.Certificate { return r.cert }

// HoldOffload keeps streams that are in user space there, until it is called
// again: another process is about to open the flows of this one.
func (r *Relay) HoldOffload(on bool) { r.flows.held.Store(on) }

// Suspend stops all sessions and gives each to another process, which goes on
// with exactly this state: numbers, indices of SRTP, sockets with what waits in
// them. give is called for one after the other; descriptors are lent until it
// returns, so it has to duplicate or send them. What the kernel forwards it
// goes on forwarding. An error of give lets all go on here. DTLS handshakes
// under way get a second to end; those that do not are begun anew by the relay
// that goes on, which only a party bears that had not answered yet.
//
// The caller sees to it that no signalling is under way. Nobody else may go on
// with a session before Leave is called: an SRTP index would be used twice.
func (r *Relay) Suspend(ctx context.Context, give func(Handed) error) (*Suspension, error) {
	r.HoldOffload(true)
	r.behind.pause() // the other process writes from now on
	r.awaitHandshakes(ctx)
	x := &Suspension{r: r, frames: map[Frames]int{}}
	for id := range r.List() {
		err := x.suspend(ctx, id, give)
		if err != nil && !errors.Is(err, ErrUnknownCall) { // one that ended meanwhile
			return nil, errors.Join(err, x.Resume())
		}
	}
	return x, nil
}

func (x *Suspension) suspend(ctx context.Context, id string, give func(Handed) error) error {
	s, err := x.r.detach(ctx, id)
	if err != nil {
		return err
	}
	x.sessions = append(x.sessions, s) // locked from now on
	h, err := x.handed(s)
	if err != nil {
		return err
	}
	return give(h)
}

// handed is all of a session that goes elsewhere.
func (x *Suspension) handed(s *session) (h Handed, err error) {
	if h.State, err = s.export(); err != nil {
		return h, err
	}
	h.Recordings, h.Waiting, h.Early, h.Playing = s.recordingStates(), s.waiting(), s.earlyStates(), x.playing(s)
	for _, p := range s.sockets() {
		h.Sockets = append(h.Sockets, Descriptor{p.LocalAddr(), p.FD()})
	}
	return h, nil
}

// detach returns a session, locked, whose sockets no loop serves.
func (r *Relay) detach(ctx context.Context, id string) (*session, error) {
	for ctx.Err() == nil {
		s, err := r.lookup(id)
		if err != nil {
			return nil, err
		}
		left := s.attached()
		if len(left) == 0 {
			return s, nil
		}
		s.mu.Unlock() // the loop may be waiting for it
		if err := s.loop.Detach(left...); err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

func (s *session) sockets() (all []*udploop.Socket) {
	for _, x := range s.sets {
		for _, p := range x.pairs {
			all = append(all, p.media.socket, p.control.socket)
		}
	}
	return all
}

func (s *session) attached() (left []*udploop.Socket) {
	for _, p := range s.sockets() {
		if !p.Detached() {
			left = append(left, p)
		}
	}
	return left
}

// Resume lets the sessions go on here.
func (x *Suspension) Resume() error {
	var errs []error
	for _, s := range x.sessions {
		errs = append(errs, s.loop.Attach(s.sockets()...))
		s.mu.Unlock()
	}
	x.sessions = nil
	x.r.behind.resume()
	x.r.HoldOffload(false)
	x.r.resumeHandshakes()
	return errors.Join(errs...)
}

// Leave ends the sessions here without a word to anybody: they go on
// elsewhere. Their recordings are completed.
func (x *Suspension) Leave() {
	for _, s := range x.sessions {
		s.leave()
		s.mu.Unlock()
	}
	x.sessions = nil
	x.r.noHandshakes.Store(false)
}

func (s *session) leave() {
	now := s.r.now()
	for _, x := range s.sets {
		x.close(now)
	}
	s.sets = nil
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil && st.kernel != nil {
				s.r.flows.drop(st.kernel.flow.Local)
				st.kernel = nil // it goes on
			}
		}
	}
	s.end(now)
	s.r.mu.Lock()
	delete(s.r.sessions, s.id)
	s.r.unname(s)
	s.r.mu.Unlock()
}

func (s *session) waiting() (list []WaitingState) {
	for _, l := range s.legs {
		for i, st := range l.streams {
			for n, c := range st.coders() {
				if b := append(c.waiting, c.Waiting()...); len(b) > 0 {
					list = append(list, WaitingState{Leg: l.id, Stream: i, Coder: n, Packets: b})
				}
			}
		}
	}
	return list
}

func (s *stream) coders() (list []*coder) {
	if s == nil {
		return nil
	}
	for i := range s.routes {
		if c := s.routes[i].coder; c != nil {
			list = append(list, c)
		}
	}
	return list
}

func (s *session) recordingStates() (list []RecordingState) {
	for _, x := range s.recordings {
		spec := x.Spec()
		if spec.Sinks = nil; spec.PCAP || spec.WAV {
			list = append(list, RecordingState{Selector: x.by, Spec: spec, Paused: x.Paused()})
		}
	}
	return list
}
