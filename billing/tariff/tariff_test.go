package tariff_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

var eur = billing.MustCurrency("EUR")

func builder(t testing.TB, cfg tariff.Config) *tariff.Builder {
	t.Helper()
	if cfg.Currency.IsZero() {
		cfg.Currency = eur
	}
	b, err := tariff.NewBuilder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func build(t testing.TB, cfg tariff.Config, fees ...tariff.Fee) *tariff.Snapshot {
	t.Helper()
	b := builder(t, cfg)
	for _, f := range fees {
		if err := b.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// per makes a rate of one price and one interval.
func per(price string, seconds int) tariff.Rate {
	i := tariff.Interval{Price: billing.MustPrice(price), Seconds: seconds}
	return tariff.Rate{Init: i, Follow: i}
}

func TestMatch(t *testing.T) {
	s := build(t, tariff.Config{},
		tariff.Fee{ID: "world", Zone: "World", Rate: per("1/60", 60)},
		tariff.Fee{ID: "at", Destination: "43", Zone: "Austria", Rate: per("0.05/60", 60)},
		tariff.Fee{ID: "at-mobile", Destination: "43664", Zone: "Austria mobile", Rate: per("0.10/60", 60)},
		tariff.Fee{ID: "at-own", Destination: "43664", Source: "431", Zone: "Austria mobile", Rate: per("0.08/60", 60)},
		tariff.Fee{ID: "at-vip", Destination: "436641", Source: "4319", Zone: "VIP", Rate: per("0.01/60", 60)},
		tariff.Fee{ID: "short", Destination: "*9#", Rate: per("0", 1)},
		tariff.Fee{ID: "in", Direction: billing.In, Destination: "43", Zone: "Received", Rate: per("0", 60)},
	)
	for _, c := range []struct {
		dir                billing.Direction
		source, dest       string
		fee                string
		destLen, sourceLen int
	}{
		{billing.Out, "", "", "world", 0, 0},
		{billing.Out, "", "1212", "world", 0, 0},
		{billing.Out, "", "bob", "world", 0, 0}, // a name has only the empty prefix
		{billing.Out, "", "43", "at", 2, 0},
		{billing.Out, "", "4312345", "at", 2, 0},
		{billing.Out, "", "436", "at", 2, 0},
		{billing.Out, "49", "4366412", "at-mobile", 5, 0},
		{billing.Out, "43123", "4366412", "at-own", 5, 3},
		{billing.Out, "43199", "4366412", "at-vip", 6, 4},
		// The longest destination is only for sources in 4319; the next shorter one has the field.
		{billing.Out, "4315", "4366412", "at-own", 5, 3},
		{billing.Out, "", "*9#123", "short", 3, 0},
		{billing.Out, "", "*9", "world", 0, 0},
		{billing.In, "", "4312", "in", 2, 0},
		{billing.In, "", "49", "", 0, 0},
		{9, "", "49", "", 0, 0},
	} {
		m, ok := s.Match(c.dir, c.source, c.dest)
		if !ok {
			if c.fee != "" {
				t.Errorf("%s %s>%s: nothing, want %s", c.dir, c.source, c.dest, c.fee)
			}
			continue
		}
		d, src := m.Covers()
		if m.Fee() != c.fee || d != c.destLen || src != c.sourceLen {
			t.Errorf("%s %s>%s: %s (%d, %d), want %s (%d, %d)", c.dir, c.source, c.dest, m.Fee(), d, src, c.fee, c.destLen, c.sourceLen)
		}
	}
	m, _ := s.Match(billing.Out, "", "4366412")
	if m.Zone() != "Austria mobile" || m.Rate(0).Follow.Price != billing.MustPrice("0.10/60") || m.Connect().Currency() != eur {
		t.Errorf("%s, %v, %v", m.Zone(), m.Rate(0), m.Connect())
	}
}

// TestMatchAgainstScan: the index finds what trying every fee finds.
func TestMatchAgainstScan(t *testing.T) {
	digits := rapid.StringMatching(`[0-3*]{0,5}`)
	rapid.Check(t, func(t *rapid.T) {
		b, err := tariff.NewBuilder(tariff.Config{Currency: eur})
		if err != nil {
			t.Fatal(err)
		}
		type key struct {
			dir       billing.Direction
			dest, src string
		}
		seen := map[key]bool{}
		for range rapid.IntRange(0, 40).Draw(t, "fees") {
			k := key{billing.Direction(rapid.IntRange(0, 1).Draw(t, "dir")), digits.Draw(t, "dest"), ""}
			if rapid.IntRange(0, 3).Draw(t, "by source") == 0 {
				k.src = digits.Draw(t, "source")
			}
			if seen[k] {
				continue
			}
			seen[k] = true
			if err := b.Add(tariff.Fee{Direction: k.dir, Destination: k.dest, Source: k.src}); err != nil {
				t.Fatal(err)
			}
		}
		s, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			dir, src, dest := billing.Direction(rapid.IntRange(0, 1).Draw(t, "d")), digits.Draw(t, "s"), digits.Draw(t, "n")
			var best key
			found := false
			for k := range seen {
				if k.dir != dir || !strings.HasPrefix(dest, k.dest) || !strings.HasPrefix(src, k.src) {
					continue
				}
				if !found || len(k.dest) > len(best.dest) || len(k.dest) == len(best.dest) && len(k.src) > len(best.src) {
					best, found = k, true
				}
			}
			m, ok := s.Match(dir, src, dest)
			if ok != found {
				t.Fatalf("%s %s>%s: %v, want %v", dir, src, dest, ok, found)
			}
			if !ok {
				continue
			}
			want := dir.String() + ":" + best.dest
			if best.src != "" {
				want += "<" + best.src
			}
			if m.Fee() != want {
				t.Fatalf("%s %s>%s: %s, want %s", dir, src, dest, m.Fee(), want)
			}
		}
	})
}

func TestBuilderRefuses(t *testing.T) {
	dollar := billing.NewAmount(1, billing.MustCurrency("USD"))
	for name, c := range map[string]struct {
		fee tariff.Fee
		err error
	}{
		"letters":         {tariff.Fee{Destination: "43x"}, tariff.ErrFee},
		"long prefix":     {tariff.Fee{Destination: strings.Repeat("1", 33)}, tariff.ErrFee},
		"source":          {tariff.Fee{Source: " 43"}, tariff.ErrFee},
		"direction":       {tariff.Fee{Direction: 2}, tariff.ErrFee},
		"long id":         {tariff.Fee{ID: strings.Repeat("x", 256)}, tariff.ErrFee},
		"currency":        {tariff.Fee{Connect: dollar}, billing.ErrCurrency},
		"interval":        {tariff.Fee{Rate: per("1", -1)}, tariff.ErrFee},
		"long interval":   {tariff.Fee{Rate: per("1", 86401)}, tariff.ErrFee},
		"name of a rate":  {tariff.Fee{Named: map[string]tariff.Rate{"off peak": {}}}, tariff.ErrFee},
		"interval of one": {tariff.Fee{Named: map[string]tariff.Rate{"off": per("1", -1)}}, tariff.ErrFee},
	} {
		if err := builder(t, tariff.Config{}).Add(c.fee); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := builder(t, tariff.Config{})
	for range 2 {
		if err := b.Add(tariff.Fee{Destination: "43"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Build(); !errors.Is(err, tariff.ErrDuplicate) {
		t.Errorf("the same fee twice: %v", err)
	}
	if _, err := tariff.NewBuilder(tariff.Config{}); !errors.Is(err, billing.ErrCurrency) {
		t.Errorf("no currency: %v", err)
	}
	if _, err := tariff.NewBuilder(tariff.Config{Currency: eur, Counting: 9}); err == nil {
		t.Error("an unknown counting was taken")
	}
	many := map[string]tariff.Rate{}
	for c := range 4096 {
		many[fmt.Sprint("r", c)] = tariff.Rate{}
	}
	if err := builder(t, tariff.Config{}).Add(tariff.Fee{Named: many}); !errors.Is(err, tariff.ErrLimit) {
		t.Errorf("many rates: %v", err)
	}
}

// TestHash: the hash stands for the prices, not for how they were given.
func TestHash(t *testing.T) {
	offpeak, err := tariff.ParseWindow("offpeak sat,sun 00:00-24:00")
	if err != nil {
		t.Fatal(err)
	}
	fees := []tariff.Fee{
		{Destination: "43", Zone: "Austria", Rate: per("0.05/60", 60)},
		{Destination: "49", Zone: "Germany", Rate: per("0.05/60", 30), Named: map[string]tariff.Rate{"offpeak": per("0.01/60", 60)}},
		{Direction: billing.In, Zone: "In"},
	}
	cfg := tariff.Config{Windows: []tariff.Window{offpeak}}
	want := build(t, cfg, fees...).Hash()
	for range 5 {
		shuffled := append([]tariff.Fee{}, fees...)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		named := cfg
		named.Name = "another name"
		if got := build(t, named, shuffled...).Hash(); got != want {
			t.Fatal("order or name changes the hash")
		}
	}
	seen := map[billing.Hash]string{want: "the first"}
	for name, change := range map[string]func(*tariff.Config, []tariff.Fee){
		"price":    func(_ *tariff.Config, f []tariff.Fee) { f[0].Rate = per("0.050000000001/60", 60) },
		"per":      func(_ *tariff.Config, f []tariff.Fee) { f[0].Rate = per("0.05/61", 60) },
		"interval": func(_ *tariff.Config, f []tariff.Fee) { f[0].Rate.Follow.Seconds = 1 },
		"init":     func(_ *tariff.Config, f []tariff.Fee) { f[0].Rate.Init.Seconds = 1 },
		"offpeak":  func(_ *tariff.Config, f []tariff.Fee) { f[1].Named = nil },
		"connect":  func(_ *tariff.Config, f []tariff.Fee) { f[0].Connect = billing.NewAmount(1, eur) },
		"zone":     func(_ *tariff.Config, f []tariff.Fee) { f[0].Zone = "AT" },
		"id":       func(_ *tariff.Config, f []tariff.Fee) { f[0].ID = "AT" },
		"prefix":   func(_ *tariff.Config, f []tariff.Fee) { f[0].Destination = "431" },
		"source":   func(_ *tariff.Config, f []tariff.Fee) { f[0].Source = "431" },
		"currency": func(c *tariff.Config, _ []tariff.Fee) { c.Currency = billing.MustCurrency("USD") },
		"counting": func(c *tariff.Config, _ []tariff.Fee) { c.Counting = tariff.CountNearest },
		"rounding": func(c *tariff.Config, _ []tariff.Fee) {
			c.Rounding, _ = billing.NewRounding(billing.Up, 2, billing.ScopeLeg)
		},
		"windows":  func(c *tariff.Config, _ []tariff.Fee) { c.Windows = nil },
		"location": func(c *tariff.Config, _ []tariff.Fee) { c.Location = zone(t, "Europe/Vienna") },
	} {
		c, f := cfg, append([]tariff.Fee{}, fees...)
		change(&c, f)
		h := build(t, c, f...).Hash()
		if was, dup := seen[h]; dup {
			t.Errorf("%s gives the hash of %s", name, was)
		}
		seen[h] = name
	}
}

func TestLint(t *testing.T) {
	offpeak, err := tariff.ParseWindow("offpeak sat,sun 00:00-24:00")
	if err != nil {
		t.Fatal(err)
	}
	s := build(t, tariff.Config{Windows: []tariff.Window{offpeak}},
		tariff.Fee{Destination: "43", Rate: per("0.05/60", 60)},
		tariff.Fee{Destination: "431", Rate: per("0.05/60", 60)},
		tariff.Fee{Destination: "432", Rate: per("0.0016666667", 1)},
		tariff.Fee{Destination: "433", Rate: per("-1", 0)},
		tariff.Fee{Destination: "434", Source: "43", Rate: per("0.05/60", 60)},
		tariff.Fee{Destination: "44", Rate: per("0.06/60", 60), Named: map[string]tariff.Rate{"night": per("0.01/60", 60)}},
	)
	var got []string
	for _, f := range s.Lint() {
		got = append(got, f.Code+" "+f.Fee)
		if f.String() == "" {
			t.Error("a finding without text")
		}
	}
	want := "nobody ;unused ;hole ;repeats out:431;divided out:432;interval out:433;negative out:433"
	if strings.Join(got, ";") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ";"), want)
	}
	clean := build(t, tariff.Config{}, tariff.Fee{Rate: per("0.05/60", 60)}, tariff.Fee{Destination: "43", Rate: per("0.01/60", 60)})
	if f := clean.Lint(); len(f) != 0 {
		t.Errorf("findings in a clean tariff: %v", f)
	}
}
