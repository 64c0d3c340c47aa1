package play_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/play"
	"github.com/class5-go/class5/media/wav"
	"pgregory.net/rapid"
)

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func prompt(t testing.TB, a wav.Audio) *play.Prompt {
	t.Helper()
	p, err := play.FromAudio(a)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func frames(t testing.TB, p *play.Prompt, c codec.Codec, ptime time.Duration) *play.Frames {
	t.Helper()
	f, err := p.Frames(c, codec.Params{Ptime: ptime})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mono(n int) wav.Audio { return wav.Audio{Rate: 8000, Channels: 1, Samples: ramp(n)} }

// TestFrames: what listeners decode is the recording.
func TestFrames(t *testing.T) {
	for _, c := range []struct {
		codec codec.Codec
		ptime time.Duration
		rate  int
		off   int // greatest error, of 16 bits; 0: exact
	}{
		{codec.PCMA(), 20 * time.Millisecond, 8000, 600}, {codec.PCMU(), 30 * time.Millisecond, 8000, 600},
		{codec.L16(8000, 1), 10 * time.Millisecond, 8000, 0}, {codec.L16(44100, 2), 20 * time.Millisecond, 8000, 300},
		{codec.L16(8000, 1), 20 * time.Millisecond, 16000, 300},
	} {
		a := wav.Audio{Rate: c.rate, Channels: 2, Samples: make([]int16, 2*c.rate/4)}
		for i := range a.Samples {
			a.Samples[i] = int16(i / 2 * 8000 * 40 / c.rate % 15000)
		}
		p := prompt(t, a)
		if p.Duration() != 250*time.Millisecond || p.Samples() != 2000 {
			t.Errorf("%v: %v, %d samples", c.codec.Format, p.Duration(), p.Samples())
		}
		f := frames(t, p, c.codec, c.ptime)
		if f.Ptime() != c.ptime || f.Codec().Name != c.codec.Name || f.Len() != int((250*time.Millisecond+c.ptime-1)/c.ptime) {
			t.Errorf("%v: %d frames", c.codec.Format, f.Len())
		}
		dec, err := c.codec.Decoder(codec.Params{})
		if err != nil {
			t.Fatal(err)
		}
		var got []int16
		for i := range f.Len() {
			if got, err = dec.Decode(got, f.At(i)); err != nil {
				t.Fatal(err)
			}
		}
		want, err := codec.Resample(a.Mono().Samples, c.rate, c.codec.SampleRate)
		if err != nil {
			t.Fatal(err)
		}
		channels := max(1, c.codec.Channels)
		for i := range got {
			w := 0
			if i/channels < len(want) {
				w = int(want[i/channels])
			}
			if d := int(got[i]) - w; d > c.off || -d > c.off {
				t.Fatalf("%v: sample %d is %d, want %d", c.codec.Format, i, got[i], w)
			}
		}
	}
}

// TestShared: a codec and packet length is encoded once.
func TestShared(t *testing.T) {
	p := prompt(t, mono(16000))
	size := p.Size()
	made := make([]*play.Frames, 8)
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() { made[i], _ = p.Frames(codec.G722(), codec.Params{}) })
	}
	wg.Wait()
	for _, f := range made {
		if f == nil || f != made[0] {
			t.Fatal("encoded twice")
		}
	}
	if p.Size() != size+16000+4*100 {
		t.Errorf("size %d, was %d", p.Size(), size)
	}
	for i := range 40 {
		_, err := p.Frames(codec.PCMA(), codec.Params{Ptime: time.Duration(i+1) * time.Millisecond})
		if refused := errors.Is(err, play.ErrVariants); refused != (i >= 31) {
			t.Errorf("variant %d: %v", i, err)
		}
	}
	if _, err := prompt(t, mono(100)).Frames(codec.Codec{Format: codec.Format{Name: "G729", ClockRate: 8000}}, codec.Params{}); err == nil {
		t.Error("encoded for a codec that cannot")
	}
	if _, err := play.FromAudio(wav.Audio{Rate: 8000, Channels: 1}); !errors.Is(err, play.ErrEmpty) {
		t.Error(err)
	}
}

// drain takes what is due until a time, the owner asking every step, and
// returns the frames and when they came.
func drain(s *play.Source, f *play.Frames, until, step time.Duration) (index []int, ts []uint32, at []time.Duration) {
	which := map[*byte]int{}
	for i := range f.Len() {
		which[&f.At(i)[0]] = i
	}
	for now := time.Duration(0); now < until; now += step {
		for x, ok := s.Next(epoch.Add(now)); ok; x, ok = s.Next(epoch.Add(now)) {
			index, ts, at = append(index, which[&x.Payload[0]]), append(ts, x.Timestamp), append(at, now)
		}
	}
	return index, ts, at
}

