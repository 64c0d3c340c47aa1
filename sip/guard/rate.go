package guard

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is what a token bucket admits: Count events in every Per, and Burst at
// once. Its text form is "30/2s", "100/s burst 500" or "off".
//
// The zero Rate stands for the default of its place, a negative Count for no
// limit. A Per of 0 is a second, a Burst of 0 is Count.
type Rate struct {
	Count int
	Per   time.Duration
	Burst int
}

// NoLimit is the Rate that admits everything.
func NoLimit() Rate { return Rate{Count: -1} }

// String is the text form.
func (r Rate) String() string {
	if r.Count < 0 {
		return "off"
	}
	per := strings.TrimPrefix(r.per().String(), "1")
	if per != "s" {
		per = r.per().String()
	}
	return fmt.Sprintf("%d/%s burst %d", r.Count, per, r.burst())
}

// MarshalText implements encoding.TextMarshaler.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rate) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if s == "off" {
		*r = NoLimit()
		return nil
	}
	var out Rate
	rate, burst, found := strings.Cut(s, " burst ")
	count, per, slash := strings.Cut(rate, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	if err != nil || n <= 0 || !slash {
		return fmt.Errorf("guard: rate %q is not of the form 30/2s, 30/2s burst 60 or off", s)
	}
	out.Count = n
	per = strings.TrimSpace(per)
	if per != "" && (per[0] < '0' || per[0] > '9') {
		per = "1" + per
	}
	if out.Per, err = time.ParseDuration(per); err != nil {
		return fmt.Errorf("guard: rate %q: %w", s, err)
	}
	if found {
		if out.Burst, err = strconv.Atoi(strings.TrimSpace(burst)); err != nil {
			return fmt.Errorf("guard: burst of rate %q: %w", s, err)
		}
	}
	if err := out.check(); err != nil {
		return err
	}
	*r = out
	return nil
}

func (r Rate) per() time.Duration {
	if r.Per == 0 {
		return time.Second
	}
	return r.Per
}

func (r Rate) burst() int {
	if r.Burst == 0 {
		return r.Count
	}
	return r.Burst
}

// or is r, or the default where nothing was set.
func (r Rate) or(def Rate) Rate {
	if r == (Rate{}) {
		return def
	}
	return r
}

// longestRefill bounds the time in which an empty bucket fills, so that sums of
// instants stay far from overflow.
const longestRefill = 30 * 24 * time.Hour

func (r Rate) check() error {
	if r.Count < 0 {
		return nil
	}
	switch {
	case r.Count == 0 || r.Per < 0 || r.Burst < 0:
		return fmt.Errorf("guard: rate of %d in %v with burst %d", r.Count, r.Per, r.Burst)
	case r.per() > longestRefill || r.burst() > 1<<24 || r.Count > int(r.per()):
		return fmt.Errorf("guard: rate %v is out of range", r)
	case r.per()/time.Duration(r.Count)*time.Duration(r.burst()) > longestRefill:
		return fmt.Errorf("guard: a bucket of rate %v takes more than %v to fill", r, longestRefill)
	}
	return nil
}
