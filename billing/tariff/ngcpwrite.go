package tariff

import (
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"strconv"
)

// ngcpHead are the columns that WriteNGCP writes.
var ngcpHead = append(append([]string{"id", "type"}, ngcpOrder[:]...), "onpeak_use_free_time", "offpeak_use_free_time")

var ngcpModeNames = map[Mode]string{Prefix: "prefix", Exact: "exact_destination", RegexMatch: "regex_longest_match", RegexPattern: "regex_longest_pattern"}

// WriteNGCP writes fees in the layout that Builder.ReadNGCP reads. A fee that
// NGCP has no room for is ErrFee: connect fees, caps, tiers, rates by other
// names than "offpeak", and prices that have no ten decimals per second.
func WriteNGCP(w io.Writer, fees iter.Seq[Fee]) error {
	out := csv.NewWriter(w)
	if err := out.Write(ngcpHead); err != nil {
		return fmt.Errorf("tariff: deck: %w", err)
	}
	for f := range fees {
		row, err := ngcpRow(&f)
		if err != nil {
			return fmt.Errorf("fee %q for %q: %w", f.ID, f.Destination, err)
		}
		record := make([]string, len(ngcpHead))
		for i, column := range ngcpHead {
			record[i] = row[column]
		}
		if err := out.Write(record); err != nil {
			return fmt.Errorf("tariff: deck: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}

func ngcpRow(f *Fee) (map[string]string, error) {
	switch {
	case !f.Connect.IsZero():
		return nil, fmt.Errorf("%w: NGCP has no connect fee", ErrFee)
	case f.Cap.Action != CapNone:
		return nil, fmt.Errorf("%w: NGCP has no cap", ErrFee)
	}
	row := map[string]string{
		"id": f.ID, "type": f.Service.String(), "source": f.Source, "destination": f.Destination, "direction": f.Direction.String(), "zone": f.Zone,
		"match_mode": ngcpModeNames[f.Mode],
	}
	if f.Source == "" {
		row["source"] = ".*"
	}
	if err := ngcpColumns(row, "onpeak_", &f.Rate); err != nil {
		return nil, err
	}
	for name, r := range f.Named {
		if name != offPeak {
			return nil, fmt.Errorf("%w: NGCP has no rate %q", ErrFee, name)
		}
		if err := ngcpColumns(row, "offpeak_", &r); err != nil {
			return nil, err
		}
	}
	return row, nil
}

func ngcpColumns(row map[string]string, peak string, r *Rate) error {
	if len(r.Tiers) > 0 {
		return fmt.Errorf("%w: NGCP has no tiers", ErrFee)
	}
	for _, i := range [...]struct {
		name string
		of   Interval
	}{{"init", r.Init}, {"follow", r.Follow}} {
		text, ok := Cents(i.of.Price)
		if !ok {
			return fmt.Errorf("%w: price %s has no ten decimals per second", ErrFee, i.of.Price)
		}
		row[peak+i.name+"_rate"], row[peak+i.name+"_interval"] = text, strconv.Itoa(i.of.Seconds)
	}
	row[peak+"use_free_time"] = "0"
	if r.FreeTime {
		row[peak+"use_free_time"] = "1"
	}
	if r.Extra == (Extra{}) {
		return nil
	}
	text, ok := Cents(r.Extra.Price)
	if !ok {
		return fmt.Errorf("%w: price %s has no ten decimals", ErrFee, r.Extra.Price)
	}
	row[peak+"extra_rate"], row[peak+"extra_second"] = text, strconv.Itoa(r.Extra.Second)
	return nil
}
