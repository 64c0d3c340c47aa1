package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/class5-go/class5/media/ng/ngrelay"
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
	report, err := m.relay.Delete(r.Context(), relay.DeleteRequest{CallID: r.PathValue("id")})
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
	sessions := m.cfg.Sessions
	if sessions == 0 {
		sessions = 10000
	}
	v := map[string]any{"sessions": t.Sessions, "sessions_limit": sessions, "ports_free": t.PortsFree, "draining": m.handler.Draining()}
	l := m.cfg.Limits
	for name, limit := range map[string]float64{"cpu_limit": l.CPU, "load_limit": l.Load, "bandwidth_limit": float64(l.Bandwidth), "per_source_limit": float64(l.PerSource)} {
		if limit > 0 { // the others do not limit
			v[name] = limit
		}
	}
	return v, nil
}

// mediaCLI are the text commands that operators of rtpengine type.
type mediaCLI struct {
	relay   *relay.Relay
	handler *ngrelay.Handler
}

func (c *mediaCLI) run(ctx context.Context, line string) (string, error) {
	switch f := strings.Fields(line); {
	case len(f) == 2 && f[0] == "list" && f[1] == "numsessions":
		return fmt.Sprintf("Current sessions own: %d\nCurrent sessions foreign: 0\nCurrent sessions total: %[1]d\n", c.relay.Count()), nil
	case len(f) >= 2 && f[0] == "list" && f[1] == "sessions":
		var b bytes.Buffer
		for id := range c.relay.List() {
			fmt.Fprintf(&b, "ID: %s\n", id)
		}
		return b.String(), nil
	case len(f) == 2 && f[0] == "list" && f[1] == "totals":
		t := c.relay.Totals()
		return fmt.Sprintf("Total managed sessions: %d\nTotal timed-out sessions: %d\nTotal relayed packets: %d\nTotal relayed packets (kernel): %d\n",
			t.Created, t.MediaTimeouts, t.Forwarded, t.Kernel), nil
	case len(f) == 2 && f[0] == "terminate":
		return c.terminate(ctx, f[1])
	}
	return "", errors.New("commands: list sessions, list numsessions, list totals, terminate CALL-ID|all")
}

func (c *mediaCLI) terminate(ctx context.Context, which string) (string, error) {
	n := 0
	for id := range c.relay.List() {
		if which != "all" && which != id {
			continue
		}
		if _, err := c.relay.Delete(ctx, relay.DeleteRequest{CallID: id}); err == nil {
			n++
		}
	}
	return fmt.Sprintf("%d sessions terminated\n", n), nil
}
