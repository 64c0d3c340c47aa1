package rate

import (
	"fmt"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// Trace tells how a price came about, with everything needed to work it out
// again by hand. As JSON it is what a record keeps; its lines are for people.
type Trace struct {
	Version  int              `json:"v"` // 2; 1 had no spans, caps and modes
	Tariff   billing.Hash     `json:"tariff"`
	Name     string           `json:"name,omitempty"` // of the tariff
	Rounding billing.Rounding `json:"rounding"`
	Counting tariff.Counting  `json:"counting"`
	Crossing tariff.Crossing  `json:"crossing,omitzero"`

	Call
	Local time.Time `json:"local"` // the answer, in the time zone of the tariff

	Fee  string `json:"fee"`
	Zone string `json:"zone,omitempty"`
	// The prefixes of the fee, as they match the numbers. For a fee of another
	// mode, the texts or expressions that it was written with.
	Mode              tariff.Mode `json:"mode,omitzero"`
	DestinationPrefix string      `json:"destination_prefix"`
	SourcePrefix      string      `json:"source_prefix,omitempty"`

	Cap       billing.Amount   `json:"cap,omitzero"`
	CapAction tariff.CapAction `json:"cap_action,omitzero"`
	Capped    bool             `json:"capped,omitempty"`    // the cap was reached
	Served    billing.Millis   `json:"served_ms,omitempty"` // where a cap ended the call

	Steps   []TraceStep    `json:"steps"`
	Charged billing.Millis `json:"charged_ms"`
	Amount  billing.Amount `json:"amount"`
}

// TraceStep is a Step in words.
type TraceStep struct {
	Kind    Kind           `json:"kind"`
	Offset  billing.Millis `json:"offset_ms"`
	Rate    string         `json:"rate,omitempty"`
	Count   int64          `json:"count"`
	Seconds int64          `json:"seconds,omitempty"` // length of one interval
	Span    billing.Millis `json:"span_ms,omitempty"` // time paid for
	Fee     billing.Amount `json:"fee,omitzero"`      // of a connect fee, before it was rounded
	Price   billing.Price  `json:"price,omitzero"`
	Amount  billing.Amount `json:"amount"`
}

// Explain prices a call and tells how.
func Explain(s *tariff.Snapshot, c Call) (*Trace, error) {
	t, _, err := ExplainResult(s, c, nil)
	return t, err
}

// ExplainResult is Explain together with the result of Rate, whose steps take
// the room given.
func ExplainResult(s *tariff.Snapshot, c Call, room []Step) (*Trace, Result, error) {
	if room == nil {
		room = make([]Step, 0, 8)
	}
	r, err := Rate(s, c, Options{Steps: room})
	if err != nil {
		return nil, Result{}, err
	}
	return trace(s, c, r), r, nil
}

// trace puts a detailed result into words.
func trace(s *tariff.Snapshot, c Call, r Result) *Trace {
	zone := s.Location()
	if s.CustomerZone() && c.Zone != nil {
		zone = c.Zone.Location()
	}
	t := &Trace{
		Version: 2, Tariff: s.Hash(), Name: s.Name(), Rounding: s.Rounding(), Counting: s.Counting(), Crossing: s.Crossing(),
		Call: c, Local: c.Start.Time().In(zone), Fee: r.Match.Fee(), Zone: r.Match.Zone(), Mode: r.Match.Mode(),
		Capped: r.Capped, Steps: make([]TraceStep, 0, len(r.Steps)), Charged: r.Charged, Amount: r.Amount,
	}
	if limit := r.Match.Cap(); limit.Action != tariff.CapNone {
		t.Cap, t.CapAction = limit.Amount, limit.Action
	}
	if r.Cut {
		t.Served = r.Served
	}
	var text bool
	if t.DestinationPrefix, t.SourcePrefix, text = r.Match.Texts(); !text {
		d, src := r.Match.Covers()
		t.DestinationPrefix = c.Destination[:d]
		if t.SourcePrefix == "" {
			t.SourcePrefix = c.Source[:min(src, len(c.Source))]
		}
	}
	for _, step := range r.Steps {
		out := TraceStep{Kind: step.Kind, Offset: step.Offset, Count: step.Count, Amount: step.Amount}
		switch step.Kind {
		case Connect:
			out.Fee = step.Fee
		case Extra:
			out.Price = step.Interval.Price
		default:
			out.Rate, out.Price, out.Span = s.RateName(step.Rate), step.Interval.Price, step.Span
			out.Seconds = int64(step.Interval.Length() / 1000)
		}
		t.Steps = append(t.Steps, out)
	}
	return t
}

// Lines returns the explanation as a customer can read it, one line for the
// call, one for each step and one for the sum.
func (t *Trace) Lines() []string {
	where := t.Zone
	if where == "" {
		where = "fee " + t.Fee
	}
	verb, lasted := "Call to", clock(t.Duration)
	if t.Direction == billing.In {
		verb = "Call received at"
	}
	if t.Service != tariff.Voice {
		verb, lasted = strings.ToUpper(t.Service.String())+" to", t.long(billing.Millis(t.Units)*1000)
	}
	lines := []string{fmt.Sprintf("%s %s (%s), %s, %s", verb, t.Destination, where,
		t.Local.Format("2006-01-02 15:04:05 -07:00"), lasted)}
	for i := range t.Steps {
		lines = append(lines, t.line(&t.Steps[i]))
	}
	switch {
	case t.Served > 0 || t.Capped && t.CapAction == tariff.CapDisconnect:
		lines = append(lines, fmt.Sprintf("Ends after %s: the price is not to pass %s", t.long(t.Served), t.Cap))
	case t.Capped:
		lines = append(lines, fmt.Sprintf("Free from %s on", t.Cap))
	}
	what := "Charged time"
	if t.Service != tariff.Voice {
		what = "Charged"
	}
	return append(lines, fmt.Sprintf("%s %s, price %s", what, t.long(t.Charged), t.Amount))
}

// String returns the lines as one text.
func (t *Trace) String() string { return strings.Join(t.Lines(), "\n") }

// long writes a span of the call, or a number of units.
func (t *Trace) long(m billing.Millis) string {
	if t.Service == tariff.Voice {
		return clock(m)
	}
	return fmt.Sprintf("%d units", m/1000)
}

func (t *Trace) line(s *TraceStep) string {
	rate := ""
	if s.Rate != "" {
		rate = " (" + s.Rate + ")"
	}
	price := t.tell(s.Price)
	one := billing.Millis(s.Seconds) * 1000
	switch {
	case s.Kind == Connect && s.Offset == 0:
		return fmt.Sprintf("Connection: %s", s.Amount)
	case s.Kind == Connect:
		return fmt.Sprintf("From %s: once %s", t.long(s.Offset), s.Amount)
	case s.Kind == Extra:
		return fmt.Sprintf("In the interval from %s: once %s", t.long(s.Offset), s.Amount)
	case s.Span != 0 && s.Span != one*billing.Millis(s.Count):
		return fmt.Sprintf("From %s: %s at %s%s: %s", t.long(s.Offset), t.long(s.Span), price, rate, s.Amount)
	case s.Kind == Init:
		return fmt.Sprintf("First %s at %s%s: %s", t.long(one), price, rate, s.Amount)
	}
	return fmt.Sprintf("From %s: %d x %s at %s%s: %s", t.long(s.Offset), s.Count, t.long(one), price, rate, s.Amount)
}

// tell writes a price with its currency: "0.10 EUR per minute" as "0.1 EUR/min".
func (t *Trace) tell(p billing.Price) string {
	number, _, _ := strings.Cut(p.String(), "/")
	c, per := t.Amount.Currency(), p.Per()
	switch {
	case t.Service != tariff.Voice && per == 1:
		return fmt.Sprintf("%s %s/unit", number, c)
	case t.Service != tariff.Voice:
		return fmt.Sprintf("%s %s/%d units", number, c, per)
	case per == 1:
		return fmt.Sprintf("%s %s/s", number, c)
	case per == 60:
		return fmt.Sprintf("%s %s/min", number, c)
	case per == 3600:
		return fmt.Sprintf("%s %s/h", number, c)
	}
	return fmt.Sprintf("%s %s/%d s", number, c, per)
}

// clock writes a span as h:mm:ss, with milliseconds where there are any.
func clock(m billing.Millis) string {
	s := fmt.Sprintf("%d:%02d", m/60_000, m/1000%60)
	if m >= 3_600_000 {
		s = fmt.Sprintf("%d:%02d:%02d", m/3_600_000, m/60_000%60, m/1000%60)
	}
	if m%1000 != 0 {
		s += fmt.Sprintf(".%03d", m%1000)
	}
	return s
}
