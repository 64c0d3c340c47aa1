package mediagen

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
)

// ptime is the audio of one packet.
const ptime = 20 * time.Millisecond

// Format is what one side of all calls speaks.
type Format struct {
	codec       codec.Codec
	payloadType uint8
	step        uint32 // timestamp units of a packet
}

// FormatNamed finds one: PCMA, PCMU, G722 or opus.
func FormatNamed(name string) (Format, error) {
	c, ok := codec.Default().Named(name)
	if !ok || !c.CanTranscode() || c.Kind != codec.Audio {
		return Format{}, fmt.Errorf("mediagen: codec %q", name)
	}
	f := Format{codec: c, payloadType: c.PayloadType, step: uint32(c.ClockRate) / uint32(time.Second/ptime)}
	if f.payloadType == codec.Dynamic {
		f.payloadType = 96
	}
	return f, nil
}

// Name is the encoding name.
func (f Format) Name() string { return f.codec.Name }

// describe is the description of a party with one stream in that format.
func (f Format) describe(at netip.AddrPort, session int, profile, crypto string) string {
	rtpmap := fmt.Sprintf("%s/%d", f.codec.Name, f.codec.ClockRate)
	if f.codec.Channels > 1 {
		rtpmap += fmt.Sprintf("/%d", f.codec.Channels)
	}
	if crypto != "" {
		crypto = "a=crypto:" + crypto + "\r\n"
	}
	return fmt.Sprintf("v=0\r\no=- %d 1 IN IP4 %v\r\ns=-\r\nc=IN IP4 %v\r\nt=0 0\r\nm=audio %d %s %d\r\na=rtpmap:%d %s\r\na=ptime:20\r\n%s",
		session, at.Addr(), at.Addr(), at.Port(), profile, f.payloadType, f.payloadType, rtpmap, crypto)
}

const (
	pitches = 8  // tones of a side; call i has number i%pitches
	loop    = 50 // packets after which a tone begins anew: a second, whole periods of any whole number of Hz
	volume  = 10 // of tones, -dBm0
)

// pitch is the tone that a side sends in a call, Hz: none of one side is one of
// the other's, or a harmonic that G.711 lets through.
func pitch(side, call int) int { return 510 + 110*side + 40*(call%pitches) + 1000*side }

// rate is the sample rate that tones are made and heard at.
func (f Format) rate() int { return f.codec.SampleRate }

// tone encodes a second of a tone, after one in which the encoder has settled.
func (f Format) tone(hz int) ([][]byte, error) {
	e, err := f.codec.Encoder(codec.Params{Channels: 1, Ptime: ptime})
	if err != nil {
		return nil, err
	}
	g := dtmf.NewGenerator(f.rate())
	g.StartTone(float64(hz), volume)
	frames := make([][]byte, 0, loop)
	for i := range 2 * loop {
		b, err := e.Encode(nil, g.Append(nil, f.rate()*int(ptime/time.Millisecond)/1000))
		if err != nil {
			return nil, err
		}
		if i >= loop {
			frames = append(frames, b)
		}
	}
	return frames, nil
}
