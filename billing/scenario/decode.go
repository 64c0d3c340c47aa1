package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of a file.
const (
	maxFile   = 16 << 20 // bytes
	maxDepth  = 32
	maxString = 4 << 10 // bytes; but for the text of a deck
	maxValues = 1 << 20
	maxSteps  = 100_000
)

// Read reads a file as a whole. What it does not know is an error: another
// format, an unknown or repeated member, null, a number that is no integer, bytes
// behind the end. The error is an *Error that says where. A file that Read
// returns is well formed; whether its names and amounts make sense, Check and Run
// say.
func Read(r io.Reader) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	return Parse(data)
}

// Parse is Read for a file in memory.
func Parse(data []byte) (*File, error) {
	if len(data) > maxFile {
		return nil, &Error{Err: fmt.Errorf("%w: more than %d bytes", ErrLimit, maxFile)}
	}
	if err := scan(data); err != nil {
		return nil, err
	}
	var f File
	if err := json.Unmarshal(data, &f, json.RejectUnknownMembers(true)); err != nil {
		return nil, placed(data, err)
	}
	return &f, f.wellFormed()
}

// scan goes through the tokens before anything is built of them.
func scan(data []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	for n := 0; ; n++ {
		t, err := d.ReadToken()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case errors.Is(err, io.EOF):
			return &Error{Err: fmt.Errorf("%w: it is empty", ErrFile)}
		case err != nil:
			return placed(data, err)
		}
		var fault error
		switch k := t.Kind(); {
		case n == 0 && k != '{':
			fault = fmt.Errorf("%w: not an object", ErrFile)
		case n >= maxValues:
			fault = fmt.Errorf("%w: more than %d values", ErrLimit, maxValues)
		case d.StackDepth() > maxDepth:
			fault = fmt.Errorf("%w: nested deeper than %d", ErrLimit, maxDepth)
		case k == '"' && len(t.String()) > maxString && d.StackPointer().LastToken() != "text":
			fault = fmt.Errorf("%w: a text of more than %d bytes", ErrLimit, maxString)
		case k == 'n' && !expected(d.StackPointer()):
			fault = fmt.Errorf("%w: null stands for nothing here", ErrFile)
		case d.StackDepth() == 0 && n > 0 && k != '}':
			fault = fmt.Errorf("%w: more than one value", ErrFile)
		}
		if fault != nil {
			return &Error{Path: string(d.StackPointer()), Line: line(data, d.InputOffset()), Err: fault}
		}
		if d.StackDepth() == 0 && n > 0 {
			if rest := bytes.TrimSpace(data[d.InputOffset():]); len(rest) > 0 {
				return &Error{Line: line(data, d.InputOffset()), Err: fmt.Errorf("%w: bytes behind its end", ErrFile)}
			}
			return nil
		}
	}
}

// expected reports whether a place is within what a file expects.
func expected(p jsontext.Pointer) bool {
	for name := range p.Tokens() {
		if name == "expect" {
			return true
		}
	}
	return false
}

// placed turns an error of the JSON library into one of this package.
func placed(data []byte, err error) error {
	var sem *json.SemanticError
	var syn *jsontext.SyntacticError
	switch {
	case errors.As(err, &sem):
		cause := sem.Err
		switch {
		case errors.Is(cause, json.ErrUnknownName):
			cause = errors.New("no such member")
		case cause == nil:
			cause = fmt.Errorf("%s does not fit here", kindName(sem.JSONKind))
		}
		return &Error{Path: string(sem.JSONPointer), Line: line(data, sem.ByteOffset), Err: fmt.Errorf("%w: %w", ErrFile, cause)}
	case errors.As(err, &syn):
		return &Error{Path: string(syn.JSONPointer), Line: line(data, syn.ByteOffset), Err: fmt.Errorf("%w: %w", ErrFile, syn.Err)}
	}
	return &Error{Err: fmt.Errorf("%w: %w", ErrFile, err)}
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "a value"
}

func line(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(max(offset, 0), int64(len(data)))], []byte{'\n'})
}

// UnmarshalJSONFrom reads a name or a calendar.
func (c *CalendarRef) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '"' {
		return json.UnmarshalDecode(d, &c.Name)
	}
	return json.UnmarshalDecode(d, &c.Calendar)
}

// MarshalJSONTo writes what UnmarshalJSONFrom reads.
func (c CalendarRef) MarshalJSONTo(e *jsontext.Encoder) error {
	if c.Name != "" {
		return json.MarshalEncode(e, c.Name)
	}
	return json.MarshalEncode(e, c.Calendar)
}

