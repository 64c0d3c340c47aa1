package relay

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/rtpwire"
)

// TestHeldOctets: while digits are kept secret, audio of codecs whose samples have
// octets of their own leaves 60 ms later with the very octets that came, in
// packets of any length, but for those with a digit; of the digit nothing leaves.
func TestHeldOctets(t *testing.T) {
	wide := codec.L16(16000, 1)
	wide.PayloadType = 97
	for name, c := range map[string]codec.Codec{"PCMA": codec.PCMA(), "PCMU": codec.PCMU(), "L16": wide} {
		for _, mode := range []dtmf.Mode{dtmf.Drop, dtmf.Silence, dtmf.Sine, dtmf.Random, dtmf.Zero} {
			t.Run(name+" "+mode.String(), func(t *testing.T) { heldOctets(t, c, mode) })
		}
	}
}

func heldOctets(t *testing.T, c codec.Codec, mode dtmf.Mode) {
	s, _ := talkOf(t, c, 0)
	x := newSecrets(DTMFSecurity{Blocking: dtmf.Blocking{Mode: mode}})
	enc, err := c.Encoder(codec.Params{Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	dec, err := c.Decoder(codec.Params{Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, uint64(mode)))
	var pcm []int16
	noise := func(ms int) {
		for range ms * c.SampleRate / 1000 {
			pcm = append(pcm, int16(random.IntN(1200)-600))
		}
	}
	noise(400)
	from := len(pcm)
	g := dtmf.NewGenerator(c.SampleRate)
	g.Start(7, 10)
	pcm = g.Append(pcm, 80*c.SampleRate/1000)
	to := len(pcm)
	noise(600)
	width := widths[c.Name]
	in, err := enc.Encode(nil, pcm)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name == "PCMU" {
		in[100] = 0x7f // minus nothing: a codec makes 0xff of it
	}
	var out []byte
	for seq, rest := 0, in; len(rest) > 0; seq++ {
		n := min(len(rest), width*c.SampleRate/1000*(5+5*random.IntN(8)))
		h := rtpwire.Header{PayloadType: c.PayloadType, Sequence: uint16(seq), SSRC: 7}
		b, ok := x.tones(s, h, append(h.Append(nil), rest[:n]...), rest[:n], make([]byte, 0, 4000), time.Now())
		if !ok || len(b) != 12+n {
			t.Fatalf("%d octets of %d", len(b), n)
		}
		out, rest = append(out, b[12:]...), rest[n:]
	}
	late := 60 * c.SampleRate / 1000
	for _, part := range [][2]int{{0, from - late}, {to + late, len(pcm) - late}} {
		if want, got := in[part[0]*width:part[1]*width], out[(part[0]+late)*width:(part[1]+late)*width]; !bytes.Equal(want, got) {
			t.Errorf("samples %d to %d are not those that came", part[0], part[1])
		}
	}
	heard, err := dec.Decode(nil, out)
	if err != nil {
		t.Fatal(err)
	}
	d, err := dtmf.NewDetector(c.SampleRate)
	if err != nil {
		t.Fatal(err)
	}
	if found := d.Audio(nil, heard); slices.ContainsFunc(found, func(f dtmf.Digit) bool { return f.Event == 7 }) {
		t.Errorf("the digit is heard: %v", found)
	}
	// Nothing at all of its tones is left, not as much as would be no digit.
	if mode == dtmf.Drop {
		if at := heard[from+late : to+late]; slices.Max(at) > 8 || slices.Min(at) < -8 {
			t.Errorf("%d to %d where silence is due", slices.Min(at), slices.Max(at))
		}
	}
}
