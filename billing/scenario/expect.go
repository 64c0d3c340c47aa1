package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	v2 "github.com/go-json-experiment/json"
)

// Check compares an answer with what its file expects, and returns what differs,
// one line for each place.
//
// The expect member of a step is compared with that step's answer, whose parts
// (call, authorize, session, booking, parallel, rerate) stand on one level with
// it: {"price": "0.20", "error": ""}. The file's own expect is compared with the
// answer as a whole: {"accounts": {"a": {"cash": "1.50"}}}.
//
// An object expects its members and nothing of others. An array expects as many
// elements, one by one. Numbers and decimals are compared by their value, and
// instants too. null expects that there is no such member; what is not there
// counts as 0, false, "" and empty.
func (a *Answer) Check(f *File) ([]string, error) {
	whole, err := generic(a)
	if err != nil {
		return nil, err
	}
	var out []string
	list, _ := whole["steps"].([]any)
	for i := range f.Timeline {
		if raw := f.Timeline[i].Expect; len(raw) > 0 && i < len(list) {
			m := matcher{path: fmt.Sprintf("/timeline/%d", i)}
			m.raw(raw, flat(list[i]))
			out = append(out, m.out...)
		}
	}
	if len(f.Expect) > 0 {
		m := matcher{path: ""}
		m.raw(f.Expect, whole)
		out = append(out, m.out...)
	}
	return out, nil
}

// Expectations is the number of steps that say what they expect, and 1 for the
// file as a whole if it does.
func (f *File) Expectations() int {
	n := 0
	for i := range f.Timeline {
		n += min(len(f.Timeline[i].Expect), 1)
	}
	return n + min(len(f.Expect), 1)
}

func generic(v any) (map[string]any, error) {
	data, err := v2.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("scenario: answer: %w", err)
	}
	out, err := decoded(data)
	if err != nil {
		return nil, err
	}
	m, _ := out.(map[string]any)
	return m, nil
}

func decoded(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	return out, nil
}

// flat puts the parts of a step's answer on one level.
func flat(step any) any {
	m, ok := step.(map[string]any)
	if !ok {
		return step
	}
	out := maps.Clone(m)
	for _, part := range [...]string{"session", "call", "authorize", "booking", "parallel", "rerate"} {
		inner, _ := m[part].(map[string]any)
		for k, v := range inner {
			if _, taken := out[k]; !taken || k == "id" {
				out[k] = v
			}
		}
	}
	return out
}

// matcher collects differences.
type matcher struct {
	path string
	out  []string
}

func (m *matcher) raw(want []byte, got any) {
	w, err := decoded(want)
	if err != nil {
		m.differ(m.path, err.Error(), nil)
		return
	}
	m.match(m.path, w, got)
}

func (m *matcher) differ(path string, want, got any) {
	m.out = append(m.out, fmt.Sprintf("%s: %s, expected %s", path, text(got), text(want)))
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func (m *matcher) match(path string, want, got any) {
	switch w := want.(type) {
	case nil:
		if got != nil {
			m.differ(path, nil, got)
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok && got != nil {
			m.differ(path, want, got)
			return
		}
		for _, k := range slices.Sorted(maps.Keys(w)) {
			m.match(path+"/"+pointer(k), w[k], g[k])
		}
	case []any:
		g, ok := got.([]any)
		if !ok && got != nil || len(g) != len(w) {
			m.differ(path, want, got)
			return
		}
		for i := range w {
			m.match(fmt.Sprintf("%s/%d", path, i), w[i], g[i])
		}
	default:
		if !equal(want, got) {
			m.differ(path, want, got)
		}
	}
}

// equal compares what is neither an object nor an array.
func equal(want, got any) bool {
	if got == nil {
		switch want {
		case "", false:
			return true
		}
		n, ok := number(want)
		return ok && n.Sign() == 0
	}
	a, aok := number(want)
	b, bok := number(got)
	if aok && bok {
		return a.Cmp(b) == 0
	}
	s, sok := want.(string)
	g, gok := got.(string)
	if sok && gok {
		x, xerr := time.Parse(time.RFC3339, s)
		y, yerr := time.Parse(time.RFC3339, g)
		return s == g || xerr == nil && yerr == nil && x.Equal(y)
	}
	return want == got
}

// number reads a decimal, be it a number or a string.
func number(v any) (*big.Rat, bool) {
	s := fmt.Sprint(v)
	if _, isText := v.(string); !isText {
		if _, isNumber := v.(json.Number); !isNumber {
			return nil, false
		}
	}
	if s == "" || len(s) > 64 || strings.Trim(s, "-.0123456789") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}
