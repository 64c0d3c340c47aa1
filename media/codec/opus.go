package codec

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/thesyncim/gopus"
)

// OpusComplexity is the effort of Default's Opus encoder on the scale of
// 0 to 10: half the work of 10, and within 0.5 dB of it on speech.
const OpusComplexity = 5

const (
	opusMaxPacket = 1500  // octets; a larger one would not pass unfragmented
	opusMaxRate   = 48000 // Hz
	opusLoss      = 10    // per cent that in-band FEC is prepared for
)

// Opus is RFC 6716 in RTP by RFC 7587: clock 48 kHz and two channels by name,
// samples of 8 to 48 kHz and one or two channels. The encoder honours
// maxplaybackrate, stereo, useinbandfec, usedtx, maxaveragebitrate and cbr of
// the side that decodes; its decoder conceals loss and uses in-band FEC.
func Opus(complexity int) Codec {
	return Codec{Format: Format{Name: "opus", ClockRate: 48000, Channels: 2}, PayloadType: Dynamic, SampleRate: opusMaxRate,
		Rates: []int{8000, 12000, 16000, 24000, 48000}, Ptime: 20 * time.Millisecond,
		Ptimes: []time.Duration{2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
			40 * time.Millisecond, 60 * time.Millisecond, 80 * time.Millisecond, 100 * time.Millisecond, 120 * time.Millisecond},
		NewEncoder: func(p Params) (Encoder, error) { return newOpusEncoder(p, complexity) },
		NewDecoder: func(p Params) (Decoder, error) { return newOpusDecoder(p) },
	}
}

type opusEncoder struct {
	enc   *gopus.Encoder
	dtx   bool
	frame int // samples of a packet, all channels
}

func newOpusEncoder(p Params, complexity int) (*opusEncoder, error) {
	e, err := gopus.NewEncoder(gopus.EncoderConfig{SampleRate: p.SampleRate, Channels: p.Channels, Application: gopus.ApplicationVoIP})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParams, err)
	}
	o := &opusEncoder{enc: e, dtx: flag(p.Fmtp, "usedtx"), frame: int(p.Ptime*time.Duration(p.SampleRate)/time.Second) * p.Channels}
	playback, limited := number(p.Fmtp, "maxplaybackrate")
	if !limited {
		playback = opusMaxRate
	}
	stereo := p.Channels == 2 && flag(p.Fmtp, "stereo")
	rate := opusBitrate(min(playback, p.SampleRate), stereo)
	if most, ok := number(p.Fmtp, "maxaveragebitrate"); ok {
		rate = min(rate, max(most, 6000)) // 6000 is the least by RFC 7587 section 6.1
	}
	mode := gopus.BitrateModeCVBR
	if flag(p.Fmtp, "cbr") {
		mode = gopus.BitrateModeCBR
	}
	err = errors.Join(e.SetComplexity(complexity), e.SetBitrate(rate), e.SetBitrateMode(mode), e.SetMaxBandwidth(opusBandwidth(playback)),
		e.SetFrameSize(o.frame/p.Channels))
	if p.Channels == 2 && !stereo {
		err = errors.Join(err, e.SetForceChannels(1))
	}
	if flag(p.Fmtp, "useinbandfec") {
		e.SetFEC(true)
		err = errors.Join(err, e.SetPacketLoss(opusLoss))
	}
	e.SetDTX(o.dtx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParams, err)
	}
	return o, nil
}

// opusBitrate is the upper end of what RFC 7587 section 3.1.1 recommends for
// speech at an audio bandwidth.
func opusBitrate(rate int, stereo bool) int {
	bits := 40000
	switch {
	case rate <= 8000:
		bits = 12000
	case rate <= 16000:
		bits = 20000
	case rate <= 24000:
		bits = 28000
	}
	if stereo {
		bits = bits * 8 / 5
	}
	return bits
}

func opusBandwidth(playback int) gopus.Bandwidth {
	switch {
	case playback < 12000:
		return gopus.BandwidthNarrowband
	case playback < 16000:
		return gopus.BandwidthMediumband
	case playback < 24000:
		return gopus.BandwidthWideband
	case playback < opusMaxRate:
		return gopus.BandwidthSuperwideband
	}
	return gopus.BandwidthFullband
}

