package node

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/class5-go/class5/media/relay"
)

// Mount adds the operator's side of a media node to the admin listener.
func (m *MediaNode) Mount(a *Admin) {
	m.admin = a
	for pattern, f := range map[string]func(*http.Request) (any, error){
		"GET /media/sessions":                 m.listSessions,
		"GET /media/sessions/{id}":            m.showSession,
		"DELETE /media/sessions/{id}":         m.endSession,
		"DELETE /media/sessions":              m.endAll,
		"POST /media/sessions/{id}/{command}": m.order,
		"POST /media/drain":                   func(*http.Request) (any, error) { m.handler.Drain(true); return struct{}{}, nil },
		"POST /media/undrain":                 func(*http.Request) (any, error) { m.handler.Drain(false); return struct{}{}, nil },
		"GET /media/totals":                   func(*http.Request) (any, error) { return m.relay.Totals(), nil },
		"GET /media/statistics":               m.statistics,
		"GET /media/interfaces":               func(*http.Request) (any, error) { return m.relay.Interfaces(), nil },
		"GET /media/limits":                   m.limits,
		"POST /media/upgrade":                 m.upgrade,
	} {
		a.Handle(pattern, answer(f))
	}
	a.CheckAll(m.Checks())
}

type sessionRow struct {
	CallID  string `json:"call_id"`
	Created string `json:"created"`
	Legs    int    `json:"legs"`
	Packets uint64 `json:"packets"`
	Path    string `json:"path"`
}

func (m *MediaNode) listSessions(r *http.Request) (any, error) {
	limit := 100
	if q := r.URL.Query().Get("limit"); q != "" {
		var err error
		if limit, err = strconv.Atoi(q); err != nil || limit < 1 {
			return nil, bad(errors.New("limit is a number above 0"))
		}
	}
	rows := []sessionRow{}
	for id := range m.relay.List() {
		if len(rows) == limit {
			break
		}
		report, err := m.relay.Query(r.Context(), id)
		if err != nil {
			continue // ended meanwhile
		}
		row := sessionRow{CallID: id, Created: report.Created.UTC().Format("2006-01-02T15:04:05Z"), Legs: len(report.Legs), Path: "user"}
		for _, l := range report.Legs {
			for _, s := range l.Streams {
				row.Packets += s.Received.Packets
				if s.Path.Kernel {
					row.Path = "kernel"
				}
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (m *MediaNode) showSession(r *http.Request) (any, error) {
	report, err := m.relay.Query(r.Context(), r.PathValue("id"))
	return report, unknown(err)
}

func (m *MediaNode) endSession(r *http.Request) (any, error) {
	report, err := m.relay.Delete(r.Context(), relay.DeleteRequest{CallID: r.PathValue("id"), Forced: true})
	if err == nil {
		m.env.Log.Info("session ended by an operator", "call_id", r.PathValue("id"))
	}
	return report, unknown(err)
}

func unknown(err error) error {
	if errors.Is(err, relay.ErrUnknownCall) {
		return fault{http.StatusNotFound, err}
	}
	return err
}

func (m *MediaNode) limits(*http.Request) (any, error) {
	t := m.relay.Totals()
	v := map[string]any{"sessions": t.Sessions, "sessions_limit": m.sessionLimit(), "ports_free": t.PortsFree, "draining": m.handler.Draining()}
	l := m.cfg.Limits
	for name, limit := range map[string]float64{"cpu_limit": l.CPU, "load_limit": l.Load, "bandwidth_limit": float64(l.Bandwidth), "per_source_limit": float64(l.PerSource)} {
		if limit > 0 { // the others do not limit
			v[name] = limit
		}
	}
	return v, nil
}

// sessionLimit is the most sessions there may be.
func (m *MediaNode) sessionLimit() int {
	if m.cfg.Sessions == 0 {
		return 10000
	}
	return m.cfg.Sessions
}

// statistics are the figures by the names of rtpengine.
func (m *MediaNode) statistics(r *http.Request) (any, error) {
	d, err := m.server.Statistics(r.Context())
	all, _ := d.Dict("statistics")
	return numbered("", all), err
}
