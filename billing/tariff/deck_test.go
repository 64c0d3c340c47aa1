package tariff_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

func TestReadNGCP(t *testing.T) {
	const rows = `.,^431,out,Austria,Vienna,6,60,6,60,3,60,3,60,0,,,,,
431,43664,out,Austria,Mobile,10,60,0.1666666667,1,,,,,1,prefix,50,30,,
,lnp:7,out,Ported,,1,1,1,1,1,1,1,1,0,exact_destination
`
	const header = "source,destination,direction,zone,zone_detail,onpeak_init_rate,onpeak_init_interval,onpeak_follow_rate,onpeak_follow_interval," +
		"offpeak_init_rate,offpeak_init_interval,offpeak_follow_rate,offpeak_follow_interval,use_free_time,match_mode,onpeak_extra_rate,onpeak_extra_second," +
		"offpeak_extra_rate,offpeak_extra_second\n"
	var hash billing.Hash
	for i, deck := range []string{rows, header + strings.Replace(rows, "exact_destination\n", "exact_destination,,,,\n", 1)} {
		b := builder(t, tariff.Config{Windows: windows(t, "offpeak sat,sun 00:00-24:00")})
		if err := b.ReadNGCP(strings.NewReader(deck)); err != nil {
			t.Fatal(err)
		}
		s, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 && s.Hash() != hash {
			t.Error("the header makes a difference")
		}
		hash = s.Hash()
		m, ok := s.Match(billing.Out, "4319", "4366412")
		r := m.Rate(0)
		if !ok || m.Zone() != "Austria Mobile" || r.Follow.Price != billing.MustPrice("0.001666666667") || r.Init.Price != billing.MustPrice("0.10") ||
			!r.FreeTime || r.Extra != (tariff.Extra{Second: 30, Price: billing.MustPrice("0.50")}) || !m.Rate(1).Equal(r) {
			t.Errorf("%s: %+v", m.Zone(), r)
		}
		m, ok = s.Match(billing.Out, "49", "43155")
		if !ok || m.Mode() != tariff.RegexPattern || m.Zone() != "Austria Vienna" || m.Rate(1).Follow.Price != billing.MustPrice("0.03") {
			t.Errorf("%s %s", m.Mode(), m.Zone())
		}
		m, ok = s.Find(tariff.Query{Source: "1", Destination: "4319", Provider: "7"})
		if !ok || m.Zone() != "Ported" {
			t.Errorf("ported: %v", ok)
		}
	}
	for deck, column := range map[string]string{
		",431,out,,,x,1,1,1": "onpeak_init_rate", ",431,up,,,1,1,1,1": "direction", ",431,out,,,1,x,1,1": "onpeak_init_interval",
		",431,out,,,1,1,1,1,1,1,1,1,0,likely": "match_mode", ",(,out,,,1,1,1,1": "", "destination,color\n43,red": "",
		",431,out,,,1,1,1,1,1,1,1,1,maybe": "use_free_time", "": "", "1,\"2": "", ",43,out,,,1,1,1,1\n,44,out,,,y,1,1,1": "onpeak_init_rate",
		",43,out,,,1..5,1,1,1": "onpeak_init_rate", ",43,out,,,1.123456789012345,1,1,1": "onpeak_init_rate",
		// Rows that are cut off, or say no price, would make calls free.
		"a,b": "", ",43,out,,,1,1": "", ",43,out,,,,1,,1": "onpeak_init_rate", ",43" + strings.Repeat(",", 17): "onpeak_init_rate", "destination,onpeak_init_rate\n43": "",
		"destination,zone\n43,Austria": "onpeak_init_rate",
	} {
		b := builder(t, tariff.Config{})
		err := b.ReadNGCP(strings.NewReader(deck))
		var line *tariff.LineError
		if !errors.As(err, &line) || line.Line == 0 || line.Column != column || b.Len() != 0 {
			t.Errorf("%q: %v, %d fees", deck, err, b.Len())
		}
	}
}

func TestCents(t *testing.T) {
	for price, want := range map[string]string{
		"0.001666666667": "0.1666666667", "0.1/60": "", "0.12/60": "0.2", "-0.5": "-50", "12": "1200", "0": "0", "0.000000000001": "0.0000000001",
	} {
		got, ok := tariff.Cents(billing.MustPrice(price))
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", price, got, ok, want)
		}
	}
}

// plan is a CGRateS tariff plan: landlines by time of day, mobiles always.
func plan() fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"Destinations.csv":     "#Id,Prefix\nLAND,431\nLAND,432\nMOBILE,43664\n",
		"Rates.csv":            "#Id,ConnectFee,Rate,RateUnit,RateIncrement,GroupIntervalStart\nPEAK,0.02,0.20,60s,60s,0s\nPEAK,,0.10,60s,1s,60s\nOFF,0.02,0.05,60s,60s,0\nMOB,0,0.3,1m,30s,0s\n",
		"DestinationRates.csv": "#Id,DestinationId,RatesTag,RoundingMethod,RoundingDecimals,MaxCost,MaxCostStrategy\nDR_PEAK,LAND,PEAK,*up,4,0,\nDR_OFF,LAND,OFF,*up,4,0,\nDR_MOB,MOBILE,MOB,*up,4,5,*disconnect\n",
		"Timings.csv":          "#Tag,Years,Months,MonthDays,WeekDays,Time\nPEAK,*any,*any,*any,1;2;3;4;5,08:00:00\nEVENING,*any,*any,*any,1;2;3;4;5,19:00:00\nWEEKEND,*any,*any,*any,6;7,00:00:00\nNIGHT,*any,*any,*any,1;2;3;4;5,00:00:00\n",
		"RatingPlans.csv":      "#Id,DestinationRatesId,TimingTag,Weight\nRP,DR_PEAK,PEAK,10\nRP,DR_OFF,EVENING,10\nRP,DR_OFF,WEEKEND,10\nRP,DR_OFF,NIGHT,10\nRP,DR_MOB,*any,10\nOTHER,DR_MOB,*any,10\n",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

