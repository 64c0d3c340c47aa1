package panel

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/class5-go/class5/cluster/directory"
)

// form is what a template needs to draw one; fields carry their values.
type form struct {
	Action string
	Submit string
	Cancel string
	Rev    int64
	Fields []field
	Error  string   // of the form as a whole
	Bad    []field  // the fields with an error, for the summary
	Hidden []hidden // further values that must come back
	Token  string
	Stale  bool // somebody else was faster
}

type hidden struct{ Name, Value string }

// field is one labelled input.
type field struct {
	Name, Label, Hint string
	Type              string // text, number, area, select, ...; empty is text
	Value             string
	Options           []option
	Required          bool
	Max               int // characters
	Error             string
	Autocomplete      string
	Pattern           string
}

type option struct{ Value, Text string }

// fill puts values into fields.
func fill(fields []field, values url.Values) []field {
	for i := range fields {
		if v, ok := values[fields[i].Name]; ok && len(v) > 0 {
			fields[i].Value = v[0]
		}
	}
	return fields
}

// linked are filters that only links from other pages set. They show while
// they are set, so that nobody takes a part of a list for the whole.
func linked(q url.Values, names ...string) (out []field) {
	for _, name := range names {
		if q.Get(name) != "" {
			label := strings.ToUpper(name[:1]) + strings.ReplaceAll(strings.TrimSuffix(name[1:], "_id"), "_", " ")
			out = append(out, field{Name: name, Label: label + " ID is"})
		}
	}
	return out
}

// blame puts an error of the directory at its field, or over the form when it
// has none. It is false for errors that are no fault of the form.
func (f *form) blame(err error) bool {
	var fault *directory.FieldError
	if !errors.As(err, &fault) {
		return false
	}
	name := fault.Field
	if fault.Kind == directory.KindNumber && name == "number" {
		name = "numbers"
	}
	for i := range f.Fields {
		if n := f.Fields[i].Name; n == name || n == fault.Field {
			f.Fields[i].Error = fieldText(fault)
			f.Bad = append(f.Bad, f.Fields[i])
			return true
		}
	}
	f.Error = strings.ReplaceAll(fault.Field, "_", " ") + ": " + fieldText(fault)
	return true
}

func fieldText(f *directory.FieldError) string {
	switch {
	case errors.Is(f, directory.ErrConflict):
		return "Already taken."
	case errors.Is(f, directory.ErrInUse):
		return "Still in use."
	case f.Reason == "":
		return "Not accepted."
	}
	return strings.ToUpper(f.Reason[:1]) + f.Reason[1:] + "."
}

// compare marks the fields whose stored value is another one than the form's,
// after somebody else was faster.
func (f *form) compare(stored url.Values) {
	f.Stale = true
	for i := range f.Fields {
		d := &f.Fields[i]
		now := stored.Get(d.Name)
		if now == d.Value {
			continue
		}
		d.Error = "Stored now: " + or(d.text(now), "nothing") + "."
		f.Bad = append(f.Bad, *d)
	}
}

// text is how a value reads to people.
func (d field) text(value string) string {
	for _, o := range d.Options {
		if o.Value == value {
			return o.Text
		}
	}
	return value
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// invalid is the error of a field that a form made unreadable before the
// directory saw it.
func invalid(name, reason string) error {
	return &directory.FieldError{Err: directory.ErrInvalid, Field: name, Reason: reason}
}

// whole reads a whole number; empty is 0.
func whole(values url.Values, name string) (int64, error) {
	v := strings.TrimSpace(values.Get(name))
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		return 0, invalid(name, "not a whole number")
	}
	return n, nil
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// input is a text of a form without the white space around it.
func input(values url.Values, name string) string { return strings.TrimSpace(values.Get(name)) }
