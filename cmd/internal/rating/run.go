package rating

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/class5-go/class5/billing/scenario"
)

// maxLine bounds one line of standard input.
const maxLine = 16 << 20

// Rate runs a scenario that is spread over lines, or each of JSON lines, and
// writes the answers, those of lines on a line each; an answer that is not as
// the file expects is a finding. A bad line is told and the others go on. alone
// says that one line alone is a file too and not a line of a stream.
func Rate(ctx context.Context, in io.Reader, name string, alone bool, out, diag io.Writer) error {
	r := bufio.NewReaderSize(in, 1<<16)
	first, err := line(r)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if alone && err == nil {
		_, err = r.Peek(1)
	}
	if alone && err != nil || !jsontext.Value(bytes.TrimSpace(first)).IsValid() {
		rest, err := io.ReadAll(io.LimitReader(r, maxLine+1))
		if err != nil {
			return err
		}
		return one(ctx, append(first, rest...), name, out, diag, false)
	}
	bad, found, n := 0, 0, 0
	for ; len(first) > 0; n++ {
		if text := bytes.TrimSpace(first); len(text) > 0 {
			err := one(ctx, text, fmt.Sprintf("%s: line %d", name, n+1), out, diag, true)
			switch {
			case errors.Is(err, ErrFindings):
				found++
			case err != nil:
				fmt.Fprintln(diag, err)
				bad++
			}
		}
		if first, err = line(r); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	switch {
	case bad > 0:
		return fmt.Errorf("%d of %d lines are bad", bad, n)
	case found > 0:
		return fmt.Errorf("%w: in %d of %d lines", ErrFindings, found, n)
	}
	return nil
}

// line reads a line with its end, or what is left.
func line(r *bufio.Reader) ([]byte, error) {
	var out []byte
	for {
		part, err := r.ReadSlice('\n')
		out = append(out, part...)
		if len(out) > maxLine {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", scenario.ErrLimit, maxLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return out, err
		}
	}
}

// one runs a file.
func one(ctx context.Context, data []byte, name string, out, diag io.Writer, oneLine bool) error {
	f, err := scenario.Parse(data)
	if err != nil {
		if !oneLine {
			err = lined(err)
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	a, err := scenario.Run(ctx, f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := a.Write(out, oneLine); err != nil {
		return err
	}
	fmt.Fprintln(out)
	diff, err := a.Check(f)
	if err != nil {
		return err
	}
	for _, d := range diff {
		fmt.Fprintf(diag, "%s: %s\n", name, d)
	}
	if len(diff) > 0 {
		return fmt.Errorf("%w: %d differences from what %s expects", ErrFindings, len(diff), name)
	}
	return nil
}

// Explain runs a file and writes, for each call, how the price of every party
// came about. A step that could not be done is a finding.
func Explain(ctx context.Context, in io.Reader, name string, out io.Writer) error {
	f, err := scenario.Read(in)
	if err != nil {
		return fmt.Errorf("%s: %w", name, lined(err))
	}
	f.Show = append(f.Show, "explain")
	a, err := scenario.Run(ctx, f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	failed := 0
	for i := range a.Steps {
		s := &a.Steps[i]
		if s.Error != "" {
			fmt.Fprintf(out, "%s (%s): %s: %s\n\n", s.ID, s.Step, s.Error, s.Message)
			failed++
			continue
		}
		if s.Call != nil {
			explain(out, s.Call)
		}
		for k := range s.Records {
			explain(out, &s.Records[k])
		}
	}
	if failed > 0 {
		return fmt.Errorf("%w: %d steps of %s could not be done", ErrFindings, failed, name)
	}
	return nil
}

func explain(out io.Writer, c *scenario.CallAnswer) {
	for i := range c.Parties {
		p := &c.Parties[i]
		fmt.Fprintf(out, "%s: %s %s %s, profile %s: %s\n", c.ID, p.Side, p.Role, p.Account, p.Profile, p.Price)
		for _, l := range p.Explain {
			fmt.Fprintln(out, "  "+strings.TrimSpace(l))
		}
	}
	if c.Paid != nil {
		for _, b := range c.Balances {
			if b.Before != b.After {
				fmt.Fprintf(out, "  Wallet %s of %s: %s before, %s after\n", b.Wallet, b.Account, b.Before, b.After)
			}
		}
		fmt.Fprintf(out, "  From the balance %s, due %s, free seconds %s\n", c.FromBalance, c.Due, c.FreeTime)
	}
	fmt.Fprintln(out)
}
