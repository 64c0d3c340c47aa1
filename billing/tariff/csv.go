package tariff

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/class5-go/class5/billing"
)

// LineError says where in a deck something is wrong.
type LineError struct {
	Line   int    // from 1, the header included
	Column string // "" for the line as a whole
	Err    error
}

// Error names line and column.
func (e *LineError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("line %d: %v", e.Line, e.Err)
	}
	return fmt.Sprintf("line %d, %s: %v", e.Line, e.Column, e.Err)
}

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// maxFaults is how many faults of a deck are reported at once.
const maxFaults = 20

// Columns of a deck.
const (
	colID = iota
	colDirection
	colSource
	colDestination
	colZone
	colConnect
	colService
	colMode
	colCap
	colCapAction
	colInitPrice // from here on, columns that a further rate may have
	colInitSeconds
	colFollowPrice
	colFollowSeconds
	colTiers
	colExtraSecond
	colExtraPrice
	colFreeTime
	columns
)

var columnNames = [columns]string{
	"id", "direction", "source", "destination", "zone", "connect",
	"service", "mode", "cap", "cap_action",
	"init_price", "init_interval", "follow_price", "follow_interval",
	"tiers", "extra_second", "extra_price", "free_time",
}

// ReadCSV adds the fees of a deck, all of them or none. The first line names
// the columns, in any order; destination and follow_price must be there:
//
//	id               identifier of the fee; made of its prefixes when empty
//	direction        out or in; out when empty
//	service          call, sms or data; call when empty
//	mode             prefix, exact, regex-match or regex-pattern; prefix when empty
//	source           prefix of the caller's number, or what the mode says
//	destination      prefix of the called number, or what the mode says
//	zone             name of the zone
//	connect          connect fee, a decimal
//	cap              the most that a call costs, a decimal
//	cap_action       free or disconnect; free when there is a cap
//	init_price       price of the first interval: a decimal, "/" and seconds: 0.10/60
//	init_interval    its length in seconds
//	follow_price     price of the further intervals
//	follow_interval  their length in seconds; 1 when empty
//	tiers            start, price, interval and connect fee or nothing, of each
//	                 tier, with semicolons between: "60 0.05/60 30; 600 0.02/60 60 0.10"
//	extra_second     the second that costs extra_price, once
//	extra_price      a decimal
//	free_time        1 when free seconds may pay, 0 or empty otherwise
//
// An init column that is empty is as its follow column. Columns such as
// offpeak.init_price set the further rate offpeak in the same way; a fee whose
// columns for it are all empty has no such rate.
//
// The error joins up to 20 of type *LineError.
func (b *Builder) ReadCSV(r io.Reader) error {
	in := newReader(r)
	header, err := in.Read()
	if err != nil {
		return deckError(1, err)
	}
	layout, err := readHeader(header)
	if err != nil {
		return err
	}
	return b.readRows(in, func(record []string, line int) error {
		fee, err := layout.fee(record, b.cfg.Currency)
		if err != nil {
			return err
		}
		return b.add(&fee, layout.further, line)
	})
}

func newReader(r io.Reader) *csv.Reader {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	in.TrimLeadingSpace = true
	return in
}

// readRows gives every row to take. When one is at fault, none stays.
func (b *Builder) readRows(in *csv.Reader, take func(record []string, line int) error) error {
	had := len(b.rows)
	var faults []error
	for len(faults) < maxFaults {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			faults = append(faults, deckError(0, err))
			var p *csv.ParseError
			if !errors.As(err, &p) {
				break // the source is broken, not a line of it
			}
			continue
		}
		line, _ := in.FieldPos(0)
		if err := take(record, line); err != nil {
			faults = append(faults, atLine(line, err))
		}
	}
	if len(faults) > 0 {
		b.rows = b.rows[:had]
		return errors.Join(faults...)
	}
	return nil
}

