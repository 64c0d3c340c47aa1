package tariff

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
)

// FileError says in which file of a tariff plan something is wrong.
type FileError struct {
	File string
	Err  error // a *LineError where a line is at fault
}

// Error names the file.
func (e *FileError) Error() string { return e.File + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// ReadCGRateS makes a builder of one rating plan of a CGRateS tariff plan: the
// files Destinations.csv, Rates.csv, DestinationRates.csv, Timings.csv and
// RatingPlans.csv of fsys. Windows and rounding come from the plan, the rest of
// the configuration from cfg. At any time the rate of the timing with the
// highest weight is in force, of several the one that began last. Timings of
// certain years, months or days of the month are not understood and an error.
func ReadCGRateS(fsys fs.FS, plan string, cfg Config) (*Builder, error) {
	p := cgr{dests: map[string][]string{}, rates: map[string][]slot{}, prices: map[string]map[string]priced{}, timings: map[string]timing{
		"*any": {days: 1<<7 - 1}, "*always": {days: 1<<7 - 1},
	}, id: plan}
	for _, f := range [...]struct {
		name string
		min  int
		take func([]string) error
	}{
		{"Destinations.csv", 2, p.destination}, {"Rates.csv", 6, p.rate}, {"Timings.csv", 6, p.timing},
		{"DestinationRates.csv", 5, p.price}, {"RatingPlans.csv", 4, p.bind},
	} {
		if err := readPlan(fsys, f.name, f.min, f.take); err != nil {
			return nil, &FileError{f.name, err}
		}
	}
	if len(p.bound) == 0 {
		return nil, &FileError{"RatingPlans.csv", fmt.Errorf("%w: no plan %.40q", ErrDeck, plan)}
	}
	return p.build(cfg)
}

func readPlan(fsys fs.FS, name string, columns int, take func([]string) error) error {
	file, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) && name == "Timings.csv" {
		return nil // every plan has *any
	}
	if err != nil {
		return err
	}
	defer file.Close()
	in := csv.NewReader(file)
	in.Comment, in.FieldsPerRecord, in.TrimLeadingSpace = '#', -1, true
	var faults []error
	for len(faults) < maxFaults {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return deckError(0, err)
		}
		line, _ := in.FieldPos(0)
		if len(record) < columns {
			err = fmt.Errorf("%w: %d fields of %d", ErrDeck, len(record), columns)
		} else {
			err = take(record)
		}
		if err != nil {
			faults = append(faults, atLine(line, err))
		}
	}
	return errors.Join(faults...)
}

// slot is a line of Rates.csv.
type slot struct {
	start    int
	connect  string
	interval Interval
}

// timing is a part of the week that goes on to the end of the day.
type timing struct {
	days  Days
	start int
}

// priced is a line of DestinationRates.csv.
type priced struct {
	id, dest, rate   string
	limit            string
	action           CapAction
	method, decimals string
}

// binding is a line of RatingPlans.csv.
type binding struct {
	prices, timing string
	weight         billing.Price // a decimal
}

// cgr is a tariff plan as it is read.
type cgr struct {
	id      string
	dests   map[string][]string
	rates   map[string][]slot
	timings map[string]timing
	prices  map[string]map[string]priced // by id and destination
	order   []priced
	bound   []binding
}

func (p *cgr) destination(r []string) error {
	p.dests[r[0]] = append(p.dests[r[0]], r[1])
	return nil
}

func (p *cgr) rate(r []string) error {
	price, err := billing.ParsePrice(r[2])
	if err != nil {
		return err
	}
	unit, err := span3(r[3])
	if err != nil {
		return err
	}
	s := slot{connect: r[1]}
	if s.interval.Price, err = billing.NewPrice(price.Pico(), max(unit, 1)); err != nil {
		return err
	}
	if s.interval.Seconds, err = span3(r[4]); err != nil {
		return err
	}
	if s.start, err = span3(r[5]); err != nil {
		return err
	}
	p.rates[r[0]] = append(p.rates[r[0]], s)
	return nil
}

// span3 reads whole seconds, such as "60s", "1m" or "60".
func span3(s string) (int, error) {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return int(n), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d%time.Second != 0 || d/time.Second > maxUnits {
		return 0, fmt.Errorf("%w: %.40q are no whole seconds", billing.ErrSyntax, s)
	}
	return int(d / time.Second), nil
}