func TestPlayback(t *testing.T) {
	f := frames(t, prompt(t, mono(5*160)), codec.PCMA(), 20*time.Millisecond)
	ms := time.Millisecond
	for name, c := range map[string]struct {
		p    play.Playback
		want []int
	}{
		"once":                {play.Playback{}, []int{0, 1, 2, 3, 4}},
		"twice":               {play.Playback{Times: 2}, []int{0, 1, 2, 3, 4, 0, 1, 2, 3, 4}},
		"from a position":     {play.Playback{Start: 45 * ms}, []int{2, 3, 4}},
		"twice from there":    {play.Playback{Times: 2, Start: 60 * ms}, []int{3, 4, 0, 1, 2, 3, 4}},
		"behind the end":      {play.Playback{Start: time.Hour}, nil},
		"behind, but again":   {play.Playback{Times: 2, Start: 100 * ms}, []int{0, 1, 2, 3, 4}},
		"limited":             {play.Playback{Times: -1, Limit: 130 * ms}, []int{0, 1, 2, 3, 4, 0, 1}},
		"limit never reached": {play.Playback{Limit: time.Hour}, []int{0, 1, 2, 3, 4}},
		"negative start":      {play.Playback{Start: -time.Second}, []int{0, 1, 2, 3, 4}},
	} {
		s := play.NewSource(f, c.p)
		index, ts, at := drain(s, f, time.Second, 5*ms)
		if !slices.Equal(index, c.want) || !s.Done() || !s.Deadline().IsZero() || s.Played() != time.Duration(len(c.want))*20*ms {
			t.Errorf("%s: %v, want %v", name, index, c.want)
		}
		for i := range ts {
			if ts[i] != uint32(i*160) || at[i] != time.Duration(i)*20*ms {
				t.Errorf("%s: frame %d at %v with timestamp %d", name, i, at[i], ts[i])
			}
		}
	}
	s := play.NewSource(f, play.Playback{Times: -1}) // music on hold
	if index, _, _ := drain(s, f, time.Minute, 20*ms); len(index) != 3000 || s.Done() || s.Deadline() != epoch.Add(time.Minute) {
		t.Errorf("%d frames in a minute", len(index))
	}
}

// TestLoop: where a prompt begins again, listeners hear no crack, whatever the
// codec remembers.
func TestLoop(t *testing.T) {
	for _, c := range []codec.Codec{codec.PCMU(), codec.G722(), codec.Opus(5)} {
		a := wav.Audio{Rate: 16000, Channels: 1, Samples: make([]int16, 16000)}
		for i := range a.Samples {
			a.Samples[i] = int16(8000 * math.Sin(2*math.Pi*700*float64(i)/16000)) // whole periods in a second
		}
		f := frames(t, prompt(t, a), c, 20*time.Millisecond)
		dec, err := c.Decoder(codec.Params{})
		if err != nil {
			t.Fatal(err)
		}
		var pcm []int16
		s := play.NewSource(f, play.Playback{Times: 4})
		for now := epoch; !s.Done(); now = s.Deadline() {
			x, _ := s.Next(now)
			if pcm, err = dec.Decode(pcm, x.Payload); err != nil {
				t.Fatal(err)
			}
		}
		channels := max(c.Channels, 1)
		second := c.SampleRate * channels
		for from := second / 2; from+second/50 <= len(pcm); from += second / 50 {
			sum := 0.0
			for _, v := range pcm[from : from+second/50] {
				sum += float64(v) * float64(v)
			}
			if level := math.Sqrt(sum / float64(second/50)); level < 5657*0.85 || level > 5657*1.15 {
				t.Errorf("%v: level %.0f at %.2f s", c.Format, level, float64(from)/float64(second))
			}
		}
	}
}

// TestHeldUp: an owner that comes late gets a few frames at once, or a gap.
func TestHeldUp(t *testing.T) {
	f := frames(t, prompt(t, mono(50*160)), codec.PCMA(), 20*time.Millisecond)
	s := play.NewSource(f, play.Playback{})
	take := func(at time.Duration) (n int, last play.Frame) {
		for x, ok := s.Next(epoch.Add(at)); ok; x, ok = s.Next(epoch.Add(at)) {
			n, last = n+1, x
		}
		return n, last
	}
	if n, x := take(0); n != 1 || !x.Marker {
		t.Error(n, x.Marker)
	}
	if n, x := take(100 * time.Millisecond); n != 5 || x.Timestamp != 800 || x.Marker {
		t.Error(n, x.Timestamp)
	}
	if n, x := take(time.Second); n != 1 || x.Timestamp != 50*160 || !x.Marker {
		t.Errorf("%d frames, timestamp %d", n, x.Timestamp)
	}
	if s.Position() != 7*20*time.Millisecond {
		t.Errorf("position %v: the prompt does not skip", s.Position())
	}
	s.Wait(epoch.Add(10 * time.Second))
	if n, x := take(10 * time.Second); n != 1 || x.Timestamp != 51*160 {
		t.Errorf("after waiting: %d frames, timestamp %d", n, x.Timestamp)
	}
}

