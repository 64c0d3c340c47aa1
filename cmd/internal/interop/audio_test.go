//go:build interop

package interop

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/wav"
	"github.com/thesyncim/gopus/container/ogg"
)

// ffmpeg converts what it is given.
func ffmpeg(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-loglevel", "error", "-nostdin"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	var fault bytes.Buffer
	cmd.Stderr = &fault
	out, err := cmd.Output()
	if err != nil || fault.Len() > 0 {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, fault.String())
	}
	return out
}

func littleEndian(pcm []int16) []byte {
	b := make([]byte, 0, 2*len(pcm))
	for _, v := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

func pcmOf(b []byte) []int16 {
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return pcm
}

// espeak says something.
func espeak(t *testing.T, text string, args ...string) wav.Audio {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "espeak-ng", append(args, "--stdout")...)
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("espeak-ng: %v", err)
	}
	a, err := wav.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// spokenAt is some seconds of it at a rate.
func spokenAt(t *testing.T, rate int) []int16 {
	t.Helper()
	a, err := espeak(t, "The quick brown fox jumps over the lazy dog. She sells sea shells by the sea shore.", "-v", "en+f2").Convert(rate)
	if err != nil {
		t.Fatal(err)
	}
	return a.Samples
}

// snr is the signal-to-noise ratio in dB at the best alignment: codecs delay.
func snr(original, decoded []int16, most int) float64 {
	best := math.Inf(-1)
	original = original[:len(original)/2]
	for lag := range most {
		n := min(len(original), len(decoded)-lag)
		if n < len(original)/2 {
			break
		}
		signal, noise := 0.0, 1e-9
		for i := 0; i < n; i++ {
			s := float64(original[i])
			d := s - float64(decoded[lag+i])
			signal += s * s
			noise += d * d
		}
		best = max(best, 10*math.Log10(signal/noise))
	}
	return best
}

