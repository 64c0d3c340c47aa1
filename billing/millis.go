package billing

import "time"

// Millis is a span of time in milliseconds, or an instant as milliseconds
// since 1970-01-01 UTC. As an instant, 0 means that there is none.
type Millis int64

// MillisOf returns the instant t, cut to the millisecond, and 0 for the zero
// Time.
func MillisOf(t time.Time) Millis {
	if t.IsZero() {
		return 0
	}
	return Millis(t.UnixMilli())
}

// Span returns the span d, cut to the millisecond.
func Span(d time.Duration) Millis { return Millis(d.Milliseconds()) }

// Time returns the instant in UTC, and the zero Time for 0.
func (m Millis) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}

// Duration returns the span.
func (m Millis) Duration() time.Duration { return time.Duration(m) * time.Millisecond }
