package scenario

import (
	"fmt"
	"io"
	"iter"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// FromFees makes a file with one profile of fees in units of the currency: the
// form of a deck in this format.
func FromFees(profile string, cfg tariff.Config, fees iter.Seq[tariff.Fee]) *File {
	u := unitOf{currency: cfg.Currency}
	p := Profile{IgnoreDomain: cfg.IgnoreDomain}
	for f := range fees {
		p.Fees = append(p.Fees, u.feeOf(&f))
	}
	if len(cfg.Windows)+len(cfg.Specials) > 0 || cfg.CustomerZone {
		p.Calendar = &CalendarRef{Calendar: Calendar{Windows: cfg.Windows, Specials: cfg.Specials, InclusiveEnds: cfg.InclusiveEnds, CustomerZone: cfg.CustomerZone}}
	}
	f := &File{Format: Format, Currency: cfg.Currency, Rounding: cfg.Rounding, Counting: cfg.Counting, Crossing: cfg.Crossing, Profiles: map[string]Profile{profile: p}}
	if cfg.Location != nil {
		f.Zone = cfg.Location.String()
	}
	return f
}

func (u unitOf) feeOf(f *tariff.Fee) Fee {
	out := Fee{
		ID: f.ID, Direction: f.Direction, Service: f.Service, Mode: f.Mode, Source: f.Source, Destination: f.Destination, Zone: f.Zone,
		Connect: u.moneyOf(f.Connect), Rate: u.rateOf(&f.Rate),
	}
	if f.Cap.Action != tariff.CapNone {
		out.Cap = &Cap{Amount: u.of(f.Cap.Amount), Action: f.Cap.Action}
	}
	for name, r := range f.Named {
		if out.Rates == nil {
			out.Rates = map[string]Rate{}
		}
		out.Rates[name] = u.rateOf(&r)
	}
	return out
}

// moneyOf leaves nothing out.
func (u unitOf) moneyOf(a billing.Amount) Money {
	if a.IsZero() {
		return ""
	}
	return u.of(a)
}

func (u unitOf) rateOf(r *tariff.Rate) Rate {
	out := Rate{Price: u.quote(r.Follow.Price), Interval: &r.Follow.Seconds, FreeTime: r.FreeTime}
	if r.Init != r.Follow {
		price := u.quote(r.Init.Price)
		out.InitPrice, out.InitInterval = &price, &r.Init.Seconds
	}
	for _, t := range r.Tiers {
		out.Tiers = append(out.Tiers, Tier{From: t.Start, Connect: u.moneyOf(t.Connect), Price: u.quote(t.Interval.Price), Interval: &t.Interval.Seconds})
	}
	if r.Extra != (tariff.Extra{}) {
		out.Extra = &Extra{Second: r.Extra.Second, Price: Money(u.quote(r.Extra.Price))}
	}
	return out
}

// Write writes a file as Read reads it.
func (f *File) Write(w io.Writer) error {
	if err := json.MarshalWrite(w, f, json.Deterministic(true), jsontext.WithIndent("  ")); err != nil {
		return fmt.Errorf("scenario: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// MarshalJSON writes whole seconds as a number, as they may be read.
func (s Span) MarshalJSON() ([]byte, error) {
	if _, err := strconv.ParseInt(string(s), 10, 64); err == nil {
		return []byte(s), nil
	}
	return json.Marshal(string(s))
}
