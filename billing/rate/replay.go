package rate

import (
	"errors"
	"fmt"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// ErrTrace says that a trace is not one of a price: it cannot be replayed.
var ErrTrace = errors.New("rate: bad trace")

// Replay works a price out again from its trace alone, without the tariff. What
// it returns is the trace with all amounts made anew: for the trace of Explain
// it is the same to the last bit, and a trace that differs from its replay was
// changed.
func Replay(t *Trace) (*Trace, error) {
	if t.Version != 2 {
		return nil, fmt.Errorf("%w: version %d", ErrTrace, t.Version)
	}
	var m meter
	limit := tariff.Cap{Amount: t.Cap, Action: t.CapAction}
	if err := m.open(t.Rounding, t.Amount.Currency(), limit); err != nil {
		return nil, err
	}
	m.detailed = true
	out := *t
	out.Steps = append([]TraceStep{}, t.Steps...)
	out.Charged = 0
	var so billing.Amount
	for i := range out.Steps {
		s := &out.Steps[i]
		// Parts of one interval are rounded together.
		last := i+1 == len(out.Steps) || out.Steps[i+1].Count != 0
		m.steps = m.steps[:0]
		if err := s.replay(&m, last); err != nil {
			return nil, fmt.Errorf("%w: step %d: %w", ErrTrace, i, err)
		}
		s.Amount = billing.NewAmount(0, t.Amount.Currency())
		sum, err := m.sum()
		if err != nil {
			return nil, err
		}
		if s.Amount, err = sum.Sub(so); err != nil {
			return nil, err
		}
		so = sum
		if s.Kind == Init || s.Kind == Follow {
			out.Charged += s.Span
		}
	}
	var err error
	if out.Amount, err = m.sum(); err != nil {
		return nil, err
	}
	out.Capped = m.full() || t.Capped && t.CapAction == tariff.CapDisconnect
	return &out, nil
}

func (s *TraceStep) replay(m *meter, last bool) error {
	i := tariff.Interval{Price: s.Price, Seconds: int(s.Seconds)}
	switch s.Kind {
	case Connect:
		return m.connect(s.Offset, s.Fee)
	case Extra:
		return m.once(s.Offset, s.Price)
	case Init, Follow:
	default:
		return fmt.Errorf("%w: kind %q", billing.ErrSyntax, s.Kind)
	}
	if s.Seconds < 1 || s.Span < 0 || s.Count < 0 {
		return fmt.Errorf("%w: %d intervals of %d seconds", billing.ErrSyntax, s.Count, s.Seconds)
	}
	if whole := i.Length() * billing.Millis(s.Count); s.Count > 0 && s.Span == whole {
		return m.run(s.Kind, s.Offset, 0, i, s.Count)
	}
	return m.piece(Step{Kind: s.Kind, Offset: s.Offset, Count: s.Count, Span: s.Span, Interval: i}, last)
}
