package tariff

import (
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/class5-go/class5/billing"
)

// Config returns what the builder was made with.
func (b *Builder) Config() Config { return b.cfg }

// Fees returns the fees taken so far, in the order in which they came. It is
// the way from one layout of decks to another.
func (b *Builder) Fees() iter.Seq[Fee] {
	return func(yield func(Fee) bool) {
		for i := range b.rows {
			if !yield(b.fee(&b.rows[i])) {
				return
			}
		}
	}
}

func (b *Builder) fee(r *row) Fee {
	p := &b.plans[r.plan]
	f := Fee{
		ID: r.id, Direction: r.dir, Service: r.service, Mode: r.mode, Destination: r.dest, Source: r.source, Zone: b.zones.names[r.zone],
		Connect: billing.NewAmount(p.connect, b.cfg.Currency), Rate: b.rated[p.own],
	}
	if p.action != CapNone {
		f.Cap = Cap{billing.NewAmount(p.limit, b.cfg.Currency), p.action}
	}
	for n, i := range p.named {
		if f.Named == nil {
			f.Named = map[string]Rate{}
		}
		f.Named[b.rates.names[n]] = b.rated[i]
	}
	return f
}

// WriteCSV writes fees in the layout that Builder.ReadCSV reads, with the
// columns of every rate that any fee names. It goes through the fees twice.
func WriteCSV(w io.Writer, fees iter.Seq[Fee]) error {
	var names []string
	for f := range fees {
		for name := range f.Named {
			if i, ok := slices.BinarySearch(names, name); !ok {
				names = slices.Insert(names, i, name)
			}
		}
	}
	header := slices.Clone(columnNames[:])
	for _, name := range names {
		for _, c := range columnNames[colInitPrice:] {
			header = append(header, name+"."+c)
		}
	}
	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return fmt.Errorf("tariff: deck: %w", err)
	}
	record := make([]string, 0, len(header))
	for f := range fees {
		record = appendFee(record[:0], &f)
		for _, name := range names {
			if r, ok := f.Named[name]; ok {
				record = appendColumns(record, &r)
			} else {
				record = append(record, make([]string, columns-colInitPrice)...)
			}
		}
		if err := out.Write(record); err != nil {
			return fmt.Errorf("tariff: deck: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}

// appendFee appends the columns in their order.
func appendFee(record []string, f *Fee) []string {
	limit := ""
	if f.Cap.Action != CapNone {
		limit = f.Cap.Amount.Decimal()
	}
	record = append(record, f.ID, f.Direction.String(), f.Source, f.Destination, f.Zone, f.Connect.Decimal(),
		f.Service.String(), f.Mode.String(), limit, f.Cap.Action.String())
	return appendColumns(record, &f.Rate)
}

func appendColumns(record []string, r *Rate) []string {
	tiers := make([]string, 0, len(r.Tiers))
	for _, t := range r.Tiers {
		tiers = append(tiers, fmt.Sprintf("%d %s %d %s", t.Start, t.Interval.Price, t.Interval.Seconds, t.Connect.Decimal()))
	}
	second, price, free := "", "", ""
	if r.Extra != (Extra{}) {
		second, price = strconv.Itoa(r.Extra.Second), r.Extra.Price.String()
	}
	if r.FreeTime {
		free = "1"
	}
	return append(record, r.Init.Price.String(), strconv.Itoa(r.Init.Seconds), r.Follow.Price.String(), strconv.Itoa(r.Follow.Seconds),
		strings.Join(tiers, "; "), second, price, free)
}