// Encode makes one packet of one frame. With DTX, what need not be sent comes
// out empty.
func (o *opusEncoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	if len(pcm) != o.frame {
		return dst, fmt.Errorf("%w: opus of %d samples instead of %d", ErrFrame, len(pcm), o.frame)
	}
	n := len(dst)
	buf := slices.Grow(dst, opusMaxPacket)[:n+opusMaxPacket]
	size, err := o.encode(buf[n:], pcm)
	if err != nil {
		return dst, fmt.Errorf("codec: opus: %w", err)
	}
	if o.dtx && size <= 2 {
		return dst, nil
	}
	return buf[:n+size], nil
}

func (o *opusEncoder) encode(buf []byte, pcm []int16) (n int, err error) {
	defer contain(&err)
	return o.enc.EncodeInt16(pcm, buf)
}

type opusDecoder struct {
	dec            *gopus.Decoder
	rate, channels int
	float          []float32
}

var (
	_ Concealer = (*opusDecoder)(nil)
	_ Recoverer = (*opusDecoder)(nil)
)

func newOpusDecoder(p Params) (*opusDecoder, error) {
	cfg := gopus.DefaultDecoderConfig(p.SampleRate, p.Channels)
	cfg.MaxPacketBytes = opusMaxPacket
	d, err := gopus.NewDecoder(cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParams, err)
	}
	return &opusDecoder{dec: d, rate: p.SampleRate, channels: p.Channels, float: make([]float32, p.SampleRate/50*6*p.Channels)}, nil
}

// Decode makes the samples of a packet of up to 120 ms.
func (o *opusDecoder) Decode(dst []int16, payload []byte) ([]int16, error) {
	samples, ok := opusSamples(payload, o.rate)
	if !ok {
		return dst, fmt.Errorf("%w: opus of %d octets", ErrPayload, len(payload))
	}
	n := len(dst)
	buf := slices.Grow(dst, samples*o.channels)[:n+samples*o.channels]
	got, err := o.decode(buf[n:], payload)
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return buf[:n+got*o.channels], nil
}

func (o *opusDecoder) decode(pcm []int16, payload []byte) (n int, err error) {
	defer contain(&err)
	return o.dec.DecodeInt16(payload, pcm)
}

// Conceal implements Concealer.
func (o *opusDecoder) Conceal(dst []int16, n int) []int16 { return o.fill(dst, nil, n) }

// Recover implements Recoverer.
func (o *opusDecoder) Recover(dst []int16, next []byte, n int) []int16 { return o.fill(dst, next, n) }

// fill makes n samples per channel without their packet, in steps that the
// decoder can do; what it refuses is silence.
func (o *opusDecoder) fill(dst []int16, next []byte, n int) []int16 {
	end := len(dst) + n*o.channels
	dst = slices.Grow(dst, n*o.channels)
	for len(dst) < end {
		step := min(end-len(dst), len(o.float))
		frame := o.float[:step]
		got, err := o.lost(next, frame)
		if err != nil || got*o.channels < step {
			clear(frame[got*o.channels:])
		}
		for _, v := range frame {
			dst = append(dst, clip(v*32768))
		}
	}
	return dst
}

func (o *opusDecoder) lost(next []byte, frame []float32) (n int, err error) {
	defer contain(&err)
	if len(next) > 0 {
		return o.dec.DecodeWithFEC(next, frame, true)
	}
	return o.dec.Decode(nil, frame)
}

// contain turns a panic of a codec into an error: it costs one packet of one
// stream.
func contain(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", ErrPayload, r)
	}
}

// opusSamples is the length of a packet per channel (RFC 6716 section 3.1); ok
// is false when it is none, or longer than 120 ms.
func opusSamples(payload []byte, rate int) (int, bool) {
	if len(payload) == 0 || len(payload) > opusMaxPacket {
		return 0, false
	}
	frames := 1
	switch payload[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(payload) < 2 {
			return 0, false
		}
		frames = int(payload[1] & 0x3f)
	}
	n := frames * gopus.ParseTOC(payload[0]).FrameSize * rate / opusMaxRate
	return n, n > 0 && n <= rate*12/100
}
