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
	Version  int              `json:"v"` // 1
	Tariff   billing.Hash     `json:"tariff"`
	Name     string           `json:"name,omitempty"` // of the tariff
	Rounding billing.Rounding `json:"rounding"`
	Counting string           `json:"counting"` // "begun" or "nearest"

	Call
	Local time.Time `json:"local"` // the answer, in the time zone of the tariff

	Fee  string `json:"fee"`
	Zone string `json:"zone,omitempty"`
	// The prefixes of the fee, as they match the numbers.
	DestinationPrefix string `json:"destination_prefix"`
	SourcePrefix      string `json:"source_prefix,omitempty"`

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
	Price   billing.Price  `json:"price,omitzero"`
	Amount  billing.Amount `json:"amount"`
}

// Explain prices a call and tells how.
func Explain(s *tariff.Snapshot, c Call) (*Trace, error) {
	r, err := Rate(s, c, Options{Steps: make([]Step, 0, 8)})
	if err != nil {
		return nil, err
	}
	return trace(s, c, r), nil
}

// trace puts a detailed result into words.
func trace(s *tariff.Snapshot, c Call, r Result) *Trace {
	t := &Trace{
		Version: 1, Tariff: s.Hash(), Name: s.Name(), Rounding: s.Rounding(), Counting: "begun",
		Call: c, Local: c.Start.Time().In(s.Location()), Fee: r.Match.Fee(), Zone: r.Match.Zone(),
		Steps: make([]TraceStep, 0, len(r.Steps)), Charged: r.Charged, Amount: r.Amount,
	}
	if s.Counting() == tariff.CountNearest {
		t.Counting = "nearest"
	}
	d, src := r.Match.Covers()
	t.DestinationPrefix, t.SourcePrefix = c.Destination[:d], c.Source[:src]
	for _, step := range r.Steps {
		out := TraceStep{Kind: step.Kind, Offset: step.Offset, Count: step.Count, Amount: step.Amount}
		if step.Kind != Connect {
			out.Rate, out.Price = s.RateName(step.Rate), step.Interval.Price
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
	verb := "Call to"
	if t.Direction == billing.In {
		verb = "Call received at"
	}
	lines := []string{fmt.Sprintf("%s %s (%s), %s, %s", verb, t.Destination, where,
		t.Local.Format("2006-01-02 15:04:05 -07:00"), clock(t.Duration))}
	for _, s := range t.Steps {
		lines = append(lines, s.line(t.Amount.Currency()))
	}
	return append(lines, fmt.Sprintf("Charged time %s, price %s", clock(t.Charged), t.Amount))
}

// String returns the lines as one text.
func (t *Trace) String() string { return strings.Join(t.Lines(), "\n") }

func (s TraceStep) line(c billing.Currency) string {
	rate := ""
	if s.Rate != "" {
		rate = " (" + s.Rate + ")"
	}
	switch s.Kind {
	case Connect:
		return fmt.Sprintf("Connection: %s", s.Amount)
	case Init:
		return fmt.Sprintf("First %s at %s%s: %s", clock(billing.Millis(s.Seconds)*1000), tell(s.Price, c), rate, s.Amount)
	}
	return fmt.Sprintf("From %s: %d x %s at %s%s: %s", clock(s.Offset), s.Count,
		clock(billing.Millis(s.Seconds)*1000), tell(s.Price, c), rate, s.Amount)
}

// tell writes a price with its currency: "0.10 EUR per minute" as "0.1 EUR/min".
func tell(p billing.Price, c billing.Currency) string {
	number, _, _ := strings.Cut(p.String(), "/")
	switch p.Per() {
	case 1:
		return fmt.Sprintf("%s %s/s", number, c)
	case 60:
		return fmt.Sprintf("%s %s/min", number, c)
	case 3600:
		return fmt.Sprintf("%s %s/h", number, c)
	}
	return fmt.Sprintf("%s %s/%d s", number, c, p.Per())
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