// wellFormed checks what the types alone do not say.
func (f *File) wellFormed() error {
	if f.Format != Format {
		return &Error{Path: "/format", Err: fmt.Errorf("%w: format %.40q is not %q", ErrFile, f.Format, Format)}
	}
	if err := required("", reflect.ValueOf(f).Elem()); err != nil {
		return err
	}
	if err := among("/amounts", f.Amounts, "", "units", "hundredths"); err != nil {
		return err
	}
	if err := among("/first_interval", f.FirstInterval, "", "scaled", "whole"); err != nil {
		return err
	}
	for i, s := range f.Show {
		if err := among(fmt.Sprintf("/show/%d", i), s, "explain", "journal"); err != nil {
			return err
		}
	}
	if len(f.Timeline) > maxSteps {
		return &Error{Path: "/timeline", Err: fmt.Errorf("%w: more than %d steps", ErrLimit, maxSteps)}
	}
	return steps("/timeline", f.Timeline, map[string]bool{})
}

// among holds a text to a list.
func among(path, text string, list ...string) error {
	for _, s := range list {
		if s == text {
			return nil
		}
	}
	if list[0] == "" {
		list = list[1:]
	}
	return &Error{Path: path, Err: fmt.Errorf("%w: %.40q is none of %q", ErrFile, text, list)}
}

func steps(path string, list []Step, ids map[string]bool) error {
	for i := range list {
		s := &list[i]
		here := fmt.Sprintf("%s/%d", path, i)
		if n := len(s.actions()); n != 1 {
			return &Error{Path: here, Err: fmt.Errorf("%w: %d actions in one step", ErrFile, n)}
		}
		if s.ID != "" && ids[s.ID] {
			return &Error{Path: here + "/id", Err: fmt.Errorf("%w: the id %.40q comes twice", ErrFile, s.ID)}
		}
		ids[s.ID] = true
		if err := s.check(here, ids); err != nil {
			return err
		}
	}
	return nil
}

// maxParallel bounds the steps that Parallel does at once.
const maxParallel = 10_000

func (s *Step) check(here string, ids map[string]bool) error {
	if p := s.Parallel; p != nil {
		if p.N < 0 || max(p.N, 1)*len(p.Steps) > maxParallel {
			return &Error{Path: here + "/parallel", Err: fmt.Errorf("%w: 1 to %d steps at once are possible", ErrLimit, maxParallel)}
		}
		for i := range p.Steps {
			if in := &p.Steps[i]; in.At != "" || len(in.Expect) > 0 {
				return &Error{Path: fmt.Sprintf("%s/parallel/steps/%d", here, i), Err: fmt.Errorf("%w: a parallel step has neither a time nor an answer of its own", ErrFile)}
			}
			if what := p.Steps[i].actions(); len(what) == 1 && !concurrent[what[0]] {
				return &Error{Path: fmt.Sprintf("%s/parallel/steps/%d/%s", here, i, what[0]), Err: fmt.Errorf("%w: not something to be done in parallel", ErrFile)}
			}
		}
		return steps(here+"/parallel/steps", p.Steps, ids)
	}
	if e := s.Event; e != nil && (e.Times < 0 || e.Times > 1000) {
		return &Error{Path: here + "/event/times", Err: fmt.Errorf("%w: 1 to 1000 are possible", ErrLimit)}
	}
	return among(here+"/ledger", s.Ledger, "", "up", "down")
}

// concurrent are the actions that Parallel takes.
var concurrent = map[string]bool{
	"call": true, "authorize": true, "start": true, "update": true, "stop": true, "debit": true, "topup": true, "voucher": true,
}

// actions lists those of a step, by their names in the file.
func (s *Step) actions() []string {
	var out []string
	for _, a := range [...]struct {
		name string
		set  bool
	}{
		{"call", s.Call != nil}, {"event", s.Event != nil}, {"restart", s.Restart != nil}, {"authorize", s.Authorize != nil},
		{"start", s.Start != nil}, {"update", s.Update != nil}, {"stop", s.Stop != nil}, {"debit", s.Debit != nil},
		{"parallel", s.Parallel != nil}, {"topup", s.TopUp != nil}, {"voucher", s.Voucher != nil}, {"set", s.Set != nil},
		{"assign", s.Assign != nil}, {"advance", s.Advance != nil}, {"rerate", s.Rerate != nil}, {"unlock", s.Unlock != nil},
		{"ledger", s.Ledger != ""}, {"fence", s.Fence != nil},
	} {
		if a.set {
			out = append(out, a.name)
		}
	}
	return out
}