// TestRemaining: another source goes on where one was.
func TestRemaining(t *testing.T) {
	p := prompt(t, mono(20*160))
	f := frames(t, p, codec.PCMA(), 20*time.Millisecond)
	g := frames(t, p, codec.PCMA(), 10*time.Millisecond)
	rapid.Check(t, func(rt *rapid.T) {
		play1 := play.Playback{Times: rapid.IntRange(0, 3).Draw(rt, "times"), Start: time.Duration(rapid.IntRange(0, 390).Draw(rt, "start")) * time.Millisecond}
		if rapid.Bool().Draw(rt, "limited") {
			play1.Limit = time.Duration(rapid.IntRange(1, 50).Draw(rt, "limit")) * 20 * time.Millisecond
		}
		s := play.NewSource(f, play1)
		whole, _, _ := drain(play.NewSource(f, play1), f, 2*time.Second, 20*time.Millisecond)
		part, _, _ := drain(s, f, time.Duration(rapid.IntRange(0, 40).Draw(rt, "until"))*20*time.Millisecond, 20*time.Millisecond)
		if s.Done() {
			return
		}
		rest, _, _ := drain(play.NewSource(g, s.Remaining()), g, 2*time.Second, 10*time.Millisecond)
		for i := 0; i < len(rest); i += 2 {
			part = append(part, rest[i]/2)
		}
		if !slices.Equal(part, whole) {
			rt.Fatalf("%v, want %v", part, whole)
		}
	})
}

func TestAllocsNext(t *testing.T) {
	f := frames(t, prompt(t, mono(50*160)), codec.PCMA(), 20*time.Millisecond)
	s, now := play.NewSource(f, play.Playback{Times: -1}), epoch
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := s.Next(now); !ok {
			t.Fatal("nothing is due")
		}
		now = now.Add(20 * time.Millisecond)
	}); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func file(t testing.TB, seed int) []byte {
	t.Helper()
	var b bytes.Buffer
	a := mono(1000)
	a.Samples[0] = int16(seed)
	if err := wav.Encode(&b, a); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCache(t *testing.T) {
	dir := fstest.MapFS{"a.wav": {Data: file(t, 1), ModTime: epoch}, "bad.wav": {Data: []byte("RIFF")}, "d": {Mode: fs.ModeDir}}
	c := play.NewCache(dir, 10000) // five prompts of 2,000 octets
	a, err := c.File("a.wav")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.File("a.wav"); again != a || err != nil {
		t.Error("read twice", err)
	}
	dir["a.wav"] = &fstest.MapFile{Data: file(t, 2), ModTime: epoch.Add(1)}
	if again, err := c.File("a.wav"); again == a || err != nil {
		t.Error("a change was not seen", err)
	}
	b, err := c.Blob(file(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := c.Blob(file(t, 3)); again != b {
		t.Error("the same recording twice")
	}
	for i := range 20 {
		if _, err := c.Blob(file(t, 100+i)); err != nil {
			t.Fatal(err)
		}
		if again, _ := c.Blob(file(t, 3)); again != b {
			t.Fatal("what is used was dropped")
		}
	}
	if c.Len() != 5 {
		t.Errorf("%d prompts", c.Len())
	}
	for range 4 { // encodings count
		_ = frames(t, b, codec.L16(48000, 2), 20*time.Millisecond)
	}
	if again, _ := c.Blob(file(t, 3)); again != b || c.Len() != 1 {
		t.Errorf("%d prompts beside a large one", c.Len())
	}
	for _, name := range []string{"bad.wav", "none.wav", "d", "../a.wav"} {
		if _, err := c.File(name); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if _, err := c.Blob(nil); !errors.Is(err, wav.ErrFormat) {
		t.Error(err)
	}
	if _, err := play.NewCache(nil, 0).File("a.wav"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestCacheRace: many ask for a few at the same time.
func TestCacheRace(t *testing.T) {
	c := play.NewCache(nil, 6000)
	blobs := [][]byte{file(t, 1), file(t, 2), file(t, 3), file(t, 4), {1}}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 100 {
				p, err := c.Blob(blobs[(i+n)%len(blobs)])
				if (err != nil) != ((i+n)%len(blobs) == 4) {
					t.Error(err)
				}
				if p != nil {
					if _, err := p.Frames(codec.PCMU(), codec.Params{}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}

func ExampleSource() {
	p, err := play.FromAudio(wav.Audio{Rate: 16000, Channels: 1, Samples: make([]int16, 1600)})
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := p.Frames(codec.PCMU(), codec.Params{Ptime: 20 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, now := play.NewSource(f, play.Playback{Start: 60 * time.Millisecond}), time.Now()
	for !s.Done() {
		for x, ok := s.Next(now); ok; x, ok = s.Next(now) {
			fmt.Println(len(x.Payload), x.Timestamp, x.Marker)
		}
		now = s.Deadline()
	}
	// Output:
	// 160 0 true
	// 160 160 false
}

func BenchmarkNext(b *testing.B) {
	s, now := play.NewSource(frames(b, prompt(b, mono(50*160)), codec.PCMA(), 20*time.Millisecond), play.Playback{Times: -1}), epoch
	b.ReportAllocs()
	for b.Loop() {
		s.Next(now)
		now = now.Add(20 * time.Millisecond)
	}
}
