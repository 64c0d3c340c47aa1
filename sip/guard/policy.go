package guard

import (
	"fmt"
	"iter"

	"github.com/class5-go/class5/sip/wire"
)

// Check is one row of the sanity table: a test on a parsed request. Its String
// is the row's name.
type Check uint8

// The checks, in the order in which they are made.
const (
	AuthHeader     Check = iota // Authorization or Proxy-Authorization is digest without username, realm, nonce, uri or response
	FromHeader                  // the URI of From is not of its grammar
	ToHeader                    // the URI of To is not of its grammar
	ContactHeader               // the URI of a Contact is not of its grammar
	MissingContact              // no Contact in an INVITE, SUBSCRIBE or REFER
	FromTag                     // no tag in From
	Branch                      // the branch of the first Via is not of RFC 3261
	URIScheme                   // the scheme of the Request-URI is not sip, sips, tel or urn
	NoMaxForwards               // no Max-Forwards
	ManyHops                    // Max-Forwards above 70
	NoContentType               // a body without Content-Type

	numChecks
)

// checks is constant.
var checks = [numChecks]struct {
	name string
	rule Rule
}{
	AuthHeader:     {"auth_header", Rule{Reply, 400, "Bad Auth Header"}},
	FromHeader:     {"from_header", Rule{Reply, 400, "Invalid From Header"}},
	ToHeader:       {"to_header", Rule{Reply, 400, "Invalid To Header"}},
	ContactHeader:  {"contact_header", Rule{Reply, 400, "Bad Contact Header"}},
	MissingContact: {"missing_contact", Rule{Reply, 400, "Missing Contact Header"}},
	FromTag:        {"from_tag", Rule{Action: Pass}},
	Branch:         {"branch", Rule{Action: Pass}},
	URIScheme:      {"uri_scheme", Rule{Reply, 416, "Unsupported URI Scheme"}},
	NoMaxForwards:  {"no_max_forwards", Rule{Action: Pass}},
	ManyHops:       {"many_hops", Rule{Action: Pass}},
	NoContentType:  {"no_content_type", Rule{Action: Pass}},
}

// String is the name of the row.
func (c Check) String() string {
	if c >= numChecks {
		return "unknown"
	}
	return checks[c].name
}

// Rule is the row's default.
func (c Check) Rule() Rule {
	if c >= numChecks {
		return Rule{Action: Pass}
	}
	return checks[c].rule
}

// MarshalText implements encoding.TextMarshaler.
func (c Check) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Check) UnmarshalText(text []byte) error {
	for i := range checks {
		if checks[i].name == string(text) {
			*c = Check(i)
			return nil
		}
	}
	return fmt.Errorf("guard: no check named %q", text)
}

// Checks yields every check.
func Checks() iter.Seq[Check] {
	return func(yield func(Check) bool) {
		for c := range numChecks {
			if !yield(c) {
				return
			}
		}
	}
}

// Policy is the sanity table: what is set here overrides the default of a row.
type Policy struct {
	// Checks is for requests that could be parsed.
	Checks map[Check]Rule
	// Malformed is for messages that could not, by reason. The default is the
	// status that package wire suggests. Pass means that too: what cannot be
	// parsed cannot pass. The text of a Reply is not used.
	Malformed map[wire.Reason]Rule
}

// ParsePolicy reads a table of names and rules, as in a configuration file: the
// names of checks and of wire's reasons, the text forms of rules.
func ParsePolicy(rows map[string]string) (Policy, error) {
	p := Policy{Checks: map[Check]Rule{}, Malformed: map[wire.Reason]Rule{}}
	for name, text := range rows {
		var rule Rule
		if err := rule.UnmarshalText([]byte(text)); err != nil {
			return Policy{}, fmt.Errorf("%s: %w", name, err)
		}
		var c Check
		if err := c.UnmarshalText([]byte(name)); err == nil {
			p.Checks[c] = rule
			continue
		}
		r, ok := malformed(name)
		if !ok {
			return Policy{}, fmt.Errorf("guard: no check named %q", name)
		}
		p.Malformed[r] = rule
	}
	return p, nil
}

func malformed(name string) (found wire.Reason, ok bool) {
	for r := range wire.Reasons {
		if r.String() == name {
			return r, true
		}
	}
	return 0, false
}

func (p Policy) check() error {
	for c, r := range p.Checks {
		if err := r.check(); err != nil {
			return fmt.Errorf("%v: %w", c, err)
		}
		if c >= numChecks {
			return fmt.Errorf("guard: no check %d", c)
		}
	}
	for reason, r := range p.Malformed {
		if err := r.check(); err != nil {
			return fmt.Errorf("%v: %w", reason, err)
		}
	}
	return nil
}

// malformedTable has the row of each reason; the zero Rule where nothing is
// set.
type malformedTable [256]Rule

// compile makes arrays of the maps.
func (p Policy) compile() (rows [numChecks]Rule, bad malformedTable) {
	for c := range numChecks {
		rows[c] = p.Checks[c].or(checks[c].rule)
	}
	for reason, r := range p.Malformed {
		bad[reason] = r
	}
	return rows, bad
}
