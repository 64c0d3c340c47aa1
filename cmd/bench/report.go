package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/meter"
)

// figures are those of one run, or with several values of a row in the report.
type figures struct {
	unit, user, system float64 // µs of processor time for one unit of work
	rate               float64 // units in a second
	loss               float64 // per cent
	p50, p99           float64 // µs
	rss                float64 // MB of the process tree at the end
}

// outcome is one run of one element.
type outcome struct {
	figures
	problems []string
}

// measure makes figures of what was counted: so many units in a time.
func measure(units uint64, elapsed time.Duration, u meter.Usage, lost, asked uint64, latency *meter.Histogram) figures {
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	n := float64(max(units, 1))
	return figures{
		unit: us(u.CPU()) / n, user: us(u.User) / n, system: us(u.System) / n,
		rate: float64(units) / elapsed.Seconds(), loss: 100 * float64(lost) / float64(max(asked, 1)),
		p50: us(latency.Quantile(0.5)), p99: us(latency.Quantile(0.99)), rss: float64(u.RSS) / 1e6,
	}
}

// table collects the runs of several elements under one heading.
type table struct {
	title, unit, latency string
	names                []string
	runs                 map[string][]outcome
	missing              []string
}

func newTable(title, unit, latency string) *table {
	return &table{title: title, unit: unit, latency: latency, runs: make(map[string][]outcome)}
}

func (t *table) add(name string, o outcome) {
	if !slices.Contains(t.names, name) {
		t.names = append(t.names, name)
	}
	t.runs[name] = append(t.runs[name], o)
}

func (t *table) summary(name string, of func(figures) float64) meter.Summary {
	var all []float64
	for _, o := range t.runs[name] {
		all = append(all, of(o.figures))
	}
	return meter.Summarise(all)
}

// columns are what the report shows, in order.
func (t *table) columns() []column {
	return []column{
		{"µs/" + t.unit, func(f figures) float64 { return f.unit }}, {"user", func(f figures) float64 { return f.user }},
		{"sys", func(f figures) float64 { return f.system }}, {t.unit + "/s", func(f figures) float64 { return f.rate }},
		{"loss %", func(f figures) float64 { return f.loss }}, {t.latency + " p50 µs", func(f figures) float64 { return f.p50 }},
		{"p99 µs", func(f figures) float64 { return f.p99 }}, {"RSS MB", func(f figures) float64 { return f.rss }},
	}
}

type column struct {
	name string
	of   func(figures) float64
}

// write shows the table, and the ratios of the first element to each other one.
func (t *table) write(w io.Writer) error {
	fmt.Fprintf(w, "\n%s\n", t.title)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "element")
	for _, c := range t.columns() {
		fmt.Fprintf(tw, "\t%s", c.name)
	}
	fmt.Fprintln(tw)
	for _, name := range t.names {
		fmt.Fprint(tw, name)
		for _, c := range t.columns() {
			fmt.Fprintf(tw, "\t%v", t.summary(name, c.of))
		}
		fmt.Fprintln(tw)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for i, name := range t.names {
		if i > 0 {
			fmt.Fprintf(w, "%s / %s: %s\n", t.names[0], name, t.ratios(t.names[0], name))
		}
	}
	for _, m := range t.missing {
		fmt.Fprintln(w, "left out:", m)
	}
	return t.problems(w)
}

func (t *table) ratios(a, b string) string {
	var words []string
	for _, c := range t.columns() {
		x, y := t.summary(a, c.of).Median, t.summary(b, c.of).Median
		if c.name != "user" && c.name != "sys" && c.name != "loss %" && y > 0 {
			words = append(words, fmt.Sprintf("%s %.2f", c.name, x/y))
		}
	}
	return strings.Join(words, ", ")
}

// problems shows what elements did wrong, and is an error when there was any.
func (t *table) problems(w io.Writer) error {
	n := 0
	for _, name := range t.names {
		for i, o := range t.runs[name] {
			for _, p := range o.problems {
				fmt.Fprintf(w, "WRONG: %s, run %d: %s\n", name, i+1, p)
				n++
			}
		}
	}
	if n > 0 {
		return fmt.Errorf("%d kinds of wrong results", n)
	}
	return nil
}

// problemsOf lists failures by reason.
func problemsOf(reasons map[string]uint64) []string {
	var all []string
	for reason, n := range reasons {
		all = append(all, fmt.Sprintf("%d x %s", n, reason))
	}
	slices.Sort(all)
	return all
}
