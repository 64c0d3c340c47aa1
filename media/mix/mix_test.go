package mix_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/class5-go/class5/media/mix"
	"pgregory.net/rapid"
)

func ms(rate, n int) int { return rate * n / 1000 }

// tone is a sine of some samples from a place on.
func tone(rate int, hz, level float64, from, n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(math.Round(level * math.Sin(2*math.Pi*hz*float64(from+i)/float64(rate))))
	}
	return out
}

// power is the level of a frequency in samples.
func power(pcm []int16, rate int, hz float64) float64 {
	var re, im float64
	for i, v := range pcm {
		a := 2 * math.Pi * hz * float64(i) / float64(rate)
		re, im = re+float64(v)*math.Cos(a), im+float64(v)*math.Sin(a)
	}
	return 2 * math.Hypot(re, im) / float64(len(pcm))
}

// rms is the mean level of samples.
func rms(pcm []int16) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

// steepest is the largest difference of neighbours.
func steepest(pcm []int16) (d int) {
	for i := 1; i < len(pcm); i++ {
		d = max(d, int(math.Abs(float64(pcm[i])-float64(pcm[i-1]))))
	}
	return d
}

// TestEnd: a source that stops, at whatever sample, does not click.
func TestEnd(t *testing.T) {
	for _, extra := range []int{0, 1, 39, 40, 80, 159} {
		out := run(8000, 1, make([]int16, 8000), tone(8000, 500, 8000, 10, 1600+extra), 1, time.Unix(0, 0))
		if d, most := steepest(out), steepest(tone(8000, 500, 8000, 0, 8000)); d > most+most/4 {
			t.Errorf("%d: a step of %d, the tone has %d", extra, d, most)
		}
	}
}

// run mixes a source that writes in bursts into a stream that is made frame by
// frame.
func run(rate, channels int, own, source []int16, burst int, at time.Time) []int16 {
	m := mix.New(rate)
	in := m.Input()
	frame := ms(rate, 20)
	var out []int16
	for i := 0; (i+1)*frame <= len(own); i++ {
		if i%burst == 0 {
			from := min(i*frame, len(source))
			in.Write(source[from:min(from+burst*frame, len(source))], at)
		}
		at = at.Add(20 * time.Millisecond)
		b := make([]int16, 0, frame*channels)
		for _, v := range own[i*frame : (i+1)*frame] {
			for range channels {
				b = append(b, v)
			}
		}
		m.Mix(b, channels)
		for k := 0; k < len(b); k += channels {
			for c := 1; c < channels; c++ {
				if b[k] != b[k+c] {
					panic("channels differ")
				}
			}
			out = append(out, b[k])
		}
	}
	return out
}

// TestLevels: both are heard at the level they had, without a click, at any
// rate and number of channels, and whether the source comes smoothly or not.
func TestLevels(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, channels := range []int{1, 2} {
			for _, burst := range []int{1, 3} {
				t.Run(fmt.Sprint(rate, channels, burst), func(t *testing.T) {
					own, source := tone(rate, 440, 6000, 0, 2*rate), tone(rate, 1000, 5000, 0, 2*rate)
					out := run(rate, channels, own, source, burst, time.Unix(0, 0))
					steady := out[rate/2 : rate/2+rate]
					if a, b := power(steady, rate, 440), power(steady, rate, 1000); math.Abs(a-6000) > 30 || math.Abs(b-5000) > 30 {
						t.Errorf("levels %.0f and %.0f", a, b)
					}
					if d, most := steepest(out), steepest(own)+steepest(source); d > most+most/4 {
						t.Errorf("a step of %d, tones have %d", d, most)
					}
				})
			}
		}
	}
}

// TestUntouched: a stream whose source says nothing keeps every sample.
func TestUntouched(t *testing.T) {
	own := tone(8000, 440, 30000, 0, 8000)
	out := run(8000, 1, own, nil, 1, time.Unix(0, 0))
	for i := range out {
		if out[i] != own[i] {
			t.Fatalf("sample %d: %d, was %d", i, out[i], own[i])
		}
	}
}

// TestClip: what is too loud is clipped, it does not wrap around.
func TestClip(t *testing.T) {
	loud := make([]int16, 8000)
	for i := range loud {
		loud[i] = 30000
	}
	out := run(8000, 1, loud, loud, 1, time.Unix(0, 0))
	if v := out[4000]; v != math.MaxInt16 {
		t.Errorf("%d", v)
	}
}