// deckError gives what the CSV reader says the form of a LineError.
func deckError(line int, err error) error {
	var p *csv.ParseError
	switch {
	case errors.As(err, &p):
		return &LineError{Line: p.Line, Err: fmt.Errorf("%w: %w", ErrDeck, p.Err)}
	case errors.Is(err, io.EOF):
		return &LineError{Line: line, Err: fmt.Errorf("%w: it is empty", ErrDeck)}
	}
	return fmt.Errorf("%w: %w", ErrDeck, err)
}

// atLine puts the line into an error, which may have the column already.
func atLine(line int, err error) error {
	var e *LineError
	if errors.As(err, &e) {
		e.Line = line
		return e
	}
	return &LineError{Line: line, Err: err}
}

// place is the columns of one rate within a record, -1 for one that is missing.
type place [columns]int

// layout is where a deck has which column.
type layout struct {
	fixed   place
	names   []string
	named   []place
	further []named // the further rates of the record read last
}

func readHeader(header []string) (*layout, error) {
	bad := func(column, why string) error {
		return &LineError{Line: 1, Column: column, Err: fmt.Errorf("%w: %s", ErrDeck, why)}
	}
	l := &layout{fixed: nowhere()}
	for i, h := range header {
		if i == 0 {
			h = strings.TrimPrefix(h, "\ufeff")
		}
		h = strings.TrimSpace(h)
		rate, column, further := strings.Cut(h, ".")
		if !further {
			column = rate
		}
		c := columnIndex(column)
		if c < 0 || further && c < colInitPrice {
			return nil, bad(h, "no such column")
		}
		p := &l.fixed
		if further {
			if err := checkName(rate); err != nil {
				return nil, bad(h, err.Error())
			}
			p = l.of(strings.Clone(rate))
		}
		if p[c] >= 0 {
			return nil, bad(h, "the column comes twice")
		}
		p[c] = i
	}
	for _, c := range [...]int{colDestination, colFollowPrice} {
		if l.fixed[c] < 0 {
			return nil, bad(columnNames[c], "the column is missing")
		}
	}
	return l, nil
}

func nowhere() (p place) {
	for i := range p {
		p[i] = -1
	}
	return p
}

func columnIndex(name string) int {
	for i, n := range columnNames {
		if n == name {
			return i
		}
	}
	return -1
}

// of returns the place of a named rate.
func (l *layout) of(rate string) *place {
	for i, n := range l.names {
		if n == rate {
			return &l.named[i]
		}
	}
	l.names = append(l.names, rate)
	l.named = append(l.named, nowhere())
	return &l.named[len(l.named)-1]
}

// at returns a field, "" where the deck has no such column.
func (p *place) at(record []string, c int) string {
	if p[c] < 0 {
		return ""
	}
	return strings.TrimSpace(record[p[c]])
}

func (l *layout) fee(record []string, cur billing.Currency) (Fee, error) {
	f := Fee{
		ID: l.fixed.at(record, colID), Zone: l.fixed.at(record, colZone),
		Source: l.fixed.at(record, colSource), Destination: l.fixed.at(record, colDestination),
	}
	if err := l.enums(record, &f); err != nil {
		return f, err
	}
	for _, m := range [...]struct {
		column int
		to     *billing.Amount
	}{{colConnect, &f.Connect}, {colCap, &f.Cap.Amount}} {
		text := l.fixed.at(record, m.column)
		if text == "" {
			continue
		}
		a, err := parseMoney(text, cur)
		if err != nil {
			return f, &LineError{Column: columnNames[m.column], Err: err}
		}
		*m.to = a
		if m.column == colCap && f.Cap.Action == CapNone {
			f.Cap.Action = CapFree
		}
	}
	var err error
	l.further = l.further[:0]
	if f.Rate, _, err = l.fixed.rate(record, "", cur); err != nil {
		return f, err
	}
	for i, name := range l.names {
		r, given, err := l.named[i].rate(record, name+".", cur)
		if err != nil {
			return f, err
		}
		if given {
			l.further = append(l.further, named{name, r})
		}
	}
	return f, nil
}

