package relay

import (
	"crypto/rand"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/offload"
	"github.com/class5-go/class5/media/transcode"
)

// session is one call. Its lock is held while signalling changes it and while
// packets of one of its sockets are handled; all its sockets are on one loop,
// so packets never wait for each other.
type session struct {
	r    *Relay
	id   string
	loop *udploop.Loop
	due  atomic.Int64 // when the pacer has to run it, since base; 0: never

	mu         sync.Mutex
	closed     bool
	bridge     *bridge.Session
	created    time.Time
	signalled  time.Time // last offer or answer
	answered   time.Time
	heard      time.Time      // last packet accepted from either party
	timedOut   time.Time      // a MediaTimeout event was given
	deleted    time.Time      // when a delayed deletion was asked for
	doomed     time.Time      // a delayed deletion is due then; zero: none
	source     netip.Addr     // of the signalling that began it
	digitsTo   netip.AddrPort // where digits are reported; invalid: nowhere
	dirty      bool           // to be stored with the next second
	looked     glance         // when it was looked at last
	restoring  bool           // a state is being imported
	revision   uint64         // of what was stored
	stored     time.Time      // when it was
	counted    uint64         // packets in the figures that were stored
	early      bool           // every answer so far was provisional
	held       bool
	legs       []*leg
	sets       []*socketSet
	aliases    []string    // Call-IDs of the sessions that were joined to it
	overs      []string    // those of its Call-IDs whose dialogs have ended
	gone       []LegReport // of legs that ended before the session
	recordings []*recorded
	scratch    []byte
	types      []offload.PayloadType // of the flow looked at last
	name       string                // of the relay in RTCP it makes
	made       *transcode.Packets
}

// end closes everything. The caller holds the lock and takes the session out
// of the table.
func (s *session) end(now time.Time) {
	s.closed = true
	s.stopRecordings(func(*recorded) bool { return true })
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil {
				st.stop()
			}
		}
	}
	for _, x := range s.sets {
		x.close(now)
	}
	s.sets = nil
	s.r.pacer.remove(s)
}

// ensure makes the leg of a party known before the plan speaks of it.
func (s *session) ensure(id bridge.LegID) *leg {
	l := s.leg(id)
	if l == nil {
		l = &leg{session: s, id: id, early: true, learning: s.r.cfg.Learning}
		s.legs = append(s.legs, l)
	}
	return l
}

// cname names the relay in the reports it makes for the session.
func (s *session) cname() string {
	if s.name == "" {
		s.name = rand.Text()
	}
	return s.name
}

func fillRandom(b []byte) { _, _ = rand.Read(b) } // never fails
