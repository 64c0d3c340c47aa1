package panel

import (
	"html/template"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/live"
)

// funcs are what templates call.
func (p *Panel) funcs() template.FuncMap {
	return template.FuncMap{
		"asset":    func(name string) string { return p.assets.urls[name] },
		"stamp":    stamp,
		"machine":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"when":     func(m billing.Millis) time.Time { return m.Time() },
		"lasted":   func(m billing.Millis) string { return lasted(m.Duration()) },
		"since":    func(t time.Time) string { return lasted(p.now().Sub(t)) },
		"endpoint": endpoint,
		"cost":     func(parties []billing.Party) string { return cost(parties) },
		"outcome":  outcome,
		"talking":  func(c live.Call) bool { return !c.Answered.IsZero() },
		"plural":   plural,
		"filled":   func(fields []field) bool { return len(fields) > 0 },
		"search":   func(path string, fields []field) searchView { return searchView{path, fields} },
		"scope":    func(id string, f field) fieldView { return fieldView{id, f} },
	}
}

// fieldView is a field in a form; the form's name keeps ids unique.
type fieldView struct {
	Form string
	field
}

// searchView is the form over a list.
type searchView struct {
	Path   string
	Fields []field
}

// stamp writes an instant to the second. All times of the panel are UTC, and
// it says so.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// lasted writes a duration as h:mm:ss.
func lasted(d time.Duration) string {
	s := int64(max(0, d).Seconds())
	if s >= 3600 {
		return number(s/3600) + ":" + two(s/60%60) + ":" + two(s%60)
	}
	return number(s/60) + ":" + two(s%60)
}

func two(n int64) string {
	if n < 10 {
		return "0" + number(n)
	}
	return number(n)
}

// endpoint is the shortest name of a party that people know.
func endpoint(e billing.Endpoint) string {
	switch {
	case e.User != "" && e.Subscriber != "":
		return e.User
	case e.Number != "":
		return e.Number
	case e.User != "":
		return e.User
	case e.Dialled != "":
		return e.Dialled
	}
	return "unknown"
}

// cost is what the caller's side pays.
func cost(parties []billing.Party) string {
	for _, p := range parties {
		if p.Side == billing.SideCaller && p.Role == billing.RoleCustomer {
			return p.Amount.String()
		}
	}
	return ""
}

// outcome is the class of a result, for its badge.
func outcome(s billing.Status) string {
	switch s {
	case billing.StatusOK:
		return "good"
	case billing.StatusBusy, billing.StatusNoAnswer, billing.StatusCancel, billing.StatusTimeout, billing.StatusOffline:
		return "fair"
	}
	return "poor"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
