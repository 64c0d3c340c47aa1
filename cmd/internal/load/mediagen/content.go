package mediagen

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
)

const (
	numbered  = 160 // octets of a numbered payload: 20 ms of G.711
	markSize  = 20
	magic     = 0x6d656469
	pauseless = 0.5 // seconds of audio that are measured at once
)

// writeNumbered fills a payload: a mark, call, number, time of sending, and
// octets that depend on them.
func writeNumbered(p []byte, call int, number uint32, now int64) {
	binary.BigEndian.PutUint32(p, magic)
	binary.BigEndian.PutUint32(p[4:], uint32(call))
	binary.BigEndian.PutUint32(p[8:], number)
	binary.BigEndian.PutUint64(p[12:], uint64(now))
	filling(p[markSize:], call, number)
}

// filling writes octets of a multiplicative generator, eight at a time.
func filling(p []byte, call int, number uint32) {
	x := uint64(call)<<32 | uint64(number) | 1
	for ; len(p) >= 8; p = p[8:] {
		x *= 0xd1342543de82ef95
		x += 0x2545f4914f6cdd1d
		binary.LittleEndian.PutUint64(p, x)
	}
	for i := range p {
		p[i] = byte(x >> i)
	}
}

// readNumbered compares a payload with what was sent in the call under the
// number that it says.
func readNumbered(p []byte, call int) (number uint32, sent int64, fault string) {
	if len(p) != numbered {
		return 0, 0, "payload of another length"
	}
	if binary.BigEndian.Uint32(p) != magic || binary.BigEndian.Uint32(p[4:]) != uint32(call) {
		return 0, 0, "payload of another call"
	}
	number = binary.BigEndian.Uint32(p[8:])
	var want [numbered - markSize]byte
	filling(want[:], call, number)
	if !bytes.Equal(p[markSize:], want[:]) {
		return 0, 0, "payload changed"
	}
	return number, int64(binary.BigEndian.Uint64(p[12:])), ""
}

// listener decodes one stream and looks for the tone in it.
type listener struct {
	dec     codec.Decoder
	rate    int
	hz      int
	lossy   bool
	pcm     []int16
	blocks  uint64 // that were measured
	settled bool
}

// newListener makes one for a stream in a format. lossy is a stream that has
// been Opus: made for speech, it may give a tone noise and, from two channels to
// one, half its power.
func newListener(f Format, hz int, lossy bool) (*listener, error) {
	d, err := f.codec.Decoder(codec.Params{Channels: 1, Ptime: ptime})
	if err != nil {
		return nil, err
	}
	return &listener{dec: d, rate: f.rate(), hz: hz, lossy: lossy}, nil
}

// hear takes a payload. A fault is that of half a second.
func (l *listener) hear(p []byte) (fault string) {
	pcm, err := l.dec.Decode(l.pcm, p)
	if err != nil {
		return "payload that cannot be decoded"
	}
	l.pcm = pcm
	n := int(pauseless * float64(l.rate))
	if len(l.pcm) < n {
		return ""
	}
	share, level := measure(l.pcm[:n], l.rate, l.hz)
	l.pcm = l.pcm[:0]
	if !l.settled {
		l.settled = true // the beginning of a stream is that of its codecs too
		return ""
	}
	l.blocks++
	least, most := 0.95, 1.0
	if l.lossy {
		least, most = 0.8, 4
	}
	switch {
	case share < least:
		return "half a second without its tone"
	case math.Abs(level) > most:
		return "half a second at another level"
	}
	return ""
}

// measure is the share of the power that is the tone's (Goertzel's algorithm),
// and the level against what was sent, in dB.
func measure(pcm []int16, rate, hz int) (share, level float64) {
	k := 2 * math.Cos(2*math.Pi*float64(hz)/float64(rate))
	var a, b, power float64
	for _, v := range pcm {
		x := float64(v)
		power += x * x
		a, b = x+k*a-b, a
	}
	n := float64(len(pcm))
	tone := 2 * (a*a + b*b - k*a*b) / n
	if power == 0 {
		return 0, math.Inf(-1)
	}
	const fullScale = 3.14 // dBm0 of a full sine
	sent := 32767 * math.Pow(10, (-volume-fullScale)/20)
	return tone / power, 10 * math.Log10(power/n/(sent*sent/2))
}

// head writes the header of a packet and returns the octets behind it.
func (s *stream) head(b []byte) []byte {
	h := rtpwire.Header{Marker: s.number == 0, PayloadType: s.format.payloadType, Sequence: uint16(s.number) + s.first,
		Timestamp: s.number * s.format.step, SSRC: s.ssrc}.Append(b[:0])
	return b[len(h):]
}
