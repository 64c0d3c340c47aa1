package ng

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// Bounds of a message. A description of 64 KiB fits with everything around it.
const (
	// MaxMessage is the size in octets above which a message is refused.
	MaxMessage = 256 << 10
	maxDepth   = 16
	maxValues  = 8192
	maxCookie  = 255
)

// ErrSyntax means that a message is not what the protocol allows.
var ErrSyntax = errors.New("ng: malformed message")

// Dict is a dictionary of the protocol: keys in the order they were written.
// Values are string, int64, [List] and Dict. The zero value is empty.
type Dict struct{ entries []entry }

type entry struct {
	key   string
	value any
}

// List is a list of the protocol; its elements are those of a [Dict].
type List []any

// canonical is a key or flag as it is compared: in the protocol space,
// hyphen and underscore are one.
func canonical(s string) string {
	if strings.ContainsAny(s, " _") {
		return strings.NewReplacer(" ", "-", "_", "-").Replace(s)
	}
	return s
}

// same tells whether two keys are one by the rule of canonical, without
// allocating.
func same(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if x, y := a[i], b[i]; x != y && (!separator(x) || !separator(y)) {
			return false
		}
	}
	return true
}

func separator(c byte) bool { return c == '-' || c == ' ' || c == '_' }

// size is about what the texts of a dictionary take when they are written.
func (d Dict) size() int {
	n := 16
	for _, e := range d.entries {
		n += len(e.key) + 8
		if s, ok := e.value.(string); ok {
			n += len(s)
		}
	}
	return n
}

// Len is the number of keys.
func (d Dict) Len() int { return len(d.entries) }

// All iterates over keys, as they were written, and values.
func (d Dict) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, e := range d.entries {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Value returns what stands under a key; of a key that stands there twice the
// first. Hyphen, space and underscore are the same.
func (d Dict) Value(key string) (any, bool) {
	for _, e := range d.entries {
		if same(e.key, key) {
			return e.value, true
		}
	}
	return nil, false
}

// Str returns the string under a key; a number is written out. Anything else
// is "".
func (d Dict) Str(key string) string {
	v, _ := d.Value(key)
	return text(v)
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return ""
}

// Int returns the number under a key, also when it was written as a string.
func (d Dict) Int(key string) (int64, bool) {
	switch v, _ := d.Value(key); v := v.(type) {
	case int64:
		return v, true
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	}
	return 0, false
}

// Dict returns the dictionary under a key.
func (d Dict) Dict(key string) (Dict, bool) {
	v, _ := d.Value(key)
	sub, ok := v.(Dict)
	return sub, ok
}

// Strings returns the list of strings under a key. Clients that do not know
// an option send a single string where a list is meant: it counts as a list
// of one.
func (d Dict) Strings(key string) []string {
	v, _ := d.Value(key)
	return words(v)
}

func words(v any) []string {
	switch v := v.(type) {
	case List:
		var out []string
		for _, e := range v {
			if s := text(e); s != "" {
				out = append(out, s)
			}
		}
		return out
	case nil:
		return nil
	default:
		if s := text(v); s != "" {
			return []string{s}
		}
	}
	return nil
}

// Set puts a value under a key, in the place of what stood there. Types other
// than those of a Dict are converted: all integers to int64, []string to List,
// byte slices to string.
func (d *Dict) Set(key string, value any) {
	value = convert(value)
	for i := range d.entries {
		if same(d.entries[i].key, key) {
			d.entries[i].value = value
			return
		}
	}
	d.entries = append(d.entries, entry{key, value})
}

// add appends without looking for the key; parsers use it.
func (d *Dict) add(key string, value any) { d.entries = append(d.entries, entry{key, value}) }

func convert(v any) any {
	switch v := v.(type) {
	case string, int64, List, Dict:
		return v
	case []byte:
		return string(v)
	case int:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		return int64(v) // counters: none reaches the sign
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case []string:
		l := make(List, len(v))
		for i, s := range v {
			l[i] = s
		}
		return l
	}
	return fmt.Sprint(v)
}

// Of makes a dictionary of keys and values in turn.
func Of(pairs ...any) Dict {
	var d Dict
	for i := 0; i+1 < len(pairs); i += 2 {
		d.Set(text(pairs[i]), pairs[i+1])
	}
	return d
}
