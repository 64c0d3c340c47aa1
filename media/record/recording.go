package record

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Recording is one that is under way. Its methods are safe for concurrent use
// and do not wait for files.
type Recording struct {
	r       *Recorder
	spec    Spec
	started time.Time
	out     outputs
	wake    chan struct{}
	done    chan struct{}

	mu      sync.Mutex
	current *chunk
	full    []*chunk // behind each other, before current
	streams []Stream
	tracks  []*track // that the writer does not know yet
	ended   bool     // nothing more is taken
	paused  time.Time
	pauses  []Pause
	joins   []Join
	report  Report
}

// Join is when the call that is recorded and another one became one.
type Join struct {
	At     time.Time `json:"at"`
	CallID string    `json:"call_id"`
}

// Pause is a time in which nothing was recorded.
type Pause struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Report is what a recording has become.
type Report struct {
	Files      []File
	Start, End time.Time
	// Complete: nothing is missing but what pauses left out.
	Complete bool
	Err      error  // why it ended early, or why a sink did
	Packets  uint64 // recorded
	Octets   uint64
	Dropped  uint64 // not recorded: memory was short
	// Late packets came after their place had been given away, or twice.
	// Undecoded ones are no RTP, or of a payload type that is not known. Both
	// are in the pcap file and not in the audio.
	Late, Undecoded uint64
	Pauses          []Pause
	Joins           []Join
}

// File is one of a recording.
type File struct {
	Kind     string `json:"kind"` // "pcap", "mix" or "stereo", "meta"
	Name     string `json:"name"` // below the directory
	Octets   int64  `json:"octets"`
	Complete bool   `json:"complete"`
}

func newRecording(r *Recorder, spec Spec) (*Recording, error) {
	rec := &Recording{r: r, spec: spec, started: r.now(), wake: make(chan struct{}, 1), done: make(chan struct{})}
	rec.report.Start = rec.started
	n, err := newNames(&spec, rec.started)
	if err != nil {
		return nil, err
	}
	if err := rec.out.open(rec, n); err != nil {
		rec.out.abort()
		return nil, err
	}
	return rec, nil
}

// Spec is what was asked for.
func (r *Recording) Spec() Spec { return r.spec }

// Paused tells whether a pause lasts.
func (r *Recording) Paused() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.paused.IsZero()
}

// AddStream tells of a stream and returns its index for [Recording.Packet].
// When a party changes its codecs or its place, that is another stream.
func (r *Recording) AddStream(s Stream) (int, error) {
	t, err := newTrack(s, r.spec.Rate)
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return 0, ErrClosed
	}
	if len(r.streams) >= MaxStreams {
		return 0, fmt.Errorf("%w: %d streams", ErrSpec, len(r.streams)+1)
	}
	r.streams = append(r.streams, s)
	r.tracks = append(r.tracks, t)
	return len(r.streams) - 1, nil
}

// Packet records a packet, RTP or any other, that went from one address to
// another. It is copied. false: it was not recorded, because the recording is
// paused or at its end, or memory is short.
func (r *Recording) Packet(stream int, from, to netip.AddrPort, data []byte, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || !r.paused.IsZero() {
		return false
	}
	p := packet{stream: stream, at: int64(max(0, at.Sub(r.started))), from: from, to: to, data: data}
	if stream < 0 || stream >= len(r.streams) || len(data) > MaxPacket || !r.put(&p) {
		r.report.Dropped++
		return false
	}
	r.report.Packets++
	r.report.Octets += uint64(len(data))
	return true
}

// put stores a packet; false: memory is short. The caller holds the lock.
func (r *Recording) put(p *packet) bool {
	if r.current != nil && r.current.put(p) {
		return true
	}
	if r.current != nil {
		r.full = append(r.full, r.current)
		r.signal()
	}
	r.current = r.r.pool.get()
	return r.current != nil && r.current.put(p)
}

func (r *Recording) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Pause leaves out what comes until [Recording.Resume]; in audio it is
// silence. It reports whether that was new.
func (r *Recording) Pause() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || !r.paused.IsZero() {
		return false
	}
	r.paused = r.r.now()
	return true
}

// Resume ends a pause. It reports whether there was one.
func (r *Recording) Resume() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.ended && r.resume()
}

// maxPauses bounds what is remembered of them.
const maxPauses = 1000

func (r *Recording) resume() bool {
	if r.paused.IsZero() {
		return false
	}
	if len(r.pauses) < maxPauses {
		r.pauses = append(r.pauses, Pause{From: r.paused, To: r.r.now()})
	}
	r.paused = time.Time{}
	return true
}

// maxJoins bounds what is remembered of them.
const maxJoins = 100

// Joined notes that the call and another one have become one: what follows may
// have parties of the other.
func (r *Recording) Joined(callID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended && len(r.joins) < maxJoins {
		r.joins = append(r.joins, Join{At: r.r.now(), CallID: callID})
	}
}

// Stop ends the recording; its files are complete when [Recording.Done] is
// closed.
func (r *Recording) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
}

// end closes the entrance. The caller holds the lock.
func (r *Recording) end() {
	if !r.ended {
		r.resume()
		r.ended = true
		r.report.End = r.r.now()
		r.signal()
	}
}

// Done is closed when the recording has ended and its files are complete.
func (r *Recording) Done() <-chan struct{} { return r.done }

// Report is final when Done is closed.
func (r *Recording) Report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.report
	p.Pauses = append([]Pause(nil), r.pauses...)
	p.Joins = append([]Join(nil), r.joins...)
	p.Files = append([]File(nil), r.report.Files...)
	return p
}

// run is the writer.
func (r *Recording) run() {
	defer close(r.done)
	defer r.r.remove(r)
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-r.wake:
		}
		ended, err := r.drain()
		if err != nil || ended {
			r.out.close(r, err)
			return
		}
	}
}

// drain writes what was collected. An error ends the recording.
func (r *Recording) drain() (ended bool, err error) {
	r.mu.Lock()
	chunks, tracks := r.full, r.tracks
	if r.current != nil {
		chunks = append(chunks, r.current)
	}
	r.full, r.current, r.tracks = nil, nil, nil
	ended = r.ended
	// Not later: what comes while a disk is slow has its place yet.
	now := r.r.now()
	r.mu.Unlock()
	r.out.adopt(tracks)
	for _, c := range chunks {
		if err == nil {
			err = r.out.write(c)
		}
		r.r.pool.put(c)
	}
	if err == nil {
		err = r.out.advance(now.Sub(r.started))
	}
	if err != nil {
		r.mu.Lock()
		r.end()
		r.mu.Unlock()
	}
	return ended, err
}
