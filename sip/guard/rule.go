package guard

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/class5-go/class5/sip/wire"
)

// Action is what happens to a message.
type Action uint8

// The actions. The zero Action of a Rule stands for the default of its place.
const (
	Default Action = iota
	Pass
	Drop
	Reply
)

// Rule is one row of a table: pass, drop without a word, or reply. Its text
// form is "pass", "drop", or status and reason phrase as in "400 Bad Contact
// Header".
type Rule struct {
	Action Action
	Status int    // of Reply, 400 to 699
	Text   string // of Reply; empty for the standard phrase
}

// String is the text form.
func (r Rule) String() string {
	switch r.Action {
	case Pass:
		return "pass"
	case Drop:
		return "drop"
	case Reply:
		return strings.TrimSuffix(strconv.Itoa(r.Status)+" "+r.Text, " ")
	}
	return "default"
}

// MarshalText implements encoding.TextMarshaler.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rule) UnmarshalText(text []byte) error {
	var out Rule
	switch s := strings.TrimSpace(string(text)); s {
	case "default":
	case "pass":
		out.Action = Pass
	case "drop":
		out.Action = Drop
	default:
		code, phrase, _ := strings.Cut(s, " ")
		n, err := strconv.Atoi(code)
		if err != nil {
			return fmt.Errorf("guard: rule %q is not pass, drop or a status with text", s)
		}
		out = Rule{Reply, n, strings.TrimSpace(phrase)}
	}
	if err := out.check(); err != nil {
		return err
	}
	*r = out
	return nil
}

func (r Rule) check() error {
	switch {
	case r.Action > Reply:
		return fmt.Errorf("guard: unknown action %d", r.Action)
	case r.Action != Reply:
		return nil
	case r.Status < 400 || r.Status > 699:
		return fmt.Errorf("guard: a refusal with status %d", r.Status)
	}
	for i := range len(r.Text) {
		if c := r.Text[i]; c < ' ' && c != '\t' || c == 0x7f {
			return fmt.Errorf("guard: control character in %q", r.Text)
		}
	}
	return nil
}

// or is r, or the default where nothing was set, with its phrase filled in.
func (r Rule) or(def Rule) Rule {
	if r.Action == Default {
		r = def
	}
	if r.Action == Reply && r.Text == "" {
		r.Text = wire.StatusText(r.Status)
	}
	return r
}
