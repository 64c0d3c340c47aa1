package tariff_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

const deck = `id,direction,source,destination,zone,connect,init_price,init_interval,follow_price,follow_interval,offpeak.follow_price,offpeak.follow_interval
world,,,,World,0.05,0.40/60,60,0.20/60,1,,
at,out,,43,Austria,,,,0.06/60,60,0.03/60,60
,in,4319,43,,,,,0,,,
`

func TestReadCSV(t *testing.T) {
	b := builder(t, tariff.Config{Windows: windows(t, "offpeak sat,sun 00:00-24:00")})
	if err := b.ReadCSV(strings.NewReader("\ufeff" + deck)); err != nil {
		t.Fatal(err)
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 3 {
		t.Fatalf("%d fees", s.Len())
	}
	m, _ := s.Match(billing.Out, "", "1")
	want := tariff.Rate{
		Init:   tariff.Interval{Price: billing.MustPrice("0.40/60"), Seconds: 60},
		Follow: tariff.Interval{Price: billing.MustPrice("0.20/60"), Seconds: 1},
	}
	if m.Fee() != "world" || m.Connect().String() != "0.05 EUR" || !m.Rate(0).Equal(want) || !m.Rate(1).Equal(want) {
		t.Errorf("%s, %s, %v, %v", m.Fee(), m.Connect(), m.Rate(0), m.Rate(1))
	}
	m, _ = s.Match(billing.Out, "", "43")
	if m.Zone() != "Austria" || !m.Rate(0).Equal(per("0.06/60", 60)) || !m.Rate(1).Equal(per("0.03/60", 60)) {
		t.Errorf("%s, %v, %v", m.Zone(), m.Rate(0), m.Rate(1))
	}
	m, _ = s.Match(billing.In, "43199", "43")
	if m.Fee() != "in:43<4319" || !m.Rate(0).Equal(per("0", 1)) {
		t.Errorf("%s, %v", m.Fee(), m.Rate(0))
	}
}

func TestBadDecks(t *testing.T) {
	for _, c := range []struct {
		name, deck string
		line       int
		column     string
		err        error
	}{
		{"empty", "", 1, "", tariff.ErrDeck},
		{"unknown column", "destination,follow_price,price\n", 1, "price", tariff.ErrDeck},
		{"column twice", "destination,follow_price,destination\n", 1, "destination", tariff.ErrDeck},
		{"column missing", "destination\n", 1, "follow_price", tariff.ErrDeck},
		{"a zone by rate", "destination,follow_price,offpeak.zone\n", 1, "offpeak.zone", tariff.ErrDeck},
		{"a rate without a name", "destination,follow_price,.init_price\n", 1, ".init_price", tariff.ErrDeck},
		{"price", "destination,follow_price\n43,0.05\n44,x\n", 3, "follow_price", billing.ErrSyntax},
		{"no price", "destination,follow_price\n43,\n", 2, "follow_price", billing.ErrSyntax},
		{"thousands", "destination,follow_price\n43,\"1,000.00\"\n", 2, "follow_price", billing.ErrSyntax},
		{"too fine", "destination,follow_price\n43,0.0000000000001\n", 2, "follow_price", billing.ErrPrecision},
		{"interval", "destination,follow_price,follow_interval\n43,1,-1\n", 2, "follow_interval", billing.ErrSyntax},
		{"named", "destination,follow_price,offpeak.init_price,offpeak.follow_price\n43,1,1,y\n", 2, "offpeak.follow_price", billing.ErrSyntax},
		{"direction", "destination,follow_price,direction\n43,1,up\n", 2, "direction", billing.ErrSyntax},
		{"connect", "destination,follow_price,connect\n43,1,much\n", 2, "connect", billing.ErrSyntax},
		{"currency", "destination,follow_price,connect\n43,1,1.00 USD\n", 2, "", billing.ErrCurrency},
		{"prefix", "destination,follow_price\n\n\n43-1,1\n", 4, "", tariff.ErrFee},
		{"too few fields", "destination,follow_price\n43\n", 2, "", tariff.ErrDeck},
		{"quote", "destination,follow_price\n43,\"1\n", 2, "", tariff.ErrDeck},
		{"twice", "destination,follow_price\n43,1\n44,1\n43,2\n", 4, "", tariff.ErrDuplicate},
	} {
		b := builder(t, tariff.Config{})
		err := b.ReadCSV(strings.NewReader(c.deck))
		if err == nil {
			_, err = b.Build()
		} else if b.Len() != 0 {
			t.Errorf("%s: %d fees of a bad deck stay", c.name, b.Len())
		}
		var line *tariff.LineError
		if !errors.As(err, &line) || line.Line != c.line || line.Column != c.column || !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestManyFaults: up to twenty faults are told at once.
func TestManyFaults(t *testing.T) {
	b := builder(t, tariff.Config{})
	err := b.ReadCSV(strings.NewReader("destination,follow_price\n" + strings.Repeat("43,x\n", 30)))
	if got := strings.Count(err.Error(), "line "); got != 20 {
		t.Errorf("%d faults", got)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add(deck)
	f.Add("destination,follow_price\n43,0.1/60\n43,0.2/60\n")
	f.Add("destination,follow_price\n\"43\n")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := tariff.NewBuilder(tariff.Config{Currency: eur})
		if err != nil {
			t.Fatal(err)
		}
		if b.ReadCSV(strings.NewReader(text)) != nil {
			if b.Len() != 0 {
				t.Fatal("fees of a bad deck stay")
			}
			return
		}
		s, err := b.Build()
		if err != nil {
			return
		}
		s.Lint()
		if m, ok := s.Match(billing.Out, "43", "4319"); ok {
			m.Fee()
			m.Zone()
		}
	})
}