// TestG711AgainstFFmpeg: every code, and every sample.
func TestG711AgainstFFmpeg(t *testing.T) {
	codes := make([]byte, 256)
	for i := range codes {
		codes[i] = byte(i)
	}
	every := make([]int16, 65536)
	for i := range every {
		every[i] = int16(i - 32768)
	}
	for name, c := range map[string]codec.Codec{"alaw": codec.PCMA(), "mulaw": codec.PCMU()} {
		enc, _ := c.Encoder(codec.Params{})
		dec, _ := c.Decoder(codec.Params{})
		got, _ := dec.Decode(nil, codes)
		want := pcmOf(ffmpeg(t, codes, "-f", name, "-ar", "8000", "-ac", "1", "-i", "-", "-f", "s16le", "-"))
		if !slices.Equal(got, want) {
			t.Errorf("%s: a code is decoded differently", name)
		}
		ours, _ := enc.Encode(nil, every)
		theirs := ffmpeg(t, littleEndian(every), "-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "-", "-f", name, "-")
		a, _ := dec.Decode(nil, ours)
		b, _ := dec.Decode(nil, theirs)
		levels := slices.Clone(got)
		slices.Sort(levels)
		levels = slices.Compact(levels)
		for i, s := range every {
			// ffmpeg takes the nearest value; the recommendation's decision values
			// lie elsewhere at the ends of segments, by less than a step.
			x, _ := slices.BinarySearch(levels, a[i])
			y, _ := slices.BinarySearch(levels, b[i])
			if x-y > 1 || y-x > 1 {
				t.Fatalf("%s: %d became %d, ffmpeg has %d", name, s, a[i], b[i])
			}
		}
	}
}

// TestG722AgainstFFmpeg: either decoder takes the other's packets; ours are as
// good within 1 dB.
func TestG722AgainstFFmpeg(t *testing.T) {
	pcm := spokenAt(t, 16000)
	pcm = pcm[:len(pcm)/320*320]
	enc, _ := codec.G722().Encoder(codec.Params{})
	dec, _ := codec.G722().Decoder(codec.Params{})
	ours, err := enc.Encode(nil, pcm)
	if err != nil {
		t.Fatal(err)
	}
	theirs := ffmpeg(t, littleEndian(pcm), "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-c:a", "g722", "-f", "g722", "-")
	decode := func(b []byte) []int16 {
		return pcmOf(ffmpeg(t, b, "-f", "g722", "-i", "-", "-f", "s16le", "-ar", "16000", "-ac", "1", "-"))
	}
	byUs, _ := dec.Decode(nil, theirs)
	a, b, c := snr(pcm, decode(ours), 100), snr(pcm, decode(theirs), 100), snr(pcm, byUs, 100)
	t.Logf("ours %.2f dB, ffmpeg's %.2f dB, ffmpeg's decoded by us %.2f dB", a, b, c)
	if a < b-1 || c < b-1 || b < 10 {
		t.Error("more than 1 dB apart")
	}
}

// TestOpusAgainstFFmpeg does the same with libopus at the same bit rate.
func TestOpusAgainstFFmpeg(t *testing.T) {
	for rate, bits := range map[int]int{8000: 12000, 16000: 20000, 48000: 40000} {
		pcm := spokenAt(t, rate)
		frame := rate / 50
		pcm = pcm[:len(pcm)/frame*frame]
		p := codec.Params{SampleRate: rate, Channels: 1, Fmtp: fmt.Sprintf("maxaveragebitrate=%d", bits)}
		enc, err := codec.Opus(codec.OpusComplexity).Encoder(p)
		if err != nil {
			t.Fatal(err)
		}
		var ours bytes.Buffer
		w, err := ogg.NewWriter(&ours, uint32(rate), 1)
		if err != nil {
			t.Fatal(err)
		}
		octets := 0
		for i := 0; i < len(pcm); i += frame {
			b, err := enc.Encode(nil, pcm[i:i+frame])
			if err != nil {
				t.Fatal(err)
			}
			octets += len(b)
			if err := w.WritePacket(b, 960); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		theirs := ffmpeg(t, littleEndian(pcm), "-f", "s16le", "-ar", strconv.Itoa(rate), "-ac", "1", "-i", "-", "-c:a", "libopus",
			"-application", "voip", "-b:a", strconv.Itoa(bits), "-vbr", "constrained", "-frame_duration", "20", "-f", "ogg", "-")
		decode := func(b []byte) []int16 {
			return pcmOf(ffmpeg(t, b, "-c:a", "libopus", "-f", "ogg", "-i", "-", "-f", "s16le", "-ar", strconv.Itoa(rate), "-ac", "1", "-"))
		}
		byUs, theirOctets := unpackOpus(t, theirs, p)
		a, b, c := snr(pcm, decode(ours.Bytes()), rate/100), snr(pcm, decode(theirs), rate/100), snr(pcm, byUs, rate/100)
		t.Logf("%d Hz: ours %.2f dB in %d octets, ffmpeg's %.2f dB in %d, ffmpeg's decoded by us %.2f dB", rate, a, octets, b, theirOctets, c)
		if a < b-1 || c < b-1 {
			t.Errorf("%d Hz: more than 1 dB apart", rate)
		}
	}
}

func unpackOpus(t *testing.T, b []byte, p codec.Params) (pcm []int16, octets int) {
	t.Helper()
	dec, err := codec.Opus(0).Decoder(p)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ogg.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for {
		packet, _, err := r.ReadPacket()
		if err == io.EOF {
			return pcm, octets
		}
		if err != nil {
			t.Fatal(err)
		}
		octets += len(packet)
		if pcm, err = dec.Decode(pcm, packet); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSpeechHoldsNoDigits: half an hour of voices, through G.711, at three
// levels.
func TestSpeechHoldsNoDigits(t *testing.T) {
	words := strings.Fields("please hold the line thank you for calling press one to continue zero two three four five six seven eight nine " +
		"operator speaking how may I help you today the weather in spring is mild and rainy account balance euro dollar hundred thousand " +
		"seventeen forty Tuesday Wednesday January December people water house company question answer morning evening good bye hello no yes")
	order := rand.New(rand.NewPCG(1, 2))
	total, law := time.Duration(0), codec.ALaw{}
	for i := 0; total < 30*time.Minute; i++ {
		var text strings.Builder
		for range 600 {
			text.WriteString(words[order.IntN(len(words))])
			if order.IntN(9) == 0 {
				text.WriteString(".")
			}
			text.WriteString(" ")
		}
		voice := []string{"en+m1", "en+f2", "de+m3", "fr+f4", "es+m7", "en+f5", "it+m2"}[i%7]
		a, err := espeak(t, text.String(), "-v", voice, "-p", strconv.Itoa(20+i*7%70), "-s", strconv.Itoa(130+i*11%60)).Convert(8000)
		if err != nil {
			t.Fatal(err)
		}
		total += time.Duration(a.Frames()) * time.Second / 8000
		for _, gain := range []float64{0.3, 1, 3} {
			pcm := make([]int16, a.Frames())
			for k, v := range a.Samples {
				pcm[k] = int16(max(-32768, min(32767, gain*float64(v))))
			}
			coded, _ := law.Encode(nil, pcm)
			pcm, _ = law.Decode(pcm[:0], coded)
			d, err := dtmf.NewDetector(8000)
			if err != nil {
				t.Fatal(err)
			}
			if found := d.Audio(nil, pcm); len(found) > 0 {
				t.Errorf("%s at %v: %d reports", voice, gain, len(found))
			}
		}
	}
	t.Logf("%v of speech", total)
}

// TestWAVAgainstFFmpeg: what is written piece by piece is read without a
// warning, to the sample.
func TestWAVAgainstFFmpeg(t *testing.T) {
	pcm := spokenAt(t, 8000)
	pcm = pcm[:len(pcm)/2*2]
	for _, f := range []wav.Format{{Rate: 8000, Channels: 1}, {Rate: 16000, Channels: 2}, {Rate: 8000, Channels: 1, Encoding: wav.ALaw}, {Rate: 8000, Channels: 2, Encoding: wav.MuLaw}} {
		name := filepath.Join(t.TempDir(), "x.wav")
		file, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w, err := wav.NewWriter(file, f)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(pcm); i += 320 {
			if err := w.Write(pcm[i:min(i+320, len(pcm))]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := wav.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		theirs := pcmOf(ffmpeg(t, nil, "-i", name, "-f", "s16le", "-"))
		if !slices.Equal(ours.Samples, theirs) || len(theirs) != len(pcm) {
			t.Errorf("%+v: %d samples, ffmpeg has %d", f, len(ours.Samples), len(theirs))
		}
	}
}
