package transcode

import (
	"fmt"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
)

// minFrame is the shortest packet that is sent because the source's are short.
const minFrame = 5 * time.Millisecond

// maxConceal is how much of a gap is filled; the rest is left out.
const maxConceal = 120 * time.Millisecond

// pcm is the middle of the way: samples of the output's rate that wait until
// there is a whole packet of them. Transcoder.state.Timestamp is that of the
// first.
type pcm struct {
	out     Output
	rate    int // Hz
	chans   int
	frame   int     // samples of a packet per channel; 0: not known yet
	fifo    []int16 // interleaved
	scratch []int16
	encoder codec.Encoder

	noise     codec.NoiseSource
	described codec.NoiseModel // by the source
	noiseOn   bool
	noiseDue  time.Time
	noiseEnd  time.Time
	made      int // samples per channel that were invented since the source spoke
	quiet     silence
}

func newPCM(inputs []input, out Output) pcm {
	rate, chans := 8000, 1
	for _, in := range inputs {
		if in.Codec.Kind == codec.Audio && in.Codec.CanTranscode() {
			rate = max(rate, in.Codec.SampleRate)
			chans = max(chans, channels(in.Codec))
		}
	}
	p := pcm{out: out, rate: out.Codec.SampleRate, chans: channels(out.Codec)}
	for _, r := range out.Codec.Rates {
		if r >= rate && r < p.rate {
			p.rate = r
		}
	}
	if out.Codec.Is("opus", 48000) {
		p.chans = min(p.chans, chans)
	}
	if out.Ptime > 0 {
		p.setFrame(out.Ptime)
	}
	return p
}

// channels is how many a codec's samples have. Opus is always called stereo.
func channels(c codec.Codec) int {
	if c.Is("opus", 48000) {
		if v, _ := codec.Param(c.Fmtp, "stereo"); v == "1" {
			return 2
		}
		return 1
	}
	return max(c.Channels, 1)
}

func (p *pcm) setFrame(d time.Duration) {
	p.frame = int(int64(p.out.Codec.FitPtime(d)) * int64(p.rate) / int64(time.Second))
}

// ticks are samples per channel as timestamp units of the output.
func (p *pcm) ticks(samples int) uint32 {
	return uint32(int64(samples) * int64(p.out.Codec.ClockRate) / int64(p.rate))
}

// addMono appends samples of one channel to what waits.
func (p *pcm) addMono(pcm []int16) {
	for _, v := range pcm {
		for range p.chans {
			p.fifo = append(p.fifo, v)
		}
	}
}

// waiting is the number of samples per channel in the fifo.
func (p *pcm) waiting() int { return len(p.fifo) / p.chans }

// frameTime is the length of a packet that is sent.
func (t *Transcoder) frameTime() time.Duration {
	if t.pcm.frame == 0 {
		return t.cfg.Output.Codec.Ptime
	}
	return time.Duration(t.pcm.frame) * time.Second / time.Duration(t.pcm.rate)
}

// open makes the decoder of an input.
func (t *Transcoder) open(in *input) error {
	if in.decoder != nil {
		return nil
	}
	in.rate, in.chans = in.Codec.SampleRate, max(in.Codec.Channels, 1)
	if in.Codec.Takes(t.pcm.rate) {
		in.rate = t.pcm.rate
	}
	if in.Codec.Is("opus", 48000) {
		in.chans = t.pcm.chans
	}
	d, err := in.Codec.Decoder(codec.Params{Fmtp: in.Codec.Fmtp, SampleRate: in.rate, Channels: in.chans})
	if err != nil {
		return err
	}
	if in.conv == nil {
		if in.conv, err = codec.NewConverter(in.rate, in.chans, t.pcm.rate, t.pcm.chans); err != nil {
			return err
		}
	}
	in.decoder, in.conceal = d, codec.NewConcealment(in.rate, in.chans)
	return nil
}

