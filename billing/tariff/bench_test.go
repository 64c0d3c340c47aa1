package tariff_test

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/billing/tariff/sample"
)

const large = 500_000

func deckOf(tb testing.TB, n int) (*tariff.Snapshot, []string) {
	fees := sample.Fees(n, 1)
	return build(tb, tariff.Config{Windows: sample.Windows()}, fees...), sample.Numbers(fees, 1<<16, 2)
}

// TestIndexSize holds the promise of the index: 24 bytes a prefix, and 64 with
// prices, zones and identifiers.
func TestIndexSize(t *testing.T) {
	const n = large / 4 // fewer share less, so this is the harder case
	s, _ := deckOf(t, n)
	index, all := s.Size()
	if index > 24*n || all > 64*n {
		t.Errorf("%d and %d bytes for %d prefixes", index, all, n)
	}
}

func BenchmarkMatch(b *testing.B) {
	s, numbers := deckOf(b, large)
	index, all := s.Size()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := s.Match(billing.Out, "", numbers[i&(1<<16-1)]); !ok {
			b.Fatal("no fee")
		}
		i++
	}
	b.ReportMetric(float64(index)/large, "index-B/prefix")
	b.ReportMetric(float64(all)/large, "all-B/prefix")
}

func BenchmarkPeriod(b *testing.B) {
	s := build(b, tariff.Config{Location: zone(b, "Europe/Vienna"), Windows: sample.Windows()})
	b.ReportAllocs()
	at := billing.Millis(1_780_000_000_000)
	for b.Loop() {
		_, at = s.Period(at)
		at %= 2_500_000_000_000
	}
}

// BenchmarkLoad reads and builds a deck of 500,000 rows.
func BenchmarkLoad(b *testing.B) {
	var deck bytes.Buffer
	w := csv.NewWriter(&deck)
	_ = w.Write([]string{"destination", "zone", "init_price", "init_interval", "follow_price", "follow_interval", "offpeak.follow_price", "offpeak.follow_interval"})
	for _, f := range sample.Fees(large, 1) {
		off := f.Named["offpeak"].Follow
		_ = w.Write([]string{
			f.Destination, f.Zone, f.Rate.Init.Price.String(), strconv.Itoa(f.Rate.Init.Seconds),
			f.Rate.Follow.Price.String(), strconv.Itoa(f.Rate.Follow.Seconds), off.Price.String(), strconv.Itoa(off.Seconds),
		})
	}
	w.Flush()
	b.ReportAllocs()
	b.SetBytes(int64(deck.Len()))
	for b.Loop() {
		t := builder(b, tariff.Config{Windows: sample.Windows()})
		if err := t.ReadCSV(bytes.NewReader(deck.Bytes())); err != nil {
			b.Fatal(err)
		}
		if _, err := t.Build(); err != nil {
			b.Fatal(err)
		}
	}
}
