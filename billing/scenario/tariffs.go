package scenario

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/billing/tariff"
)

// noProfile is the profile of accounts that have none.
const noProfile = ""

// defaultProfile is made of File.Fee.
const defaultProfile = "default"

// Tariff is a profile of a file, compiled.
type Tariff struct {
	Config   tariff.Config
	Fees     []tariff.Fee
	Snapshot *tariff.Snapshot
}

// Tariffs compiles the profiles of a file that have fees, by name.
func (f *File) Tariffs() (map[string]*Tariff, error) {
	w, err := newWorld(f)
	if err != nil {
		return nil, err
	}
	return w.tariffs, nil
}

// compiler makes a world of a file. Paths are those of the file.
type compiler struct {
	f     *File
	unit  unitOf
	clock clock
}

// profiles returns those of the file, the one of its fee among them.
func (c *compiler) profiles() (map[string]Profile, error) {
	all := maps.Clone(c.f.Profiles)
	if all == nil {
		all = map[string]Profile{}
	}
	if c.f.Fee == nil {
		if c.f.Calendar != nil {
			return nil, at("/calendar", fmt.Errorf("%w: a calendar without a fee", ErrFile))
		}
		return all, nil
	}
	if _, ok := all[defaultProfile]; ok {
		return nil, at("/fee", fmt.Errorf("%w: a fee beside a profile named %q", ErrFile, defaultProfile))
	}
	all[defaultProfile] = Profile{Fees: []Fee{*c.f.Fee}, Calendar: c.f.Calendar}
	return all, nil
}

// place is where a profile stands.
func (c *compiler) place(name string) string {
	if name == defaultProfile && c.f.Fee != nil {
		return ""
	}
	return "/profiles/" + pointer(name)
}

// pointer escapes a name for a JSON pointer.
func pointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func (c *compiler) tariff(name string, p *Profile) (*Tariff, error) {
	here := c.place(name)
	t := &Tariff{Config: tariff.Config{
		Name: name, Currency: c.unit.currency, Location: c.clock.zone, Rounding: c.f.Rounding,
		Counting: c.f.Counting, Crossing: c.f.Crossing, IgnoreDomain: p.IgnoreDomain,
	}}
	unit := c.unit
	if !p.Currency.IsZero() {
		t.Config.Currency, unit.currency = p.Currency, p.Currency
	}
	if p.Rounding != nil {
		t.Config.Rounding = *p.Rounding
	}
	if p.Counting != nil {
		t.Config.Counting = *p.Counting
	}
	if p.Crossing != nil {
		t.Config.Crossing = *p.Crossing
	}
	if err := c.calendar(&t.Config, here, p.Calendar); err != nil {
		return nil, err
	}
	b, err := tariff.NewBuilder(t.Config)
	if err != nil {
		return nil, at(here+"/calendar", err)
	}
	for i := range p.Fees {
		where := fmt.Sprintf("%s/fees/%d", here, i)
		if here == "" {
			where = "/fee"
		}
		fee, err := unit.fee(where, &p.Fees[i])
		if err != nil {
			return nil, err
		}
		if err := b.Add(fee); err != nil {
			return nil, at(where, err)
		}
	}
	if err := c.deck(b, here, p.Deck); err != nil {
		return nil, err
	}
	t.Fees = slices.Collect(b.Fees())
	t.Snapshot, err = b.Build()
	return t, at(c.built(here, p, err), err)
}

// built is where the fault of a tariff lies that only shows as a whole.
func (c *compiler) built(here string, p *Profile, err error) string {
	switch {
	case !errors.Is(err, tariff.ErrOverlap):
		return here + "/fees"
	case p.Calendar != nil && p.Calendar.Name != "":
		return "/calendars/" + pointer(p.Calendar.Name)
	}
	return here + "/calendar"
}

func (c *compiler) deck(b *tariff.Builder, here string, d *Deck) error {
	if d == nil {
		return nil
	}
	var err error
	switch d.Layout {
	case "", "own":
		err = b.ReadCSV(strings.NewReader(d.Text))
	case "ngcp":
		err = b.ReadNGCP(strings.NewReader(d.Text))
	default:
		return among(here+"/deck/layout", d.Layout, "own", "ngcp")
	}
	return at(here+"/deck/text", err)
}

func (c *compiler) calendar(cfg *tariff.Config, here string, r *CalendarRef) error {
	if r == nil {
		return nil
	}
	cal := r.Calendar
	if here += "/calendar"; r.Name != "" {
		var ok bool
		if cal, ok = c.f.Calendars[r.Name]; !ok {
			return at(here, fmt.Errorf("%w: no calendar %.40q", ErrName, r.Name))
		}
		here = "/calendars/" + pointer(r.Name)
	}
	cfg.Windows, cfg.Specials, cfg.InclusiveEnds, cfg.CustomerZone = cal.Windows, cal.Specials, cal.InclusiveEnds, cal.CustomerZone
	if cal.Zone == "" {
		return nil
	}
	var err error
	cfg.Location, err = location(cal.Zone)
	return at(here+"/zone", err)
}