// enums reads the columns that hold one of a few names.
func (l *layout) enums(record []string, f *Fee) error {
	for _, e := range [...]struct {
		column int
		to     interface{ UnmarshalText([]byte) error }
	}{{colDirection, &f.Direction}, {colService, &f.Service}, {colMode, &f.Mode}, {colCapAction, &f.Cap.Action}} {
		text := l.fixed.at(record, e.column)
		if text == "" {
			continue
		}
		if err := e.to.UnmarshalText([]byte(text)); err != nil {
			return &LineError{Column: columnNames[e.column], Err: err}
		}
	}
	return nil
}

// parseMoney reads an amount whose currency may be missing.
func parseMoney(s string, cur billing.Currency) (billing.Amount, error) {
	a, err := billing.ParseAmount(s)
	if err == nil && a.Currency().IsZero() {
		a = billing.NewAmount(a.Micros(), cur)
	}
	return a, err
}

// rate reads the columns of one rate. A named one may be missing.
func (p *place) rate(record []string, prefix string, cur billing.Currency) (r Rate, given bool, err error) {
	texts := [columns]string{}
	for c := colInitPrice; c < columns; c++ {
		texts[c] = p.at(record, c)
		given = given || texts[c] != ""
	}
	if !given && prefix != "" {
		return r, false, nil
	}
	r.Follow.Seconds = 1
	for _, c := range [...]int{
		colFollowPrice, colFollowSeconds, colInitPrice, colInitSeconds, colTiers, colExtraSecond, colExtraPrice, colFreeTime,
	} {
		if err := r.read(c, texts[c], cur); err != nil {
			return r, true, &LineError{Column: prefix + columnNames[c], Err: err}
		}
	}
	return r, true, nil
}

// read takes one column. An empty init column is as its follow column, which
// was read before.
func (r *Rate) read(c int, text string, cur billing.Currency) (err error) {
	if text == "" {
		switch c {
		case colFollowPrice:
			return fmt.Errorf("%w: empty", billing.ErrSyntax)
		case colInitPrice:
			r.Init.Price = r.Follow.Price
		case colInitSeconds:
			r.Init.Seconds = r.Follow.Seconds
		}
		return nil
	}
	switch c {
	case colInitPrice:
		r.Init.Price, err = billing.ParsePrice(text)
	case colFollowPrice:
		r.Follow.Price, err = billing.ParsePrice(text)
	case colInitSeconds:
		r.Init.Seconds, err = parseSeconds(text)
	case colFollowSeconds:
		r.Follow.Seconds, err = parseSeconds(text)
	case colTiers:
		r.Tiers, err = parseTiers(text, cur)
	case colExtraSecond:
		r.Extra.Second, err = parseSeconds(text)
	case colExtraPrice:
		r.Extra.Price, err = billing.ParsePrice(text)
	case colFreeTime:
		r.FreeTime, err = parseFlag(text)
	}
	return err
}

func parseFlag(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "1", "true", "yes":
		return true, nil
	case "", "0", "false", "no":
		return false, nil
	}
	return false, fmt.Errorf("%w: %.40q is neither 1 nor 0", billing.ErrSyntax, s)
}

func parseTiers(s string, cur billing.Currency) ([]Tier, error) {
	var out []Tier
	for _, part := range strings.Split(s, ";") {
		f := strings.Fields(part)
		if len(f) != 3 && len(f) != 4 {
			return nil, fmt.Errorf("%w: tier %.60q", billing.ErrSyntax, part)
		}
		var t Tier
		var err error
		if t.Start, err = parseSeconds(f[0]); err != nil {
			return nil, err
		}
		if t.Interval.Price, err = billing.ParsePrice(f[1]); err != nil {
			return nil, err
		}
		if t.Interval.Seconds, err = parseSeconds(f[2]); err != nil {
			return nil, err
		}
		if len(f) == 4 {
			if t.Connect, err = parseMoney(f[3], cur); err != nil {
				return nil, err
			}
		}
		out = append(out, t)
	}
	return out, nil
}

func parseSeconds(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > maxUnits {
		return 0, fmt.Errorf("%w: %.40q is no number of seconds or units from 0 to %d", billing.ErrSyntax, s, maxUnits)
	}
	return int(n), nil
}