func (p *cgr) timing(r []string) error {
	for _, v := range r[1:4] {
		if v != "*any" && v != "" {
			return fmt.Errorf("%w: years, months and days of the month of timing %.40q", ErrDeck, r[0])
		}
	}
	t := timing{days: 1<<7 - 1}
	if r[4] != "*any" && r[4] != "" {
		t.days = 0
		for _, d := range strings.Split(r[4], ";") {
			n, err := strconv.ParseUint(d, 10, 8)
			if err != nil || n < 1 || n > 7 {
				return fmt.Errorf("%w: weekday %.40q", ErrDeck, d)
			}
			t.days |= DaySet(time.Weekday(n % 7))
		}
	}
	if r[5] != "" && r[5] != "*any" {
		var ok bool
		if t.start, ok = clock(r[5]); !ok || t.start == day {
			return fmt.Errorf("%w: time %.40q", ErrDeck, r[5])
		}
	}
	p.timings[r[0]] = t
	return nil
}

func (p *cgr) price(r []string) error {
	v := priced{id: r[0], dest: r[1], rate: r[2], method: r[3], decimals: r[4]}
	if len(p.rates[v.rate]) == 0 {
		return fmt.Errorf("%w: no rate %.40q", ErrDeck, v.rate)
	}
	if v.dest != "*any" && len(p.dests[v.dest]) == 0 {
		return fmt.Errorf("%w: no destination %.40q", ErrDeck, v.dest)
	}
	if len(r) > 6 {
		switch v.limit = r[5]; r[6] {
		case "", "*free":
			v.action = CapFree
		case "*disconnect":
			v.action = CapDisconnect
		default:
			return fmt.Errorf("%w: strategy %.40q", ErrDeck, r[6])
		}
		if strings.Trim(v.limit, "0.") == "" {
			v.limit, v.action = "", CapNone
		}
	}
	if p.prices[v.id] == nil {
		p.prices[v.id] = map[string]priced{}
	}
	p.prices[v.id][v.dest] = v
	p.order = append(p.order, v)
	return nil
}

func (p *cgr) bind(r []string) error {
	if r[0] != p.id {
		return nil
	}
	w, err := billing.ParsePrice(r[3])
	if err != nil {
		return err
	}
	if _, ok := p.timings[r[2]]; !ok {
		return fmt.Errorf("%w: no timing %.40q", ErrDeck, r[2])
	}
	if p.prices[r[1]] == nil {
		return fmt.Errorf("%w: no prices %.40q", ErrDeck, r[1])
	}
	p.bound = append(p.bound, binding{r[1], r[2], w})
	return nil
}

// state is a part of the week with the same timings, the one that counts most
// first.
type state struct {
	name    string
	timings []string
	windows []Window
}

// states cuts the week wherever a timing begins.
func (p *cgr) states() []*state {
	byWeight := slices.Clone(p.bound)
	slices.SortStableFunc(byWeight, func(a, b binding) int {
		return cmp.Or(cmp.Compare(b.weight.Pico(), a.weight.Pico()), cmp.Compare(p.timings[b.timing].start, p.timings[a.timing].start))
	})
	var cuts []int
	for _, b := range byWeight {
		cuts = append(cuts, p.timings[b.timing].start)
	}
	cuts = append(cuts, 0, day)
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var out []*state
	known := map[string]*state{}
	for d := range time.Weekday(7) {
		for i, from := range cuts[:len(cuts)-1] {
			var in []string
			for _, b := range byWeight {
				if t := p.timings[b.timing]; t.days.Has(d) && t.start <= from && !slices.Contains(in, b.timing) {
					in = append(in, b.timing)
				}
			}
			key := strings.Join(in, "\x00")
			s := known[key]
			if s == nil {
				s = &state{name: fmt.Sprintf("t%d", len(out)+1), timings: in}
				known[key] = s
				out = append(out, s)
			}
			s.windows = append(s.windows, Window{s.name, DaySet(d), from, cuts[i+1]})
		}
	}
	return out
}

