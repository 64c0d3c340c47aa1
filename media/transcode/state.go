package transcode

import (
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
)

// State is how numbers of the source become numbers of the output. It lets
// another process go on with the stream as if nothing had happened.
type State struct {
	SSRC      uint32 // of the output
	Sequence  uint16 // of the next packet sent
	Timestamp uint32 // of the next sample sent

	Begun           bool
	Source          uint32 // SSRC of the source
	SourceSequence  uint16 // of the next packet expected
	SourceTimestamp uint32 // of the next sample expected
	SourceClock     int    // Hz

	// What is due while the source says nothing, and when packets of a jitter
	// buffer are played. States of former versions have neither: a pause is filled
	// from the next packet on only.
	Fill    *Fill    `json:",omitempty"`
	Playout *Playout `json:",omitempty"`
}

// Waiting are the packets that wait in the jitter buffer, or for one before
// them, in their order: to be pushed again where the stream goes on.
func (t *Transcoder) Waiting() (packets [][]byte) {
	for i := range uint16(queueSize) {
		if s := t.queue.peek(t.state.SourceSequence + i); s != nil {
			packets = append(packets, append(s.header.Append(nil), s.payload...))
		}
	}
	return packets
}

// Export returns the present state. What is still in a jitter buffer is not
// in it: see [Transcoder.Waiting]. What was made while the source says nothing
// counts as heard, for whoever does not go on with it.
func (t *Transcoder) Export() State {
	s := t.state
	if t.pcm.noiseOn {
		s.SourceTimestamp += t.madeTicks()
	}
	s.Fill, s.Playout = t.exportFill(), t.exportPlayout()
	return s
}

// madeTicks is what was made since the source spoke, in its clock.
func (t *Transcoder) madeTicks() uint32 {
	return uint32(int64(t.pcm.made) * int64(t.state.SourceClock) / int64(t.pcm.rate))
}

// Import goes on from a state: the first packet of the same source finds its
// place by its number and timestamp, and a pause is filled on when
// [Transcoder.Next] says. After an export that is not up to date, skip is how
// many packets may have been sent since and did not come from the source one by
// one: no sequence number is used twice, and a pause is filled from the next packet
// on. After one that is, skip is 0.
func (t *Transcoder) Import(s State, skip uint16, now time.Time) {
	fill, playout := s.Fill, s.Playout
	s.Fill, s.Playout, s.Begun = nil, nil, s.Begun && s.SourceClock > 0
	t.state, t.resumed = s, s.Begun && skip > 0
	t.state.Sequence += skip
	t.pcm.fifo = t.pcm.fifo[:0]
	t.queue.clear()
	if s.Begun && skip == 0 {
		t.importFill(fill, now)
		t.importPlayout(playout, now)
	}
}

// resume takes what the source has sent since the export for sent by us.
func (t *Transcoder) resume(h rtpwire.Header, in *input) {
	t.resumed = false
	s := &t.state
	ahead, gap := int16(h.Sequence-s.SourceSequence), int32(h.Timestamp-s.SourceTimestamp)
	if ahead <= 0 || gap < 0 || in.Codec.Kind != codec.Audio || s.SourceClock != in.Codec.ClockRate {
		return
	}
	clock := int64(t.cfg.Output.Codec.ClockRate)
	ticks := int64(gap) * clock / int64(s.SourceClock)
	frame := max(1, int64(t.frameTime())*clock/int64(time.Second))
	s.Sequence += uint16(max(int64(ahead), (ticks+frame-1)/frame))
	s.Timestamp += uint32(ticks)
	s.SourceSequence, s.SourceTimestamp = h.Sequence, h.Timestamp
}