// TestDrift: a source whose clock is fast or slow stays within the delay, and
// none of its seams clicks.
func TestDrift(t *testing.T) {
	for _, extra := range []int{-1, 1} { // of 160: 0.6 %
		m := mix.New(8000)
		in := m.Input()
		at := time.Unix(0, 0)
		var out []int16
		wrote := 0
		for range 2000 {
			n := 160 + extra
			in.Write(tone(8000, 500, 8000, wrote, n), at)
			wrote += n
			at = at.Add(20 * time.Millisecond)
			b := make([]int16, 160)
			m.Mix(b, 1)
			out = append(out, b...)
		}
		if d, most := steepest(out), steepest(tone(8000, 500, 8000, 0, 8000)); d > 2*most {
			t.Errorf("%+d: a step of %d, the tone has %d", extra, d, most)
		}
		if p := rms(out[1600:]); p < 5000 || p > 6000 {
			t.Errorf("%+d: level %.0f", extra, p)
		}
	}
}

// TestClose: a source ends within a fade and is forgotten.
func TestClose(t *testing.T) {
	m := mix.New(8000)
	in := m.Input()
	at := time.Unix(0, 0)
	in.Write(tone(8000, 500, 8000, 0, 800), at)
	m.Mix(make([]int16, 160), 1)
	in.Close()
	in.Write(make([]int16, 1600), at)
	b := make([]int16, 160)
	if m.Mix(b, 1); !quiet(b[40:]) || quiet(b[:40]) {
		t.Error("not faded out in 5 ms")
	}
	if m.Sounds() {
		t.Error("it goes on")
	}
	in = m.Input()
	in.Close()
	if m.Mix(b, 1); m.Sounds() {
		t.Error("a source that never spoke is heard")
	}
}

func quiet(pcm []int16) bool {
	for _, v := range pcm {
		if v != 0 {
			return false
		}
	}
	return true
}

// TestStale: what was too little to be heard is not put before what comes
// much later.
func TestStale(t *testing.T) {
	m := mix.New(8000)
	in := m.Input()
	in.Write([]int16{1, 2, 3}, time.Unix(0, 0))
	in.Write(make([]int16, 800), time.Unix(1, 0))
	b := make([]int16, 320)
	if m.Mix(b, 1); !quiet(b) {
		t.Errorf("%v", b[:8])
	}
}

// TestBounded: whatever is written and taken, no more waits than may, and no
// sum leaves its bounds.
func TestBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := mix.New(8000)
		var list []*mix.Input
		at := time.Unix(0, 0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			at = at.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "ms")) * time.Millisecond)
			switch k := rapid.IntRange(0, 5).Draw(t, "step"); {
			case k == 0:
				list = append(list, m.Input())
			case len(list) == 0:
			case k == 1:
				list[rapid.IntRange(0, len(list)-1).Draw(t, "which")].Close()
			case k < 4:
				n := rapid.IntRange(0, 3000).Draw(t, "n")
				list[rapid.IntRange(0, len(list)-1).Draw(t, "which")].Write(tone(8000, 300, 32767, 0, n), at)
			default:
				m.Mix(make([]int16, rapid.IntRange(0, 960).Draw(t, "frame")), rapid.IntRange(1, 2).Draw(t, "channels"))
			}
		}
		for _, in := range list {
			in.Close()
		}
		m.Mix(make([]int16, 960), 1)
		if m.Sounds() {
			t.Fatal("closed sources are heard")
		}
	})
}

func TestAllocations(t *testing.T) {
	m := mix.New(8000)
	in := m.Input()
	src, frame, at := tone(8000, 500, 8000, 0, 160), make([]int16, 160), time.Unix(0, 0)
	turn := func() {
		in.Write(src, at)
		m.Mix(frame, 1)
	}
	for range 10 {
		turn()
	}
	if n := testing.AllocsPerRun(100, turn); n > 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkMix(b *testing.B) {
	m := mix.New(8000)
	in := m.Input()
	src, frame, at := tone(8000, 500, 8000, 0, 160), make([]int16, 160), time.Unix(0, 0)
	b.ReportAllocs()
	for range b.N {
		in.Write(src, at)
		m.Mix(frame, 1)
	}
}

func ExampleMixer() {
	m := mix.New(8000)
	announcement := m.Input()
	announcement.Write(make([]int16, 800), time.Now()) // as its packets come
	frame := make([]int16, 160)                        // of the stream, before it is encoded
	m.Mix(frame, 1)
	fmt.Println(m.Sounds())
	// Output: true
}
