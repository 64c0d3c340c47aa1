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
	colInitPrice
	colInitSeconds
	colFollowPrice
	colFollowSeconds
	columns
)

var columnNames = [columns]string{
	"id", "direction", "source", "destination", "zone", "connect",
	"init_price", "init_interval", "follow_price", "follow_interval",
}

// ReadCSV adds the fees of a deck, all of them or none. The first line names
// the columns, in any order; destination and follow_price must be there:
//
//	id               identifier of the fee; made of its prefixes when empty
//	direction        out or in; out when empty
//	source           prefix of the caller's number
//	destination      prefix of the called number
//	zone             name of the zone
//	connect          connect fee, a decimal
//	init_price       price of the first interval: a decimal, "/" and seconds: 0.10/60
//	init_interval    its length in seconds
//	follow_price     price of the further intervals
//	follow_interval  their length in seconds; 1 when empty
//
// An init column that is empty is as its follow column. Columns such as
// offpeak.init_price set the further rate offpeak in the same way; a fee whose
// columns for it are all empty has no such rate.
//
// The error joins up to 20 of type *LineError.
func (b *Builder) ReadCSV(r io.Reader) error {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	in.TrimLeadingSpace = true
	header, err := in.Read()
	if err != nil {
		return deckError(1, err)
	}
	layout, err := readHeader(header)
	if err != nil {
		return err
	}
	had := len(b.rows)
	var faults []error
	for len(faults) < maxFaults {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			faults = append(faults, deckError(0, err))
			continue
		}
		line, _ := in.FieldPos(0)
		fee, err := layout.fee(record, b.cfg.Currency)
		if err == nil {
			err = b.add(&fee, layout.further, line)
		}
		if err != nil {
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
	if d := l.fixed.at(record, colDirection); d != "" {
		if err := f.Direction.UnmarshalText([]byte(d)); err != nil {
			return f, &LineError{Column: columnNames[colDirection], Err: err}
		}
	}
	if c := l.fixed.at(record, colConnect); c != "" {
		a, err := billing.ParseAmount(c)
		if err != nil {
			return f, &LineError{Column: columnNames[colConnect], Err: err}
		}
		if a.Currency().IsZero() {
			a = billing.NewAmount(a.Micros(), cur)
		}
		f.Connect = a
	}
	var err error
	l.further = l.further[:0]
	if f.Rate, _, err = l.fixed.rate(record, ""); err != nil {
		return f, err
	}
	for i, name := range l.names {
		r, given, err := l.named[i].rate(record, name+".")
		if err != nil {
			return f, err
		}
		if given {
			l.further = append(l.further, named{name, r})
		}
	}
	return f, nil
}

// rate reads the four columns of one rate. A named one may be missing.
func (p *place) rate(record []string, prefix string) (r Rate, given bool, err error) {
	texts := [columns]string{}
	for c := colInitPrice; c <= colFollowSeconds; c++ {
		texts[c] = p.at(record, c)
		given = given || texts[c] != ""
	}
	if !given && prefix != "" {
		return r, false, nil
	}
	fault := func(c int, err error) (Rate, bool, error) {
		return r, true, &LineError{Column: prefix + columnNames[c], Err: err}
	}
	r.Follow.Seconds = 1
	for _, c := range [...]int{colFollowPrice, colFollowSeconds, colInitPrice, colInitSeconds} {
		i := &r.Follow
		if c < colFollowPrice {
			i = &r.Init
		}
		switch {
		case texts[c] == "" && c == colFollowPrice:
			return fault(c, fmt.Errorf("%w: empty", billing.ErrSyntax))
		case texts[c] == "" && c == colInitPrice:
			r.Init.Price = r.Follow.Price
		case texts[c] == "" && c == colInitSeconds:
			r.Init.Seconds = r.Follow.Seconds
		case texts[c] == "":
		case c == colInitPrice || c == colFollowPrice:
			if i.Price, err = billing.ParsePrice(texts[c]); err != nil {
				return fault(c, err)
			}
		default:
			if i.Seconds, err = parseSeconds(texts[c]); err != nil {
				return fault(c, err)
			}
		}
	}
	return r, true, nil
}

func parseSeconds(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > maxSeconds {
		return 0, fmt.Errorf("%w: %.40q is no number of seconds from 0 to %d", billing.ErrSyntax, s, maxSeconds)
	}
	return int(n), nil
}