// audio decodes a packet that is in order. gap is how far its timestamp is
// ahead of the one expected, lost how many packets are missing before it.
func (t *Transcoder) audio(out *Packets, in *input, h rtpwire.Header, payload []byte, gap int32, lost int) error {
	if err := t.open(in); err != nil {
		t.stats.Refused++
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	t.last = in
	clock := in.Codec.ClockRate
	if gap > 0 {
		t.fill(out, in, int(int64(gap)*int64(in.rate)/int64(clock)), lost, payload)
	}
	pcm, err := in.decoder.Decode(t.pcm.scratch[:0], payload)
	if err != nil {
		// As if it had been lost: the next packet finds the gap.
		t.stats.Refused++
		t.state.SourceTimestamp = h.Timestamp
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	t.pcm.scratch = pcm[:0]
	n := len(pcm) / in.chans
	t.state.SourceTimestamp = h.Timestamp + uint32(int64(n)*int64(clock)/int64(in.rate))
	if gap < 0 {
		pcm = pcm[min(n, int(int64(-gap)*int64(in.rate)/int64(clock)))*in.chans:]
	}
	in.length = n
	in.conceal.Received(pcm)
	t.decoded = true
	pcm = t.shorten(in, pcm)
	if t.pcm.frame == 0 {
		d := time.Duration(n) * time.Second / time.Duration(in.rate)
		t.pcm.setFrame(max(minFrame, d.Round(time.Millisecond)))
	}
	if h.Marker {
		t.mark = true
	}
	t.pcm.fifo = in.conv.Append(t.pcm.fifo, pcm)
	t.drain(out)
	return nil
}

// fill bridges n samples per channel before a packet: invented when packets
// were lost, left out when the source was silent on purpose.
func (t *Transcoder) fill(out *Packets, in *input, n, lost int, next []byte) {
	if lost > 0 {
		c := min(n, int(int64(maxConceal)*int64(in.rate)/int64(time.Second)))
		t.jump(out, (n-c)*t.pcm.rate/in.rate)
		t.invent(out, in, c, next)
		return
	}
	t.jump(out, n*t.pcm.rate/in.rate)
}

// invent appends n samples per channel in place of lost ones. next is the
// packet behind them, or nil.
func (t *Transcoder) invent(out *Packets, in *input, n int, next []byte) {
	pcm := t.pcm.scratch[:0]
	r, recovers := in.decoder.(codec.Recoverer)
	copied := 0
	if recovers && next != nil && in.length > 0 && n >= in.length {
		copied = in.length
		t.stats.Recovered++
	}
	t.stats.Concealed += uint64(n - copied)
	if c, ok := in.decoder.(codec.Concealer); ok {
		pcm = c.Conceal(pcm, n-copied)
	} else {
		pcm = in.conceal.Conceal(pcm, n-copied)
	}
	if copied > 0 {
		pcm = r.Recover(pcm, next, copied)
	}
	t.pcm.scratch = pcm[:0]
	t.pcm.fifo = in.conv.Append(t.pcm.fifo, pcm)
	t.drain(out)
}

// jump moves the output n samples per channel on without sending. What waits
// is filled up with silence to a whole packet.
func (t *Transcoder) jump(out *Packets, n int) {
	p := &t.pcm
	if w := p.waiting(); w > 0 && p.frame > 0 {
		pad := min(n, p.frame-w)
		for range pad * p.chans {
			p.fifo = append(p.fifo, 0)
		}
		n -= pad
		t.drain(out)
	}
	if n > 0 {
		t.state.Timestamp += p.ticks(n)
	}
}

// flush sends what waits.
func (t *Transcoder) flush(out *Packets) {
	if t.pcm.waiting() > 0 {
		t.jump(out, t.pcm.frame-t.pcm.waiting())
	}
}

// drain sends whole packets.
func (t *Transcoder) drain(out *Packets) {
	p := &t.pcm
	if p.frame == 0 {
		return
	}
	n, at := p.frame*p.chans, 0
	for ; len(p.fifo)-at >= n; at += n {
		t.frame(out, p.fifo[at:at+n])
	}
	if at > 0 {
		p.fifo = p.fifo[:copy(p.fifo, p.fifo[at:])]
	}
}

// frame sends one packet of samples, or what stands for it.
func (t *Transcoder) frame(out *Packets, pcm []int16) {
	p := &t.pcm
	ticks := p.ticks(p.frame)
	told := t.digits(out, pcm, ticks)
	if t.cfg.Mix != nil {
		t.cfg.Mix.Mix(pcm, p.chans)
	}
	if !told && !t.hush(out, pcm) {
		t.encode(out, pcm)
	}
	t.state.Timestamp += ticks
}

func (t *Transcoder) encode(out *Packets, pcm []int16) {
	p := &t.pcm
	if p.encoder == nil {
		d := time.Duration(p.frame) * time.Second / time.Duration(p.rate)
		e, err := p.out.Codec.Encoder(codec.Params{Fmtp: p.out.Codec.Fmtp, Ptime: d, SampleRate: p.rate, Channels: p.chans})
		if err != nil {
			t.stats.Refused++
			return
		}
		p.encoder = e
	}
	b := out.begin(t.header(p.out.PayloadType))
	from := len(b)
	b, err := p.encoder.Encode(b, pcm)
	if err != nil {
		t.stats.Refused++
		return
	}
	if len(b) == from { // discontinuous transmission
		t.mark = true
		return
	}
	t.sent(out, b)
}

// header is that of the next packet.
func (t *Transcoder) header(payloadType uint8) rtpwire.Header {
	return rtpwire.Header{Marker: t.mark, PayloadType: payloadType, Sequence: t.state.Sequence, Timestamp: t.state.Timestamp, SSRC: t.state.SSRC}
}

func (t *Transcoder) sent(out *Packets, b []byte) {
	out.end(b)
	t.stats.Sent++
	t.state.Sequence++
	t.mark = false
}