func (p *cgr) build(cfg Config) (*Builder, error) {
	states := p.states()
	cfg.Windows, cfg.Specials = nil, nil
	if len(states) > 1 {
		for _, s := range states[1:] {
			cfg.Windows = append(cfg.Windows, s.windows...)
		}
	}
	var err error
	if cfg.Rounding, err = p.rounding(); err != nil {
		return nil, &FileError{"DestinationRates.csv", err}
	}
	b, err := NewBuilder(cfg)
	if err != nil {
		return nil, err
	}
	for _, dest := range p.destinations() {
		if err := p.add(b, states, dest); err != nil {
			return nil, &FileError{"RatingPlans.csv", fmt.Errorf("destination %.40q: %w", dest, err)}
		}
	}
	return b, nil
}

// destinations lists what the plan has prices for, in their order.
func (p *cgr) destinations() []string {
	var out []string
	seen, bound := map[string]bool{}, map[string]bool{}
	for _, b := range p.bound {
		bound[b.prices] = true
	}
	for _, v := range p.order {
		if !seen[v.dest] && bound[v.id] {
			seen[v.dest] = true
			out = append(out, v.dest)
		}
	}
	return out
}

// rounding is the one that all prices have: a tariff has one.
func (p *cgr) rounding() (billing.Rounding, error) {
	method, decimals := p.order[0].method, p.order[0].decimals
	for _, v := range p.order {
		if v.method != method || v.decimals != decimals {
			return billing.Rounding{}, fmt.Errorf("%w: two ways of rounding", ErrDeck)
		}
	}
	modes := map[string]billing.Mode{"": billing.HalfUp, "*middle": billing.HalfUp, "*up": billing.Up, "*down": billing.Down}
	mode, ok := modes[method]
	places, err := strconv.Atoi(cmp.Or(decimals, "6"))
	if !ok || err != nil {
		return billing.Rounding{}, fmt.Errorf("%w: rounding %.40q, %.40q", ErrDeck, method, decimals)
	}
	return billing.NewRounding(mode, min(places, 6), billing.ScopeLeg)
}

// add makes the fees of one destination.
func (p *cgr) add(b *Builder, states []*state, dest string) error {
	f := Fee{Zone: dest}
	for i, s := range states {
		v, ok := p.find(s, dest)
		if !ok {
			return fmt.Errorf("%w: no price for %s", ErrDeck, s.windows[0])
		}
		connect, r, err := p.tiers(v.rate, b.cfg.Currency)
		if err != nil {
			return err
		}
		if i == 0 {
			f.Rate, f.Connect = r, connect
			f.Cap.Action = v.action
			if v.limit != "" {
				if f.Cap.Amount, err = parseMoney(v.limit, b.cfg.Currency); err != nil {
					return err
				}
			}
			continue
		}
		if connect != f.Connect {
			return fmt.Errorf("%w: the connect fee depends on the time", ErrDeck)
		}
		if f.Named == nil {
			f.Named = map[string]Rate{}
		}
		f.Named[s.name] = r
	}
	prefixes := p.dests[dest]
	if dest == "*any" {
		f.Zone, prefixes = "", []string{""}
	}
	for _, prefix := range prefixes {
		f.Destination = prefix
		if err := b.Add(f); err != nil {
			return err
		}
	}
	return nil
}

// find returns the price of a destination in a part of the week.
func (p *cgr) find(s *state, dest string) (priced, bool) {
	for _, tag := range s.timings {
		for _, b := range p.bound {
			if b.timing != tag {
				continue
			}
			if v, ok := p.prices[b.prices][dest]; ok {
				return v, true
			}
		}
	}
	return priced{}, false
}

// tiers turns the slots of a rate into tiers.
func (p *cgr) tiers(id string, cur billing.Currency) (connect billing.Amount, r Rate, err error) {
	slots := slices.Clone(p.rates[id])
	slices.SortStableFunc(slots, func(a, b slot) int { return cmp.Compare(a.start, b.start) })
	if slots[0].start != 0 {
		return connect, r, fmt.Errorf("%w: rate %.40q does not begin at 0", ErrDeck, id)
	}
	if connect, err = parseMoney(cmp.Or(slots[0].connect, "0"), cur); err != nil {
		return connect, r, err
	}
	r.Init, r.Follow = slots[0].interval, slots[0].interval
	for _, s := range slots[1:] {
		r.Tiers = append(r.Tiers, Tier{Start: s.start, Interval: s.interval})
	}
	return connect, r, nil
}
