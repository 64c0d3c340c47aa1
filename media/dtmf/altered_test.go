package dtmf

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestAltered: a Blocker says of what it gives out whether it is as it came,
// whatever the pieces and wherever digits are.
func TestAltered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const rate = 8000
		mode := rapid.SampledFrom([]Mode{Drop, Sine, Random}).Draw(t, "mode")
		b, err := NewBlocker(rate, Blocking{Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		var in []int16
		for range rapid.IntRange(1, 4).Draw(t, "parts") {
			for i := range rapid.IntRange(100, 2000).Draw(t, "talk") {
				in = append(in, int16(1+i%97)) // never what silence is
			}
			g := NewGenerator(rate)
			g.Start(Event(rapid.IntRange(0, 15).Draw(t, "digit")), 10)
			in = g.Append(in, rapid.IntRange(0, 900).Draw(t, "press"))
		}
		in = append(in, make([]int16, 2000)...)
		late := int(lookback) * rate / 1e9
		expected := append(make([]int16, late), in...)
		var found []Digit
		for done := 0; done < len(in); {
			n := min(rapid.SampledFrom([]int{1, 37, 80, 160, 240, 800}).Draw(t, "piece"), len(in)-done)
			var out []int16
			out, found = b.Audio(nil, in[done:done+n], found)
			if same := slices.Equal(out, expected[done:done+n]); !same && !b.Altered() {
				t.Fatalf("samples %d to %d are others, and it does not say so", done, done+n)
			}
			done += n
		}
		if b.Audio(nil, make([]int16, 3*late), nil); len(found) == 0 && b.Altered() {
			t.Fatal("without a digit something is altered")
		}
	})
}
