package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
)

// encode writes v for machines.
func (c *command) encode(v any) error {
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// show writes an answer: as it is for machines, as a table for people.
func (c *command) show(answer []byte, r request) error {
	if len(answer) == 0 {
		if c.json {
			return c.encode(struct{}{})
		}
		_, err := fmt.Fprintln(c.out, r.done)
		return err
	}
	if !json.Valid(answer) {
		return errors.New("the answer is no JSON: is -admin that of an lb?")
	}
	if c.json {
		var b bytes.Buffer
		if err := json.Indent(&b, answer, "", "  "); err != nil {
			return err
		}
		_, err := fmt.Fprintln(c.out, b.String())
		return err
	}
	if r.done != "" {
		var said struct{ Warning string }
		_ = json.Unmarshal(answer, &said) // a list has none
		if said.Warning != "" {
			r.done += ", but " + printable(said.Warning)
		}
		_, err := fmt.Fprintln(c.out, r.done)
		return err
	}
	d := json.NewDecoder(bytes.NewReader(answer))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	switch v := v.(type) {
	case []any:
		list(w, v, r.columns)
	case map[string]any:
		object(w, "", v)
	default:
		fmt.Fprintln(w, text(v))
	}
	return w.Flush()
}

// list writes a line for each object, the columns that were named first, then
// whatever else there is.
func list(w *tabwriter.Writer, rows []any, columns []string) {
	if len(rows) == 0 {
		fmt.Fprintln(w, "none")
		return
	}
	seen := make(map[string]bool)
	for _, row := range rows {
		m, _ := row.(map[string]any)
		for k := range m {
			seen[k] = true
		}
	}
	columns = slices.DeleteFunc(slices.Clone(columns), func(k string) bool { return !seen[k] })
	for _, k := range columns {
		delete(seen, k)
	}
	columns = append(columns, slices.Sorted(maps.Keys(seen))...)
	fmt.Fprintln(w, strings.ToUpper(printable(strings.Join(columns, "\t"))))
	for _, row := range rows {
		m, ok := row.(map[string]any)
		if !ok {
			fmt.Fprintln(w, text(row))
			continue
		}
		cells := make([]string, len(columns))
		for i, k := range columns {
			cells[i] = text(m[k])
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
}

// object writes a line for each value, those of inner objects under "outer.inner".
func object(w *tabwriter.Writer, path string, m map[string]any) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if inner, ok := m[k].(map[string]any); ok {
			object(w, path+printable(k)+".", inner)
			continue
		}
		fmt.Fprintf(w, "%s%s\t%s\n", path, printable(k), text(m[k]))
	}
}

// text is a value in a cell.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		if v == "" {
			return "-"
		}
		return strings.ReplaceAll(printable(v), "\t", " ")
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = text(v[i])
		}
		return strings.Join(parts, ",")
	case map[string]any:
		b, _ := json.Marshal(v) // came from JSON
		return printable(string(b))
	}
	return fmt.Sprint(v)
}

// printable keeps what others wrote (a phone's name, a reason) from steering the
// operator's terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}