// fee compiles one fee.
func (u unitOf) fee(here string, f *Fee) (tariff.Fee, error) {
	out := tariff.Fee{
		ID: f.ID, Direction: f.Direction, Service: f.Service, Mode: f.Mode, Source: f.Source, Destination: f.Destination, Zone: f.Zone,
	}
	var err error
	if out.Connect, err = u.amount(f.Connect); err != nil {
		return out, at(here+"/connect", err)
	}
	if f.Cap != nil {
		out.Cap.Action = f.Cap.Action
		if out.Cap.Amount, err = u.amount(f.Cap.Amount); err != nil {
			return out, at(here+"/cap/amount", err)
		}
	}
	if out.Rate, err = u.rate(here, &f.Rate); err != nil {
		return out, err
	}
	for name := range f.Rates {
		r := f.Rates[name]
		if out.Named == nil {
			out.Named = map[string]tariff.Rate{}
		}
		if out.Named[name], err = u.rate(here+"/rates/"+pointer(name), &r); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (u unitOf) rate(here string, r *Rate) (tariff.Rate, error) {
	out := tariff.Rate{FreeTime: r.FreeTime}
	var err error
	if out.Follow, err = u.interval(here, r.Price, r.Interval); err != nil {
		return out, err
	}
	out.Init = out.Follow
	if r.InitPrice != nil {
		if out.Init.Price, err = u.price(*r.InitPrice); err != nil {
			return out, at(here+"/init_price", err)
		}
	}
	if r.InitInterval != nil {
		out.Init.Seconds = *r.InitInterval
	}
	for i, t := range r.Tiers {
		where := fmt.Sprintf("%s/tiers/%d", here, i)
		tier := tariff.Tier{Start: t.From}
		if tier.Interval, err = u.interval(where, t.Price, t.Interval); err != nil {
			return out, err
		}
		if tier.Connect, err = u.amount(t.Connect); err != nil {
			return out, at(where+"/connect", err)
		}
		out.Tiers = append(out.Tiers, tier)
	}
	if r.Extra != nil {
		out.Extra.Second = r.Extra.Second
		if out.Extra.Price, err = u.price(Price(r.Extra.Price)); err != nil {
			return out, at(here+"/extra/price", err)
		}
	}
	return out, nil
}

func (u unitOf) interval(here string, p Price, length *int) (tariff.Interval, error) {
	i := tariff.Interval{Seconds: 1}
	if length != nil {
		i.Seconds = *length
	}
	var err error
	i.Price, err = u.price(p)
	return i, at(here+"/price", err)
}

// profile is what balances depend on.
func (c *compiler) profile(name string, p *Profile) (balance.Profile, error) {
	here := c.place(name)
	out := balance.Profile{Prepaid: p.Prepaid, Rule: rule(p.Interval)}
	var err error
	if p.FreeTime != "" {
		if out.FreeTime, err = p.FreeTime.millis(); err != nil {
			return out, at(here+"/free_time", err)
		}
	}
	if p.FreeCash != "" {
		out.FreeCash, err = c.unit.amount(p.FreeCash)
	}
	return out, at(here+"/free_cash", err)
}

func rule(i *Interval) balance.Rule {
	if i == nil {
		return balance.Rule{}
	}
	r := balance.Rule{Start: i.Start}
	if i.Count != 0 || i.Period != 0 {
		r.Length = balance.Span{Count: i.Count, Period: i.Period}
		if i.Count == 0 {
			r.Length.Count = 1
		}
	}
	return r
}

func (c *compiler) limits(here string, l *Limits) (fraud.Limits, error) {
	if l == nil {
		return fraud.Limits{}, nil
	}
	out := fraud.Limits{Reseller: l.Reseller, Hysteresis: l.Hysteresis}
	for _, m := range [...]struct {
		name string
		from *Limit
		to   **fraud.Money
	}{{"hour", l.Hour, &out.Hour}, {"day", l.Day, &out.Day}, {"month", l.Month, &out.Month}} {
		if m.from == nil {
			continue
		}
		a, err := c.unit.amount(m.from.Limit)
		if err != nil {
			return out, at(here+"/"+m.name+"/limit", err)
		}
		*m.to = &fraud.Money{Limit: a, Action: m.from.Action}
	}
	if l.Window != nil {
		s, err := l.Window.Span.millis()
		if err != nil {
			return out, at(here+"/window/span", err)
		}
		out.Window = &fraud.Calls{Limit: l.Window.Limit, Span: s, Action: l.Window.Action}
	}
	return out, at(here, out.Check())
}

// span reads an optional time.
func span(here string, s Span) (billing.Millis, error) {
	if s == "" {
		return 0, nil
	}
	m, err := s.millis()
	return m, at(here, err)
}

// length is a span that is not below zero.
func length(here string, s Span) (billing.Millis, error) {
	m, err := span(here, s)
	if err == nil && m < 0 {
		err = at(here, fmt.Errorf("%w: below zero", ErrFile))
	}
	return m, err
}

// optional reads an instant that may be left out.
func (c *compiler) optional(here string, t Time) (billing.Millis, error) {
	if t == "" {
		return 0, nil
	}
	m, err := c.clock.instant(t)
	return m, at(here, err)
}

func zoneOr(here, name string, or *time.Location) (*time.Location, error) {
	if name == "" {
		return or, nil
	}
	loc, err := location(name)
	return loc, at(here, err)
}
