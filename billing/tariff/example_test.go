package tariff_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

func Example() {
	evening, err := tariff.ParseWindow("offpeak mon-fri 18:00-24:00")
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := tariff.NewBuilder(tariff.Config{Currency: billing.MustCurrency("EUR"), Windows: []tariff.Window{evening}})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = b.ReadCSV(strings.NewReader(`destination,zone,follow_price,follow_interval,offpeak.follow_price,offpeak.follow_interval
43,Austria,0.06/60,60,0.03/60,60
43664,Austria mobile,0.12/60,60,,
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	m, _ := s.Match(billing.Out, "", "4319001")
	rate, until := s.Period(billing.MillisOf(time.Date(2026, 5, 1, 19, 0, 0, 0, time.UTC)))
	fmt.Println(m.Zone(), s.RateName(rate), m.Rate(rate).Follow.Price, "until", until.Time())
	// Output: Austria offpeak 0.03/60 until 2026-05-02 00:00:00 +0000 UTC
}
