package tariff_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// TestFind: ported numbers, exact destinations, prefixes, expressions, in this
// order, and user@domain before the user.
func TestFind(t *testing.T) {
	fee := func(id string, m tariff.Mode, dest, source string) tariff.Fee {
		return tariff.Fee{ID: id, Mode: m, Destination: dest, Source: source}
	}
	s := build(t, tariff.Config{},
		fee("prefix", tariff.Prefix, "43", ""), fee("longer", tariff.Prefix, "431", ""), fee("from 49", tariff.Prefix, "431", "49"),
		fee("user", tariff.Prefix, "bob", ""), fee("user at", tariff.Prefix, "bob@ex", ""),
		fee("exact", tariff.Exact, "4319001", ""), fee("exact at", tariff.Exact, "4319001@vip.example", ""), fee("exact from", tariff.Exact, "4319001", "alice@home.example"),
		fee("ported", tariff.Prefix, "lnp:7", ""), fee("type", tariff.Exact, "lnpnumbertype:mobile", ""),
		fee("match 1", tariff.RegexMatch, "^5", ""), fee("match 2", tariff.RegexMatch, "^50[0-9]*", ""), fee("match 3", tariff.RegexMatch, "^50[0-9]*", "^49"),
		fee("pattern 1", tariff.RegexPattern, "^6.*", ""), fee("pattern 2", tariff.RegexPattern, "^(60|61).*", ""), fee("domain", tariff.RegexPattern, `@a\.example$`, ""),
		tariff.Fee{ID: "sms", Service: tariff.SMS, Destination: "43"}, tariff.Fee{ID: "received", Direction: billing.In},
	)
	for _, c := range []struct {
		q    tariff.Query
		want string
	}{
		{tariff.Query{Destination: "4320"}, "prefix"},
		{tariff.Query{Destination: "4310"}, "longer"},
		{tariff.Query{Destination: "4310", Source: "491"}, "from 49"},
		{tariff.Query{Destination: "4319001"}, "exact"},
		{tariff.Query{Destination: "4319001", DestinationURI: "4319001@vip.example"}, "exact at"},
		{tariff.Query{Destination: "4319001", DestinationURI: "4319001@any.example"}, "exact"},
		{tariff.Query{Destination: "4319001", Source: "alice", SourceURI: "alice@home.example"}, "exact from"},
		{tariff.Query{Destination: "43190011"}, "longer"},
		{tariff.Query{Destination: "bobby"}, "user"},
		{tariff.Query{Destination: "bob", DestinationURI: "bob@example.org"}, "user at"},
		{tariff.Query{Destination: "4319001", Provider: "7"}, "ported"},
		{tariff.Query{Destination: "4319001", Provider: "8", NumberType: "mobile"}, "type"},
		{tariff.Query{Destination: "4319001", Provider: "8"}, "exact"},
		{tariff.Query{Destination: "51"}, "match 1"},
		{tariff.Query{Destination: "501"}, "match 2"},
		{tariff.Query{Destination: "501", Source: "491"}, "match 3"},
		{tariff.Query{Destination: "62"}, "pattern 1"},
		{tariff.Query{Destination: "612"}, "pattern 2"},
		{tariff.Query{Destination: "9", DestinationURI: "9@a.example"}, "domain"},
		{tariff.Query{Destination: "9"}, ""},
		{tariff.Query{Destination: "43", Service: tariff.SMS}, "sms"},
		{tariff.Query{Destination: "43", Service: tariff.Data}, ""},
		{tariff.Query{Destination: "9", Direction: billing.In}, "received"},
		{tariff.Query{Destination: "9", Service: 9}, ""},
	} {
		m, ok := s.Find(c.q)
		if ok != (c.want != "") || ok && m.Fee() != c.want {
			t.Errorf("%+v: %v, want %q", c.q, ok, c.want)
			if ok {
				t.Error(m.Fee())
			}
		}
	}
	ignoring := build(t, tariff.Config{IgnoreDomain: true}, fee("at", tariff.Exact, "1@a", ""), fee("all", tariff.Prefix, "", ""))
	if m, ok := ignoring.Find(tariff.Query{Destination: "1", DestinationURI: "1@a"}); !ok || m.Fee() != "all" {
		t.Error("the domain was not ignored")
	}
}

