package panel

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
)

// moment is the form of a time in a form: RFC 3339 without zone, which is UTC.
const moment = "2006-01-02T15:04"

type callsPage struct {
	Filter []field
	Table  table
	Calls  []directory.CDR
}

func callFilters(q url.Values) []field {
	status := field{Name: "status", Label: "Result", Type: "select", Options: []option{{"", "any"}}}
	for s := billing.StatusOther; s <= billing.StatusFailed; s++ {
		status.Options = append(status.Options, option{s.String(), s.String()})
	}
	return append([]field{
		{Name: "number", Label: "Number or user begins with"}, status,
		{Name: "from", Label: "From (UTC)", Type: "datetime-local"}, {Name: "to", Label: "Before (UTC)", Type: "datetime-local"},
		{Name: "call_id", Label: "Call-ID is"},
	}, linked(q, "subscriber_id", "customer_id")...)
}

func (p *Panel) callList(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	v := callsPage{Filter: fill(callFilters(q), q), Table: table{ID: "calls", Caption: "Calls, newest first", Empty: "No call fits."}}
	f, err := callFilter(q)
	if err == nil {
		var after directory.CDRCursor
		if after, err = callCursor(q.Get("after")); err == nil {
			var l directory.CDRList
			if l, err = p.store.CDRs().List(r.Context(), f, after, 0); err == nil {
				v.Calls = l.Items
				v.Table.links(r.URL, callAfter(l.Next))
			}
		}
	}
	if err != nil {
		if !blameFilter(v.Filter, err) {
			p.fail(w, r, err)
			return
		}
		v.Table.Empty = "The search was not understood."
	}
	p.page(w, r, http.StatusOK, "calls", view{Title: "Calls", Nav: "/calls", Data: v})
}

func callFilter(q url.Values) (directory.CDRFilter, error) {
	f := directory.CDRFilter{
		Number: strings.TrimPrefix(input(q, "number"), "+"), CallID: input(q, "call_id"), Status: q.Get("status"),
		Subscriber: q.Get("subscriber_id"), Account: q.Get("customer_id"),
	}
	var err error
	if f.From, err = momentOf(q, "from"); err != nil {
		return f, err
	}
	f.To, err = momentOf(q, "to")
	return f, err
}

func momentOf(q url.Values, name string) (time.Time, error) {
	v := input(q, name)
	if v == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{moment, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, v, time.UTC); err == nil {
			return t, nil
		}
	}
	return time.Time{}, invalid(name, "not a time such as 2026-01-31T18:00")
}

// callCursor and callAfter are the place in the list of calls as a query has it.
func callCursor(v string) (directory.CDRCursor, error) {
	if v == "" {
		return directory.CDRCursor{}, nil
	}
	at, id, _ := strings.Cut(v, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	n, err2 := strconv.ParseInt(id, 10, 64)
	if err != nil || err2 != nil {
		return directory.CDRCursor{}, directory.ErrNotFound
	}
	return directory.CDRCursor{Init: billing.Millis(ms), ID: n}, nil
}

func callAfter(c directory.CDRCursor) string {
	if c == (directory.CDRCursor{}) {
		return ""
	}
	return strconv.FormatInt(int64(c.Init), 10) + "." + strconv.FormatInt(c.ID, 10)
}