func TestReadCGRateS(t *testing.T) {
	b, err := tariff.ReadCGRateS(plan(), "RP", tariff.Config{Currency: eur})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if s.Rounding().String() != "up 4 leg" || s.Len() != 3 {
		t.Errorf("%s, %d fees", s.Rounding(), s.Len())
	}
	for _, c := range []struct {
		at, dest, price string
		seconds, tiers  int
	}{
		{"2026-05-04T07:59:59Z", "4315", "0.05/60", 60, 0}, // a Monday
		{"2026-05-04T08:00:00Z", "4315", "0.2/60", 60, 1},
		{"2026-05-04T18:59:59Z", "4325", "0.2/60", 60, 1},
		{"2026-05-04T19:00:00Z", "4325", "0.05/60", 60, 0},
		{"2026-05-09T12:00:00Z", "4325", "0.05/60", 60, 0},
		{"2026-05-04T12:00:00Z", "43664", "0.3/60", 30, 0},
		{"2026-05-09T12:00:00Z", "43664", "0.3/60", 30, 0},
	} {
		m, ok := s.Match(billing.Out, "", c.dest)
		number, _ := s.Period(at(t, c.at))
		r := m.Rate(number)
		if !ok || r.Follow.Price != billing.MustPrice(c.price) || r.Init.Seconds != c.seconds || len(r.Tiers) != c.tiers {
			t.Errorf("%s, %s: %+v", c.at, c.dest, r)
		}
	}
	m, _ := s.Match(billing.Out, "", "43664")
	if limit := m.Cap(); limit.Action != tariff.CapDisconnect || limit.Amount.String() != "5.00 EUR" || m.Zone() != "MOBILE" {
		t.Errorf("%+v", limit)
	}
	for what, change := range map[string]func(fstest.MapFS){
		"no such file":   func(f fstest.MapFS) { delete(f, "Rates.csv") },
		"no such plan":   func(f fstest.MapFS) { f["RatingPlans.csv"].Data = []byte("X,DR_MOB,*any,10\n") },
		"no such rate":   func(f fstest.MapFS) { f["Rates.csv"].Data = []byte("PEAK,0,1,60s,60s,0s\n") },
		"month":          func(f fstest.MapFS) { f["Timings.csv"].Data = []byte("PEAK,*any,1,*any,1,08:00:00\n") },
		"hole in time":   func(f fstest.MapFS) { f["RatingPlans.csv"].Data = []byte("RP,DR_PEAK,PEAK,10\n") },
		"price":          func(f fstest.MapFS) { f["Rates.csv"].Data = []byte("PEAK,0,1e3,60s,60s,0s\n") },
		"too few fields": func(f fstest.MapFS) { f["Destinations.csv"].Data = []byte("LAND\n") },
		"two roundings": func(f fstest.MapFS) {
			f["DestinationRates.csv"].Data = append(f["DestinationRates.csv"].Data, "DR_X,LAND,OFF,*down,4,0,\n"...)
		},
	} {
		files := plan()
		change(files)
		_, err := tariff.ReadCGRateS(files, "RP", tariff.Config{Currency: eur})
		var file *tariff.FileError
		if !errors.As(err, &file) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzReadNGCP(f *testing.F) {
	f.Add(".,^431,out,Austria,Vienna,6,60,6,60,3,60,3,60,0\n")
	f.Add("destination,onpeak_init_rate\n43,1\n")
	f.Fuzz(func(t *testing.T, text string) {
		b := builder(t, tariff.Config{})
		if b.ReadNGCP(strings.NewReader(text)) != nil {
			if b.Len() != 0 {
				t.Fatal("fees of a bad deck stay")
			}
			return
		}
		if s, err := b.Build(); err == nil {
			s.Lint()
			s.Match(billing.Out, "43", "4319")
		}
	})
}

func FuzzReadCGRateS(f *testing.F) {
	p := plan()
	f.Add(p["Destinations.csv"].Data, p["Rates.csv"].Data, p["DestinationRates.csv"].Data, p["Timings.csv"].Data, p["RatingPlans.csv"].Data)
	f.Fuzz(func(t *testing.T, a, b, c, d, e []byte) {
		files := fstest.MapFS{}
		for name, data := range map[string][]byte{"Destinations.csv": a, "Rates.csv": b, "DestinationRates.csv": c, "Timings.csv": d, "RatingPlans.csv": e} {
			files[name] = &fstest.MapFile{Data: data}
		}
		built, err := tariff.ReadCGRateS(files, "RP", tariff.Config{Currency: eur})
		if err != nil {
			return
		}
		if s, err := built.Build(); err == nil {
			s.Lint()
			s.Match(billing.Out, "", "4319")
		}
	})
}

func at(t testing.TB, text string) billing.Millis {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return billing.MillisOf(v)
}
