package dtmf_test

import (
	"math"
	"testing"
	"time"

	"github.com/class5-go/class5/media/dtmf"
)

func TestTrigger(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	press := func(tr *dtmf.Trigger, digits string) (states string) {
		for _, c := range []byte(digits) {
			now = now.Add(time.Second)
			if tr.Digit(event(t, c), now) {
				states += "+"
			} else {
				states += "-"
			}
		}
		return states
	}
	for _, c := range []struct {
		trigger        dtmf.Trigger
		digits, states string
	}{
		{dtmf.Trigger{Start: "*1", End: "#"}, "11*1234#5*1", "---++++---+"},
		{dtmf.Trigger{Start: "1", EndDigits: 4}, "122221", "++++-+"},
		{dtmf.Trigger{Start: "1", End: "##", EndDigits: 9, Timeout: 3500 * time.Millisecond}, "12345", "++++-"},
		{dtmf.Trigger{}, "123", "---"},
	} {
		if got := press(&c.trigger, c.digits); got != c.states {
			t.Errorf("%+v: %q gave %s, want %s", c.trigger.Start, c.digits, got, c.states)
		}
	}
	tr := dtmf.Trigger{End: "#", Timeout: time.Minute}
	tr.Set(true, now)
	if !tr.Expire(now.Add(59*time.Second)) || tr.Expire(now.Add(time.Minute)) || tr.Active() {
		t.Error("time-out")
	}
}

func TestModes(t *testing.T) {
	for m := dtmf.Off; m <= dtmf.Replace; m++ {
		if got, err := dtmf.ParseMode(m.String()); err != nil || got != m {
			t.Errorf("%v: %v %v", m, got, err)
		}
	}
	if _, err := dtmf.ParseMode("loud"); err == nil {
		t.Error("accepted")
	}
}

func blocker(t testing.TB, rate int, how dtmf.Blocking) *dtmf.Blocker {
	t.Helper()
	b, err := dtmf.NewBlocker(rate, how)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBlockedEvents(t *testing.T) {
	nine, four := event(t, '9'), event(t, '4')
	for _, c := range []struct {
		how  dtmf.Blocking
		want dtmf.Verdict
		ok   func(dtmf.Event) bool
	}{
		{dtmf.Blocking{}, dtmf.Pass, func(e dtmf.Event) bool { return e == nine }},
		{dtmf.Blocking{Mode: dtmf.Drop}, dtmf.Gone, nil},
		{dtmf.Blocking{Mode: dtmf.Silence}, dtmf.Audio, nil},
		{dtmf.Blocking{Mode: dtmf.Sine}, dtmf.Audio, nil},
		{dtmf.Blocking{Mode: dtmf.Random}, dtmf.Pass, func(e dtmf.Event) bool { return e != nine && e < 16 }},
		{dtmf.Blocking{Mode: dtmf.Zero}, dtmf.Pass, func(e dtmf.Event) bool { return e == 0 }},
		{dtmf.Blocking{Mode: dtmf.Replace, Digit: four}, dtmf.Pass, func(e dtmf.Event) bool { return e == four }},
	} {
		b := blocker(t, 8000, c.how)
		first := dtmf.Event(99)
		for i := range uint16(5) {
			p, v := b.Event(1000, dtmf.Payload{Event: nine, Duration: 160 * (i + 1)})
			if v != c.want || c.ok != nil && !c.ok(p.Event) || i > 0 && v == dtmf.Pass && p.Event != first || p.Duration != 160*(i+1) {
				t.Errorf("%v: %v", c.how.Mode, v)
			}
			first = p.Event
		}
		if pcm := b.Fill(nil, 160); len(pcm) != 160 || (c.how.Mode == dtmf.Sine) != (loudness(pcm) > -40) && c.want == dtmf.Audio {
			t.Errorf("%v: fill of %.0f dB", c.how.Mode, loudness(pcm))
		}
	}
}

func loudness(pcm []int16) float64 {
	sum := 1e-9
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return 10*math.Log10(sum/float64(len(pcm))) - 20*math.Log10(32768)
}

// TestBlockedAudio: nothing of a digit is left, not even its beginning, and
// what lies between passes unchanged.
func TestBlockedAudio(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		d := dial{rate: rate, on: 80 * time.Millisecond, off: 120 * time.Millisecond, volume: 10}
		pcm := d.audio(all)
		for _, mode := range []dtmf.Mode{dtmf.Drop, dtmf.Silence, dtmf.Sine, dtmf.Random, dtmf.Zero, dtmf.Replace} {
			b := blocker(t, rate, dtmf.Blocking{Mode: mode, Digit: event(t, '8')})
			var out []int16
			var digits []dtmf.Digit
			for rest := pcm; len(rest) > 0; rest = rest[min(rate/50, len(rest)):] {
				out, digits = b.Audio(out, rest[:min(rate/50, len(rest))], digits)
			}
			if got := heard(digits); got != all {
				t.Errorf("%d %v: heard %q", rate, mode, got)
			}
			if len(out) != len(pcm) {
				t.Fatalf("%v: %d samples of %d", mode, len(out), len(pcm))
			}
			left := heard(detect(t, rate, out))
			switch mode {
			case dtmf.Drop, dtmf.Silence:
				if l := loudness(out); l > -90 {
					t.Errorf("%d %v: %.0f dB left", rate, mode, l)
				}
			case dtmf.Sine:
				if left != "" {
					t.Errorf("%d %v: %q", rate, mode, left)
				}
			case dtmf.Zero:
				if left != "0000000000000000" {
					t.Errorf("%d %v: %q", rate, mode, left)
				}
			case dtmf.Replace:
				if left != "8888888888888888" {
					t.Errorf("%d %v: %q", rate, mode, left)
				}
			case dtmf.Random:
				for i := range min(len(left), len(all)) {
					if left[i] == all[i] {
						t.Errorf("%d %v: %q", rate, mode, left)
					}
				}
			}
		}
		b := blocker(t, rate, dtmf.Blocking{Mode: dtmf.Drop})
		speech := voices(rate, 5*time.Second)
		out, _ := b.Audio(nil, speech, nil)
		delay := int(b.Delay()) * rate / int(time.Second)
		for i := range speech[:len(speech)-delay] {
			if out[i+delay] != speech[i] {
				t.Fatalf("%d: sample %d changed", rate, i)
			}
		}
	}
}

func TestDetectorAllocs(t *testing.T) {
	pcm := dial{rate: 16000, on: 60 * time.Millisecond, off: 60 * time.Millisecond, volume: 10}.audio(all)
	d, err := dtmf.NewDetector(16000)
	if err != nil {
		t.Fatal(err)
	}
	b := blocker(t, 16000, dtmf.Blocking{Mode: dtmf.Zero})
	digits, out, i := make([]dtmf.Digit, 0, 10), make([]int16, 0, 1000), 0
	step := func() {
		digits = d.Audio(digits[:0], pcm[i:i+320])
		out, digits = b.Audio(out[:0], pcm[i:i+320], digits[:0])
		i = (i + 320) % (len(pcm) - 320)
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(200, step); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDetect(b *testing.B) {
	pcm := voices(8000, time.Second)
	d, err := dtmf.NewDetector(8000)
	if err != nil {
		b.Fatal(err)
	}
	var digits []dtmf.Digit
	b.ReportAllocs()
	for i := 0; b.Loop(); i = (i + 160) % 8000 {
		digits = d.Audio(digits[:0], pcm[i:i+160])
	}
}
