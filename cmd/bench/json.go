package main

import (
	"encoding/json"
	"io"
	"math"
)

// What -json prints of a table, by the names of its columns.
type (
	tableJSON struct {
		Title    string        `json:"title"`
		Unit     string        `json:"unit"`
		Elements []elementJSON `json:"elements"`
		Ratios   []ratioJSON   `json:"ratios,omitempty"` // medians of the first element to those of another
		Goals    []goalJSON    `json:"goals,omitempty"`
		LeftOut  []string      `json:"left_out,omitempty"`
	}
	elementJSON struct {
		Name   string               `json:"name"`
		Median map[string]float64   `json:"median"`
		Runs   []map[string]float64 `json:"runs"`
		Wrong  []string             `json:"wrong,omitempty"`
	}
	ratioJSON struct {
		Of     string             `json:"of"`
		To     string             `json:"to"`
		Ratios map[string]float64 `json:"ratios"`
	}
	goalJSON struct {
		Goal  string  `json:"goal"`
		Value float64 `json:"value"`
		Met   bool    `json:"met"`
	}
)

// writeJSON writes the table as one line.
func (t *table) writeJSON(w io.Writer) error {
	out := tableJSON{Title: t.title, Unit: t.unit, LeftOut: t.missing}
	for _, name := range t.names {
		e := elementJSON{Name: name, Median: t.values(func(c column) float64 { return t.summary(name, c.of).Median })}
		for _, o := range t.runs[name] {
			e.Runs = append(e.Runs, t.values(func(c column) float64 { return c.of(o.figures) }))
			e.Wrong = append(e.Wrong, o.problems...)
		}
		out.Elements = append(out.Elements, e)
	}
	for i, name := range t.names {
		if i > 0 {
			out.Ratios = append(out.Ratios, ratioJSON{Of: t.names[0], To: name, Ratios: t.values(func(c column) float64 {
				if !c.ratio() {
					return math.NaN()
				}
				return t.summary(t.names[0], c.of).Median / t.summary(name, c.of).Median
			})})
		}
	}
	for _, g := range t.goals {
		if value, ok := t.reached(g); ok {
			out.Goals = append(out.Goals, goalJSON{Goal: g.String(), Value: value, Met: value <= g.most})
		}
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		return err
	}
	return t.problems(io.Discard)
}

// values are those of all columns, without what is no number.
func (t *table) values(of func(column) float64) map[string]float64 {
	all := make(map[string]float64)
	for _, c := range t.cols {
		if v := of(c); !math.IsNaN(v) && !math.IsInf(v, 0) {
			all[c.name] = v
		}
	}
	return all
}
