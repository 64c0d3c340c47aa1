package play

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/latch"
	"github.com/class5-go/class5/media/rtpstat"
	"github.com/class5-go/class5/media/rtpwire"
)

// Remote is the other side, as negotiated.
type Remote struct {
	Addr        netip.AddrPort // where it receives
	Source      netip.Addr     // where its signalling came from, when it may be behind NAT
	Codec       string         // PCMA or PCMU
	PayloadType uint8          // of the codec
	DTMF        uint8          // payload type of telephone-event; 0: none
	Ptime       time.Duration  // audio per packet; default 20 ms, at most 100 ms
	// MaySend and MayReceive are the negotiated direction as seen from here.
	MaySend, MayReceive bool
}

// Script is what a session does.
type Script struct {
	Prompt *Prompt // nil: nothing is played
	// Times is how often; 0: once, negative: until told otherwise.
	Times int
	Start time.Duration // where the first pass begins
	Limit time.Duration // of playing in all; 0: none
	Echo  bool          // afterwards, send back what is heard
}

// Report is what a session did.
type Report struct {
	Sent, SentBytes uint64
	Echoed          uint64 // of those sent
	Received        rtpstat.Snapshot
	Dropped         uint64 // foreign, malformed, unknown payload type
}

// Session is one call. Sessions come from [Endpoint.Open].
type Session struct {
	e      *Endpoint
	socket *udploop.Socket

	mu     sync.Mutex
	closed bool
	remote Remote
	codec  codec.Codec
	latch  latch.Latch
	script Script
	done   chan struct{} // closed when the prompt has been played
	source *Source       // of the prompt; nil until the other side is known
	at     uint32        // timestamp of the source that follows without a gap
	out    sender
	echo   echo
	stats  Report
	in     rtpstat.Receiver
	buf    []byte
}

func newSession(e *Endpoint) *Session {
	return &Session{e: e, latch: latch.New(latch.Heuristic, e.denied), done: make(chan struct{}),
		out: newSender(), buf: make([]byte, 0, rtpwire.HeaderSize+rate/10)}
}

// Addr is where the session receives RTP.
func (s *Session) Addr() netip.AddrPort { return s.socket.LocalAddr() }

// Connect tells the session about the other side: after the answer, and again
// after each re-offer. What is played goes on.
func (s *Session) Connect(r Remote) error {
	c := codec.PCMA()
	switch {
	case strings.EqualFold(r.Codec, "PCMU"):
		c = codec.PCMU()
	case !strings.EqualFold(r.Codec, "PCMA"):
		return fmt.Errorf("%w: %q", ErrCodec, r.Codec)
	}
	if r.Ptime <= 0 || r.Ptime > 100*time.Millisecond {
		r.Ptime = 20 * time.Millisecond
	}
	now := s.e.now()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.remote, s.codec = r, c
	mute := r.Addr.Addr().IsValid() && r.Addr.Addr().IsUnspecified()
	s.latch.Signal(latch.Signal{Addr: r.Addr, Source: r.Source, Mute: mute, Silent: !r.MayReceive}, now)
	err := s.tune(now)
	s.mu.Unlock()
	s.e.activate(s)
	return err
}

// Play starts a script from its beginning and ends the one before.
func (s *Session) Play(script Script) {
	if script.Prompt != nil && script.Prompt.Samples() == 0 {
		script.Prompt = nil
	}
	now := s.e.now()
	s.mu.Lock()
	s.script, s.source = script, nil
	s.echo = echo{}
	if script.Prompt == nil {
		s.finish()
	} else if s.isDone() {
		s.done = make(chan struct{})
	}
	s.out.marker = true
	_ = s.tune(now) // G.711 never fails
	s.mu.Unlock()
	s.e.activate(s)
}

// Done returns a channel that is closed when the prompt of the present script
// has been played, or the session has ended.
func (s *Session) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}

func (s *Session) isDone() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// finish marks the prompt as played. The caller holds the lock.
func (s *Session) finish() {
	s.script.Prompt, s.source = nil, nil
	if !s.isDone() {
		close(s.done)
	}
}

// Report returns the figures so far.
func (s *Session) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.stats
	r.Received = s.in.Snapshot()
	return r
}

// Close ends the session and returns its figures. It may be called more than
// once.
func (s *Session) Close() Report {
	s.e.remove(s)
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		s.finish()
		s.socket.Close()
	}
	s.mu.Unlock()
	return s.Report()
}

// active tells whether the session has something to send by the clock.
func (s *Session) active() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && s.source != nil
}

// tune makes the source fit what was negotiated; what is played goes on. The
// caller holds the lock.
func (s *Session) tune(now time.Time) error {
	if s.script.Prompt == nil || s.remote.Codec == "" {
		return nil
	}
	f, err := s.script.Prompt.Frames(s.codec, codec.Params{Ptime: s.remote.Ptime})
	if err != nil {
		return err
	}
	playback := Playback{Times: s.script.Times, Start: s.script.Start, Limit: s.script.Limit}
	if s.source != nil {
		if s.source.plays(f) {
			return nil
		}
		playback = s.source.Remaining()
	}
	s.source, s.at = NewSource(f, playback), 0
	s.source.begin(now)
	return nil
}

// tick sends what is due; false: nothing more for now.
func (s *Session) tick(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.script.Prompt == nil || s.source == nil {
		return false
	}
	to := s.latch.Remote()
	if !s.remote.MaySend || !to.IsValid() {
		s.source.Wait(now) // on hold, or not connected yet: the prompt waits
		return true
	}
	for f, ok := s.source.Next(now); ok; f, ok = s.source.Next(now) {
		s.frame(f, to, now)
	}
	if s.source.Done() {
		s.finish()
	}
	return s.script.Prompt != nil
}

// frame sends one packet of the prompt.
func (s *Session) frame(f Frame, to netip.AddrPort, now time.Time) {
	if gap := f.Timestamp - s.at; gap != 0 {
		s.out.skip(int(gap))
	}
	n := int(s.source.frames.units)
	b := append(s.out.next(s.remote.PayloadType, n).Append(s.buf[:0]), f.Payload...)
	s.at = f.Timestamp + uint32(n)
	s.buf = b[:0]
	if s.socket.Send(b, to) == nil {
		s.sent(len(b))
	}
	s.out.at = now.Sub(s.e.base)
}

func (s *Session) sent(n int) {
	s.stats.Sent++
	s.stats.SentBytes += uint64(n)
}

// sender is the outgoing RTP stream.
type sender struct {
	ssrc      uint32
	seq       uint16        // of the next packet
	timestamp uint32        // of the next packet, if it follows at once
	at        time.Duration // when the last packet was due or went out
	marker    bool          // the next packet begins a talk spurt
}

func newSender() sender {
	return sender{ssrc: rand.Uint32(), seq: uint16(rand.Uint32()), timestamp: rand.Uint32(), marker: true}
}

func (o *sender) next(pt uint8, samples int) rtpwire.Header {
	h := rtpwire.Header{Marker: o.marker, PayloadType: pt, Sequence: o.seq, Timestamp: o.timestamp, SSRC: o.ssrc}
	o.seq++
	o.timestamp += uint32(samples)
	o.marker = false
	return h
}

func (o *sender) skip(samples int) {
	o.timestamp += uint32(samples)
	o.marker = true
}
