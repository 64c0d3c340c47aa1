package guard

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRateText(t *testing.T) {
	for text, want := range map[string]Rate{
		"30/2s":           {Count: 30, Per: 2 * time.Second},
		"100/s burst 500": {Count: 100, Per: time.Second, Burst: 500},
		" 5 / m burst 7 ": {Count: 5, Per: time.Minute, Burst: 7},
		"1/100ms":         {Count: 1, Per: 100 * time.Millisecond},
		"off":             {Count: -1},
	} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%q: %+v, %v; want %+v", text, r, err, want)
			continue
		}
		var again Rate
		if b, _ := r.MarshalText(); again.UnmarshalText(b) != nil || again.compile() != r.compile() {
			t.Errorf("%q reads as %+v", b, again)
		}
	}
	for _, text := range []string{"", "30", "/s", "0/s", "-3/s", "x/s", "30/x", "30/2s burst", "30/2s burst x", "30/2s burst -1",
		"1/800h", "2000000000/s", "1/24h burst 100", "30/-2s", "30/s burst 99999999999"} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q reads as %+v", text, r)
		}
	}
}

// TestBucketProperty holds every stretch of time against the promise of a rate.
func TestBucketProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{
			Count: rapid.IntRange(1, 1000).Draw(t, "count"),
			Per:   time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Minute)).Draw(t, "per")),
			Burst: rapid.IntRange(1, 50).Draw(t, "burst"),
		}
		c := r.compile()
		gap := rapid.Int64Range(0, 3*c.interval)
		table, one := newBuckets(16), new(bucket)
		now := epoch.UnixNano()
		var taken []int64
		for range rapid.IntRange(1, 200).Draw(t, "events") {
			now += gap.Draw(t, "gap")
			got := table.take(1<<63|77, now, c)
			if other := one.take(now, c); other != got {
				t.Fatalf("the table says %v, a bucket %v", got, other)
			}
			if got {
				taken = append(taken, now)
			}
		}
		for i := range taken {
			for j := i; j < len(taken); j++ {
				// n events in the time between the first and the last of them
				n, span := float64(j-i+1), float64(taken[j]-taken[i])
				if most := float64(r.Burst) + span*float64(r.Count)/float64(r.Per); n > most+1e-6 {
					t.Fatalf("%v events in %v ns at %v, at most %v", n, span, r, most)
				}
			}
		}
		now += c.interval * int64(r.Burst+1)
		for i := range r.Burst {
			if !table.take(1<<63|77, now, c) {
				t.Fatalf("a full bucket of %v refuses event %d", r, i)
			}
		}
	})
}

func TestBucketsKeepTheEmptiest(t *testing.T) {
	c := Rate{Count: 1, Per: time.Second, Burst: 10}.compile()
	b := newBuckets(ways) // two sets
	const spender = 1<<63 | 1
	now := epoch.UnixNano()
	for b.take(spender, now, c) {
	}
	for i := range uint64(1000) {
		b.take(1<<63|(i+2), now, c)
	}
	if b.take(spender, now, c) {
		t.Error("an empty bucket was lost to full ones")
	}
	if b.len() != 2*ways || b.evictions() == 0 || b.used(epoch) != ways {
		t.Errorf("%d entries, %d in use, %d evicted", b.len(), b.used(epoch), b.evictions())
	}
	if !b.take(spender, now, Rate{Count: -1}.compile()) {
		t.Error("no limit refuses")
	}
}
