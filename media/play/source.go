package play

import "time"

// Playback is how a prompt is played.
type Playback struct {
	// Times is how often; 0: once, negative: until told otherwise, as music on
	// hold is.
	Times int
	// Start is where the first pass begins; later ones begin at the beginning.
	Start time.Duration
	// Limit ends playing after that time, however often it would go on; 0: none.
	Limit time.Duration
}

// Frame is a payload to be sent now.
type Frame struct {
	Payload []byte // shared: it must not be changed
	// Timestamp counts units of the codec's RTP clock since the first frame.
	Timestamp uint32
	// Marker: the frame begins a talk spurt.
	Marker bool
}

// Source plays frames by the clock. It has no goroutine: the owner asks for
// what is due. It allocates nothing after [NewSource] and is not safe for
// concurrent use.
type Source struct {
	frames *Frames // of this pass
	loop   *Frames // of further ones
	origin *Frames // that NewSource was given
	ptime  time.Duration
	index  int // of the next frame
	left   int // passes to come, this one included; negative: no end
	limit  time.Duration
	played time.Duration
	begun  bool
	marker bool
	due    time.Time
	ts     uint32
}

// NewSource makes a source that begins with the first call of [Source.Next]. When
// the prompt is repeated and the codec has a memory, it is encoded once more,
// the first time.
func NewSource(f *Frames, p Playback) *Source {
	s := &Source{frames: f, loop: f, origin: f, ptime: f.Ptime(), left: p.Times, limit: p.Limit, marker: true}
	if s.left == 0 {
		s.left = 1
	}
	if f.Len() == 0 {
		s.left = 0
		return s
	}
	if s.left != 1 {
		s.loop = f.loop()
	}
	if s.index = int(min(max(p.Start, 0)/s.ptime, time.Duration(f.Len()))); s.index == f.Len() {
		s.index = 0 // this pass has nothing: the next one is the first
		s.left = max(s.left-1, -1)
	}
	return s
}

// wrap begins the next pass at the end of one.
func (s *Source) wrap() {
	if s.index < s.frames.Len() {
		return
	}
	s.index, s.frames = 0, s.loop
	if s.left > 0 {
		s.left--
	}
}

// Done tells that there is nothing more to play.
func (s *Source) Done() bool { return s.left == 0 || s.limit > 0 && s.played >= s.limit }

// maxBehind is how many frames may be sent in a burst after a delay of the
// owner. Beyond, the stream has a gap.
const maxBehind = 5

// Next returns the frame that is due, false when there is none yet. It is
// called until it says false. An owner that was held up gets a gap in the
// timestamps instead of a burst.
func (s *Source) Next(now time.Time) (Frame, bool) {
	if !s.begun {
		s.begin(now)
	}
	if behind := now.Sub(s.due); behind > maxBehind*s.ptime {
		lost := behind / s.ptime
		s.due = s.due.Add(lost * s.ptime)
		s.ts += uint32(lost) * s.frames.units
		s.marker = true
	}
	for !s.Done() && !now.Before(s.due) {
		f := Frame{Payload: s.frames.At(s.index), Timestamp: s.ts, Marker: s.marker}
		s.index++
		s.wrap()
		s.ts += s.frames.units
		s.due = s.due.Add(s.ptime)
		s.played += s.ptime
		s.marker = len(f.Payload) == 0 // behind silence that the codec left out
		if len(f.Payload) > 0 {
			return f, true
		}
	}
	return Frame{}, false
}

func (s *Source) begin(now time.Time) { s.begun, s.due = true, now }

// Deadline is when the next frame is due; zero: never, or at once when nothing
// was played yet.
func (s *Source) Deadline() time.Time {
	if s.Done() {
		return time.Time{}
	}
	return s.due
}

// Wait moves what is due to a time: nobody listens, and the prompt waits. The
// timestamps go on without a gap.
func (s *Source) Wait(now time.Time) {
	if s.begun && s.due.Before(now) {
		s.due = now
		s.marker = true
	}
}

// Position is where in the prompt the next frame is, for [Playback.Start].
func (s *Source) Position() time.Duration { return time.Duration(s.index) * s.ptime }

// Played is how long the source has played.
func (s *Source) Played() time.Duration { return s.played }

// Remaining is how the rest would be played by another source, of another
// codec or in another process. Its Times is not to be used when Done.
func (s *Source) Remaining() Playback {
	p := Playback{Times: s.left, Start: s.Position()}
	if s.limit > 0 {
		p.Limit = max(s.limit-s.played, 1)
	}
	return p
}

// plays tells whether the source is one of these frames.
func (s *Source) plays(f *Frames) bool { return s.origin == f }
