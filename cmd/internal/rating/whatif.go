package rating

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"text/tabwriter"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/rerate"
	"github.com/class5-go/class5/billing/tariff"
)

// retail prices records for the customer who placed the call.
type retail struct {
	s    *tariff.Snapshot
	name string
}

// Rate implements rerate.Rater.
func (r retail) Rate(dst []billing.Party, c *billing.CDR) ([]billing.Party, error) {
	p, err := rate.Party(r.s, c, billing.SideCaller, r.name)
	if err != nil {
		return dst, err
	}
	return append(dst, p), nil
}

// WhatIf prices call records, as JSON lines of billing.CDR, by one deck and by
// another, and writes the difference for each account. Records that one of them
// cannot price are findings.
func WhatIf(ctx context.Context, cdrs io.Reader, name string, old, anew *tariff.Snapshot, out io.Writer) error {
	before := retail{old, old.Name()}
	unpriced := 0
	list := records(cdrs, name, func(c *billing.CDR) bool {
		var err error
		if c.Parties, err = before.Rate(nil, c); err != nil {
			unpriced++
		}
		return err == nil
	})
	diff, err := rerate.Plan(ctx, list, retail{anew, anew.Name()}, rerate.Options{})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "account\trecords\tchanged\told\tnew\tdifference\t")
	for _, a := range diff.Sorted() {
		s := diff.Accounts[a]
		by := s.New
		was, err := s.Old.Amount()
		if err == nil {
			err = by.Sub(was)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\t\n", a.Account, s.Records, s.Changed, s.Old, s.New, by)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, f := range diff.Failures {
		fmt.Fprintf(out, "%s: %v\n", f.Key, f.Err)
	}
	if n := int64(unpriced) + diff.Failed; n > 0 {
		return fmt.Errorf("%w: %d of %d records have no price by the old deck, %d none by the new one", ErrFindings, unpriced, diff.Records+int64(unpriced), diff.Failed)
	}
	return nil
}

// records reads call records.
func records(in io.Reader, name string, take func(*billing.CDR) bool) iter.Seq2[*billing.CDR, error] {
	return func(yield func(*billing.CDR, error) bool) {
		r := bufio.NewReaderSize(in, 1<<16)
		for n := 1; ; n++ {
			text, err := line(r)
			if err != nil && !errors.Is(err, io.EOF) {
				yield(nil, err)
				return
			}
			last := err != nil
			if text = bytes.TrimSpace(text); len(text) > 0 {
				c, err := record(text)
				if err != nil {
					yield(nil, fmt.Errorf("%s: line %d: %w", name, n, err))
					return
				}
				if take(c) && !yield(c, nil) {
					return
				}
			}
			if last {
				return
			}
		}
	}
}

func record(text []byte) (*billing.CDR, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var c billing.CDR
	if err := d.Decode(&c); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("more than one record")
	}
	return &c, nil
}