func TestRefused(t *testing.T) {
	for what, f := range map[string]tariff.Fee{
		"expression":        {Mode: tariff.RegexMatch, Destination: "("},
		"long expression":   {Mode: tariff.RegexPattern, Destination: strings.Repeat("1", 256)},
		"source expression": {Mode: tariff.RegexMatch, Source: "a{2,1}"},
		"mode":              {Mode: 9},
		"service":           {Service: 9},
		"cap below zero":    {Cap: tariff.Cap{Action: tariff.CapFree, Amount: billing.NewAmount(-1, eur)}},
		"cap action":        {Cap: tariff.Cap{Action: 9}},
		"tiers out of order": {Rate: tariff.Rate{Tiers: []tariff.Tier{
			{Start: 60}, {Start: 60},
		}}},
		"tier at 0":       {Rate: tariff.Rate{Tiers: []tariff.Tier{{Start: 0}}}},
		"tier interval":   {Rate: tariff.Rate{Tiers: []tariff.Tier{{Start: 1, Interval: tariff.Interval{Seconds: 86401}}}}},
		"tier currency":   {Rate: tariff.Rate{Tiers: []tariff.Tier{{Start: 1, Connect: billing.NewAmount(1, billing.MustCurrency("USD"))}}}},
		"extra second":    {Rate: tariff.Rate{Extra: tariff.Extra{Second: -1}}},
		"space in a user": {Destination: "bob @x"},
	} {
		if err := builder(t, tariff.Config{}).Add(f); !errors.Is(err, tariff.ErrFee) {
			t.Errorf("%s: %v", what, err)
		}
	}
	twice := builder(t, tariff.Config{})
	for _, m := range []tariff.Mode{tariff.Prefix, tariff.Exact} {
		if err := twice.Add(tariff.Fee{Mode: m, Destination: "lnp:7"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := twice.Build(); !errors.Is(err, tariff.ErrDuplicate) {
		t.Errorf("a provider twice: %v", err)
	}
}

func specials(t testing.TB, texts ...string) []tariff.Special {
	t.Helper()
	var out []tariff.Special
	for _, text := range texts {
		s, err := tariff.ParseSpecial(text)
		if err != nil {
			t.Fatal(err)
		}
		if s.String() != text {
			t.Errorf("%q is written %q", text, s)
		}
		out = append(out, s)
	}
	return out
}

// TestSpecials: a special date wins for its span only, and the weekday has the
// rest of the day.
func TestSpecials(t *testing.T) {
	s := build(t, tariff.Config{
		Location: zone(t, "Europe/Vienna"), Windows: windows(t, "offpeak thu 18:00-24:00"),
		Specials: specials(t, "holiday 2026-12-24T12:00:00/2026-12-24T20:00:00", "default 2026-12-24T21:00:00/2026-12-24T22:00:00"),
	}, tariff.Fee{})
	for text, want := range map[string]string{
		"2026-12-24T11:59:59+01:00": "", "2026-12-24T12:00:00+01:00": "holiday", "2026-12-24T19:59:59+01:00": "holiday",
		"2026-12-24T20:00:00+01:00": "offpeak", "2026-12-24T21:00:00+01:00": "", "2026-12-24T22:00:00+01:00": "offpeak",
		"2026-12-25T00:00:00+01:00": "", "2026-12-17T19:00:00+01:00": "offpeak",
	} {
		n, until := s.Period(at(t, text))
		if got := s.RateName(n); got != want || until <= at(t, text) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestInclusiveEnds(t *testing.T) {
	cfg := tariff.Config{
		InclusiveEnds: true, Windows: windows(t, "offpeak mon 00:00-07:59:59", "offpeak mon 20:00-23:59:59"),
		Specials: specials(t, "holiday 2026-05-04T10:00:00/2026-05-04T10:59:59"),
	}
	cfg.Windows = append(cfg.Windows, tariff.Window{Rate: "second", Days: tariff.DaySet(time.Monday), From: 9 * 3600, To: 9 * 3600})
	s := build(t, cfg, tariff.Fee{})
	for text, want := range map[string]string{
		"2026-05-04T07:59:59.999Z": "offpeak", "2026-05-04T08:00:00Z": "", "2026-05-04T23:59:59.500Z": "offpeak", "2026-05-05T00:00:00Z": "",
		"2026-05-04T09:00:00.900Z": "second", "2026-05-04T09:00:01Z": "", "2026-05-04T10:59:59.900Z": "holiday", "2026-05-04T11:00:00Z": "",
	} {
		if n, _ := s.Period(at(t, text)); s.RateName(n) != want {
			t.Errorf("%s: %q, want %q", text, s.RateName(n), want)
		}
	}
	cfg.Windows = append(cfg.Windows, windows(t, "x mon 07:59:59-08:30")...)
	if _, err := builder(t, cfg).Build(); !errors.Is(err, tariff.ErrOverlap) {
		t.Errorf("the last second of two windows: %v", err)
	}
}

func TestSpecialsOverlap(t *testing.T) {
	cfg := tariff.Config{Specials: specials(t, "a 2026-01-01T00:00:00/2026-01-03T00:00:00", "b 2026-01-02T00:00:00/2026-01-04T00:00:00")}
	if _, err := builder(t, cfg).Build(); !errors.Is(err, tariff.ErrOverlap) {
		t.Errorf("two rates: %v", err)
	}
	cfg.Specials[1].Rate = "a"
	s := build(t, cfg, tariff.Fee{})
	if len(s.Lint()) == 0 || s.Lint()[1].Code != tariff.LintOverlap {
		t.Errorf("one rate: %v", s.Lint())
	}
	for _, bad := range []string{"", "a", "a 2026-01-01", "a 2026-13-01/2026-01-02", "a 2026-01-02/2026-01-01", "a b 2026-01-01/2026-01-02", "x! 2026-01-01/2026-01-02"} {
		if _, err := tariff.ParseSpecial(bad); !errors.Is(err, tariff.ErrWindow) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestManyRates: a calendar has any number of named rates.
func TestManyRates(t *testing.T) {
	cfg := tariff.Config{}
	f := tariff.Fee{Named: map[string]tariff.Rate{}}
	for i := range 1440 {
		name := fmt.Sprint("r", i)
		cfg.Windows = append(cfg.Windows, tariff.Window{Rate: name, Days: 127, From: i * 60, To: i*60 + 60})
		f.Named[name] = per(fmt.Sprintf("0.%04d1", i), 60)
	}
	s := build(t, cfg, f)
	m, _ := s.Match(billing.Out, "", "")
	for i := range 1440 {
		n, _ := s.Period(at(t, "2026-05-04T00:00:30Z") + billing.Millis(i)*60_000)
		if s.RateName(n) != fmt.Sprint("r", i) || !m.Rate(n).Equal(f.Named[fmt.Sprint("r", i)]) {
			t.Fatalf("minute %d: %s", i, s.RateName(n))
		}
	}
}

func TestCustomerZone(t *testing.T) {
	cfg := tariff.Config{Windows: windows(t, "night mon-sun 00:00-06:00"), CustomerZone: true}
	s := build(t, cfg, tariff.Fee{})
	noon := at(t, "2026-05-04T14:00:00Z")
	sydney := tariff.NewZone(zone(t, "Australia/Lord_Howe")) // 00:30 there
	if n, _ := s.PeriodIn(sydney, noon); s.RateName(n) != "night" {
		t.Error("the customer's zone does not count")
	}
	if n, _ := s.PeriodIn(nil, noon); s.RateName(n) != "" {
		t.Error("without a zone, that of the tariff counts")
	}
	if n, _ := s.PeriodIn(&tariff.Zone{}, noon); s.RateName(n) != "" {
		t.Error("a zone that was never made is not UTC")
	}
	cfg.CustomerZone = false
	s = build(t, cfg, tariff.Fee{})
	if n, _ := s.PeriodIn(sydney, noon); s.RateName(n) != "" {
		t.Error("the customer's zone counts though the tariff says nothing of it")
	}
}

func TestLintMore(t *testing.T) {
	var fees []tariff.Fee
	for i := range 10 {
		fees = append(fees, tariff.Fee{Destination: fmt.Sprint("43", i), Rate: per("0.01", 1+i)})
		if i < 8 {
			fees = append(fees, tariff.Fee{Destination: fmt.Sprint("49", i), Rate: per("0.01", 1+i)})
		}
	}
	fees = append(fees, tariff.Fee{Destination: "43", Rate: per("0.02", 1)},
		tariff.Fee{Direction: billing.In, Rate: per("0.02", 1)}, tariff.Fee{ID: "hidden", Direction: billing.In, Mode: tariff.RegexMatch, Destination: "^43"})
	for i := range 1001 {
		fees = append(fees, tariff.Fee{Service: tariff.SMS, Mode: tariff.RegexPattern, Destination: fmt.Sprintf("^43%04d", i), Rate: per("0.01", 1)})
	}
	s := build(t, tariff.Config{Windows: windows(t, "a mon-fri 08:00-12:00", "a fri,sat 11:00-13:00")}, fees...)
	var got []string
	for _, f := range s.Lint() {
		got = append(got, f.Code+" "+f.Fee+" "+f.Text)
	}
	text := strings.Join(got, "\n")
	for _, want := range []string{
		"overlap  windows", "unreachable out:43 all ten digits", "hole  prefix 49: fees for most digits that follow, none for 89",
		"unreachable hidden", "regex  direction out, sms: 1001 regular", "hole  direction out, call",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no finding %q in\n%s", want, text)
		}
	}
}

func TestLintMargin(t *testing.T) {
	sale := build(t, tariff.Config{},
		tariff.Fee{ID: "world", Rate: per("0.10/60", 60)}, tariff.Fee{ID: "at", Destination: "43", Rate: per("0.02/60", 60)})
	cost := build(t, tariff.Config{},
		tariff.Fee{Rate: per("0.05/60", 60)}, tariff.Fee{Destination: "4366", Rate: per("0.03/60", 60)}, tariff.Fee{Destination: "88", Rate: per("9/60", 60)},
		tariff.Fee{Destination: "432", Rate: per("0.01/60", 60), Connect: billing.NewAmount(1, eur)})
	got, err := sale.LintMargin(cost)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, f := range got {
		texts = append(texts, f.Fee+" "+strings.SplitN(f.Text, ":", 2)[0])
	}
	if want := `at prefix "43"; at prefix "4366"; world prefix "88"`; strings.Join(texts, "; ") != want {
		t.Errorf("got %s, want %s", strings.Join(texts, "; "), want)
	}
	b, err := tariff.NewBuilder(tariff.Config{Currency: billing.MustCurrency("USD")})
	if err != nil {
		t.Fatal(err)
	}
	dollars, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sale.LintMargin(dollars); !errors.Is(err, billing.ErrCurrency) {
		t.Errorf("two currencies: %v", err)
	}
}

// TestDeckColumns: the columns of the own layout that go beyond plain prices.
func TestDeckColumns(t *testing.T) {
	b := builder(t, tariff.Config{})
	err := b.ReadCSV(strings.NewReader(`destination,service,mode,cap,cap_action,follow_price,follow_interval,tiers,extra_second,extra_price,free_time
43,call,,2.50,,0.05/60,60,60 0.04/60 30; 600 0.02/60 60 0.10,31,0.50,1
^44,sms,regex-pattern,1,disconnect,0.07,1,,,,
`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	m, _ := s.Match(billing.Out, "", "4319")
	want := per("0.05/60", 60)
	want.FreeTime, want.Extra = true, tariff.Extra{Second: 31, Price: billing.MustPrice("0.50")}
	want.Tiers = []tariff.Tier{
		{Start: 60, Interval: tariff.Interval{Price: billing.MustPrice("0.04/60"), Seconds: 30}},
		{Start: 600, Connect: billing.NewAmount(100_000, eur), Interval: tariff.Interval{Price: billing.MustPrice("0.02/60"), Seconds: 60}},
	}
	if !m.Rate(0).Equal(want) || m.Cap() != (tariff.Cap{Amount: billing.NewAmount(2_500_000, eur), Action: tariff.CapFree}) {
		t.Errorf("%+v, %+v", m.Rate(0), m.Cap())
	}
	m, ok := s.Find(tariff.Query{Service: tariff.SMS, Destination: "441"})
	if !ok || m.Cap().Action != tariff.CapDisconnect || m.Mode() != tariff.RegexPattern {
		t.Errorf("%v", ok)
	}
	for row, column := range map[string]string{
		"43,fax,,,,1,1,,,,": "service", "43,,like,,,1,1,,,,": "mode", "43,,,x,,1,1,,,,": "cap", "43,,,1,stop,1,1,,,,": "cap_action",
		"43,,,,,1,1,60,,,": "tiers", "43,,,,,1,1,x 1 1,,,": "tiers", "43,,,,,1,1,1 x 1,,,": "tiers", "43,,,,,1,1,1 1 x,,,": "tiers", "43,,,,,1,1,1 1 1 x,,,": "tiers",
		"43,,,,,1,1,,x,,": "extra_second", "43,,,,,1,1,,1,x,": "extra_price", "43,,,,,1,1,,,,maybe": "free_time", "43,,,,,1,1,60 1 1;30 1 1,,,": "",
	} {
		b := builder(t, tariff.Config{})
		err := b.ReadCSV(strings.NewReader("destination,service,mode,cap,cap_action,follow_price,follow_interval,tiers,extra_second,extra_price,free_time\n" + row + "\n"))
		var line *tariff.LineError
		if !errors.As(err, &line) || line.Line != 2 || line.Column != column {
			t.Errorf("%s: %v", row, err)
		}
	}
}

// TestAllocs: finding a fee allocates nothing but for expressions that win by
// the length of their match.
func TestAllocs(t *testing.T) {
	s := build(t, tariff.Config{Windows: windows(t, "a mon-fri 08:00-12:00"), Specials: specials(t, "b 2026-12-24T00:00:00/2026-12-25T00:00:00")},
		tariff.Fee{Destination: "43"}, tariff.Fee{Destination: "431", Source: "49"}, tariff.Fee{Mode: tariff.Exact, Destination: "bob@a.example"},
		tariff.Fee{Destination: "lnp:7"}, tariff.Fee{Mode: tariff.RegexPattern, Destination: "^5.*"})
	queries := []tariff.Query{
		{Destination: "4319", Source: "4912"}, {Destination: "bob", DestinationURI: "bob@a.example"}, {Destination: "1", Provider: "7"}, {Destination: "512"},
	}
	n := testing.AllocsPerRun(100, func() {
		for _, q := range queries {
			if _, ok := s.Find(q); !ok {
				t.Fatal(q)
			}
		}
		s.Period(1_780_000_000_000)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
