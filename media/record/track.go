package record

import (
	"fmt"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
)

// track turns the packets of one stream into samples at their place in time.
// Positions count samples of the recording since it began.
type track struct {
	stream  Stream
	rate    int
	order   reorder
	current *decoding // of the payload type last heard
	all     map[uint8]*decoding
	placed  bool
	ssrc    uint32
	anchor  int64 // position of the timestamp anchored
	since   int64 // that timestamp, extended to 64 bits
	nextTS  int64 // that would follow without a gap
	cursor  int64 // position of the next sample to write; behind by what a filter holds
	ring    []int16
	base    int64 // position up to which the ring was given away
	bad     uint64
	pcm     []int16
}

// decoding is a payload type in use.
type decoding struct {
	Payload
	decoder   Decoder
	resampler *codec.Resampler // nil: the rate is right
	mono      []int16
}

// How far a stream's place may be from its time of arrival before it is placed
// anew: behind by the delay of a network, ahead by a burst.
const (
	lag    = 600 // ms
	lead   = 1000
	window = 2500 // ms of samples that are kept for adding up
)

func newTrack(s Stream, rate int) (*track, error) {
	t := &track{stream: s, rate: rate, all: map[uint8]*decoding{}}
	if s.Channel < 0 || s.Channel > 1 {
		return nil, fmt.Errorf("%w: channel %d", ErrSpec, s.Channel)
	}
	for _, p := range s.Payloads {
		if p.Rate == 0 {
			p.Rate = p.Clock
		}
		if p.Channels == 0 {
			p.Channels = 1
		}
		if p.Clock <= 0 || p.Rate <= 0 || p.Rate > MaxRate || p.Channels < 1 || p.Channels > 2 {
			return nil, fmt.Errorf("%w: payload type %d: clock %d, rate %d, %d channels", ErrSpec, p.Type, p.Clock, p.Rate, p.Channels)
		}
		d := &decoding{Payload: p}
		if p.New != nil {
			d.decoder = p.New()
		}
		if err := d.reset(rate); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSpec, err)
		}
		t.all[p.Type] = d
	}
	return t, nil
}

// begin makes the track part of a mix whose samples before base are gone.
func (t *track) begin(base int64) {
	t.base, t.cursor, t.ring = base, base, make([]int16, t.rate*window/1000)
}

func (d *decoding) reset(rate int) (err error) {
	if d.resampler = nil; d.Rate != rate {
		d.resampler, err = codec.NewResampler(d.Rate, rate)
	}
	return err
}

// packet takes an RTP packet that arrived at a time.
func (t *track) packet(p *packet) {
	h, payload, ok := rtpwire.Parse(p.data)
	if !ok {
		t.bad++
		return
	}
	t.order.push(h, p.at, payload, t.decode)
}

// position is the place of a time.
func (t *track) position(at int64) int64 { return position(at, t.rate) }

func position(at int64, rate int) int64 {
	return at/1e9*int64(rate) + at%1e9*int64(rate)/1e9
}

// decode takes the next packet in order.
func (t *track) decode(p *held) {
	d := t.all[p.h.PayloadType]
	if d == nil {
		t.bad++
		return
	}
	if d.decoder == nil {
		return // no audio: a gap
	}
	t.pcm = t.pcm[:0]
	pcm, err := d.decoder.Decode(t.pcm, p.payload)
	if err != nil {
		t.bad++
		return
	}
	t.pcm = pcm
	pcm = d.downmix(pcm)
	t.place(d, p, len(pcm))
	t.write(d.resample(pcm))
}

func (d *decoding) downmix(pcm []int16) []int16 {
	if d.Channels == 1 {
		return pcm
	}
	for i := range len(pcm) / 2 {
		pcm[i] = int16((int(pcm[2*i]) + int(pcm[2*i+1])) / 2)
	}
	return pcm[:len(pcm)/2]
}

func (d *decoding) resample(pcm []int16) []int16 {
	if d.resampler == nil {
		return pcm
	}
	d.mono = d.resampler.Append(d.mono[:0], pcm)
	return d.mono
}

// place finds where a packet of n samples belongs: behind the last one, behind
// a gap, or, for a new source and after a jump of timestamps, where it
// arrived.
func (t *track) place(d *decoding, p *held, n int) {
	ts := t.nextTS + int64(int32(p.h.Timestamp-uint32(t.nextTS)))
	end, at := t.offset(t.nextTS), t.offset(ts)
	arrival := t.position(p.at)
	behind, ahead := int64(t.rate)*lag/1000, int64(t.rate)*lead/1000
	same := t.placed && p.h.SSRC == t.ssrc && t.current.Clock == d.Clock
	switch {
	case !same, ts < t.nextTS, at < arrival-behind, at > arrival+ahead:
		at = arrival
		if end <= arrival+ahead {
			at = max(at, end) // else it had run away
		}
		t.interrupt(d, at)
		t.anchor, t.since = at, ts
	case ts > t.nextTS || d != t.current:
		t.interrupt(d, at)
	}
	t.placed, t.ssrc, t.current = true, p.h.SSRC, d
	t.nextTS = ts + int64(n)*int64(d.Clock)/int64(d.Rate)
}

// offset is the position of a timestamp.
func (t *track) offset(ts int64) int64 {
	if !t.placed {
		return t.cursor
	}
	return t.anchor + (ts-t.since)*int64(t.rate)/int64(t.current.Clock)
}

// interrupt writes what the filter of the last decoding still holds, before a
// gap, and begins with a clean one at another position.
func (t *track) interrupt(d *decoding, at int64) {
	if t.current != nil && t.current.resampler != nil {
		t.current.mono = t.current.resampler.Flush(t.current.mono[:0])
		t.write(t.current.mono)
	}
	if d.resampler != nil {
		_ = d.reset(t.rate) // it worked for the same rates before
	}
	t.cursor = at
}

// write puts samples at the next position. What is outside the window is
// lost: it has been given away, or is too far ahead.
func (t *track) write(pcm []int16) {
	size, from := int64(len(t.ring)), t.cursor
	t.cursor += int64(len(pcm))
	if early := t.base - from; early > 0 {
		pcm, from = pcm[min(early, int64(len(pcm))):], t.base
	}
	room := max(0, t.base+size-from)
	pcm = pcm[:min(int64(len(pcm)), room)]
	n := copy(t.ring[from%size:], pcm)
	copy(t.ring, pcm[n:])
}

// read adds the samples up to a position to dst and forgets them.
func (t *track) read(dst []int32, step int, to int64) {
	at := int(t.base % int64(len(t.ring)))
	for i := 0; t.base < to; t.base++ {
		dst[i] += int32(t.ring[at])
		t.ring[at] = 0
		i += step
		if at++; at == len(t.ring) {
			at = 0
		}
	}
}
