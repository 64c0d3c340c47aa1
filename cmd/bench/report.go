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
	accept             float64 // µs of processor time for one connection
	growth             float64 // KiB of memory for one connection
	pss                float64 // MB of the process tree at the end, shared pages divided
	processes          float64
	dropped, answered  float64 // per cent of a flood
	allocs             float64 // objects for one unit of work
	bpf, machine       float64 // µs of programs in the kernel, and of the whole machine beyond the direct path, for one unit
	added              float64 // µs, p99 beyond that of the direct path
	calls              float64 // that a core would carry
	heap               float64 // KiB in use for one unit
	carried            float64 // calls that an element was seen to carry
	longest            float64 // ms, of the slowest unit
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
		p50: us(latency.Quantile(0.5)), p99: us(latency.Quantile(0.99)), rss: float64(u.RSS) / 1e6, pss: float64(u.PSS) / 1e6,
	}
}

// table collects the runs of several elements under one heading.
type table struct {
	title, unit string
	cols        []column
	goals       []goal
	names       []string
	first       []string // names in the order they are to have
	runs        map[string][]outcome
	missing     []string
	json        bool
}

// newTable makes one with the columns that most have.
func newTable(title, unit, latency string) *table {
	return &table{title: title, unit: unit, runs: make(map[string][]outcome), cols: []column{
		{"µs/" + unit, func(f figures) float64 { return f.unit }}, {"user", func(f figures) float64 { return f.user }},
		{"sys", func(f figures) float64 { return f.system }}, {unit + "/s", func(f figures) float64 { return f.rate }},
		{"loss %", func(f figures) float64 { return f.loss }}, {latency + " p50 µs", func(f figures) float64 { return f.p50 }},
		{"p99 µs", func(f figures) float64 { return f.p99 }}, {"RSS MB", func(f figures) float64 { return f.rss }},
	}}
}

// goal is a figure of ours that ought to be at most a share of a peer's, or of
// another of ours.
type goal struct {
	column, of, peer string
	most             float64
	absolute         bool // most is the figure itself
}

func (t *table) add(name string, o outcome) {
	if !slices.Contains(t.names, name) {
		t.names = append(t.names, name)
		slices.SortStableFunc(t.names, func(a, b string) int { return t.rank(a) - t.rank(b) })
	}
	t.runs[name] = append(t.runs[name], o)
}

// rank is the place of a name among those with an order; others come behind.
func (t *table) rank(name string) int {
	if i := slices.Index(t.first, name); i >= 0 {
		return i
	}
	return len(t.first)
}

func (t *table) summary(name string, of func(figures) float64) meter.Summary {
	var all []float64
	for _, o := range t.runs[name] {
		all = append(all, of(o.figures))
	}
	return meter.Summarise(all)
}

type column struct {
	name string
	of   func(figures) float64
}

// ratio tells whether a ratio of such figures means something.
func (c column) ratio() bool {
	return !slices.Contains([]string{"user", "sys", "loss %", "processes", "dropped by kernel %", "answered %", "bpf", "p99 more µs"}, c.name)
}

// progress is one run in words: the first figure that is there, rate and loss.
func (t *table) progress(name string, f figures) string {
	text := name
	for _, c := range t.cols {
		if v := c.of(f); v != 0 && (c.name == "loss %" || len(text) == len(name) || strings.HasSuffix(c.name, "/s")) {
			text += fmt.Sprintf(", %s %.3g", c.name, v)
		}
	}
	return text
}

// write shows the table, and the ratios of the first element to each other one.
func (t *table) write(w io.Writer) error {
	if t.json {
		return t.writeJSON(w)
	}
	fmt.Fprintf(w, "\n%s\n", t.title)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "element")
	for _, c := range t.cols {
		fmt.Fprintf(tw, "\t%s", c.name)
	}
	fmt.Fprintln(tw)
	for _, name := range t.names {
		fmt.Fprint(tw, name)
		for _, c := range t.cols {
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
	for _, g := range t.goals {
		if value, ok := t.reached(g); ok {
			fmt.Fprintf(w, "goal: %s: %.2f, %s\n", g, value, map[bool]string{true: "met", false: "missed"}[value <= g.most])
		}
	}
	for _, m := range t.missing {
		fmt.Fprintln(w, "left out:", m)
	}
	return t.problems(w)
}

func (g goal) String() string {
	if g.absolute {
		return fmt.Sprintf("%s of %s at most %g", g.column, g.of, g.most)
	}
	return fmt.Sprintf("%s of %s at most %g of %s", g.column, g.of, g.most, g.peer)
}

// reached is what stands against a goal, when both elements were there.
func (t *table) reached(g goal) (value float64, ok bool) {
	for _, c := range t.cols {
		if c.name != g.column || len(t.runs[g.of]) == 0 {
			continue
		}
		value = t.summary(g.of, c.of).Median
		if g.absolute {
			return value, true
		}
		peer := t.summary(g.peer, c.of).Median
		return value / peer, peer > 0
	}
	return 0, false
}

func (t *table) ratios(a, b string) string {
	var words []string
	for _, c := range t.cols {
		x, y := t.summary(a, c.of).Median, t.summary(b, c.of).Median
		if c.ratio() && y > 0 {
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
