package node

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/class5-go/class5/sip/guard"
	"github.com/class5-go/class5/sip/relay"
)

// mostFlows bounds a listing.
const mostFlows = 100_000

// Mount adds the operator's side of an edge to the admin listener: flows, bans,
// targets and counters as JSON, for class5ctl lb and for scripts.
func (l *LB) Mount(a *Admin) {
	for pattern, f := range map[string]func(*http.Request) (any, error){
		"GET /lb/flows":            l.listFlows,
		"GET /lb/bans":             l.listBans,
		"POST /lb/bans":            l.ban,
		"DELETE /lb/bans":          l.unban,
		"GET /lb/targets":          l.listTargets,
		"POST /lb/targets/drain":   func(r *http.Request) (any, error) { return l.drain(r, true) },
		"POST /lb/targets/undrain": func(r *http.Request) (any, error) { return l.drain(r, false) },
		"GET /lb/stats":            l.stats,
		"GET /lb/media":            l.listMedia,
	} {
		a.Handle(pattern, answer(f))
	}
	a.CheckAll(l.Checks())
}

// fault is an error with the status to answer it with.
type fault struct {
	status int
	err    error
}

func (f fault) Error() string { return f.err.Error() }

func (f fault) Unwrap() error { return f.err }

func bad(err error) error { return fault{http.StatusBadRequest, err} }

// answer writes what f returns as JSON.
func answer(f func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		status := http.StatusOK
		if err != nil {
			status = http.StatusInternalServerError
			if f, ok := errors.AsType[fault](err); ok {
				status = f.status
			}
			v = map[string]string{"error": err.Error()}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	})
}

// body reads a request of a few fields.
func body(r *http.Request, into any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<16))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return bad(err)
	}
	return nil
}

type flowRow struct {
	Protocol   string   `json:"protocol"`
	Listener   string   `json:"listener"`
	Local      string   `json:"local"`
	Remote     string   `json:"remote"`
	Generation string   `json:"generation"`
	Peer       []string `json:"peer,omitempty"` // domains of a verified certificate
}

func (l *LB) listFlows(r *http.Request) (any, error) {
	limit := 100
	if q := r.URL.Query().Get("limit"); q != "" {
		var err error
		if limit, err = strconv.Atoi(q); err != nil || limit < 1 || limit > mostFlows {
			return nil, bad(errors.New("limit is a number from 1 to 100000"))
		}
	}
	rows := []flowRow{}
	for _, f := range l.endpoint.Flows(limit) {
		peer, _ := l.endpoint.Peer(f)
		rows = append(rows, flowRow{
			Protocol: f.Protocol.String(), Listener: l.endpoint.Listener(f.Listener).Name, Local: f.Local.String(),
			Remote: f.Remote.String(), Generation: strconv.FormatUint(f.Generation, 16), Peer: peer.Domains,
		})
	}
	return rows, nil
}

type banRow struct {
	Prefix    netip.Prefix `json:"prefix"`
	Reason    string       `json:"reason"`
	Since     time.Time    `json:"since"`
	Until     time.Time    `json:"until"`
	Strikes   int          `json:"strikes"`
	Datagrams bool         `json:"datagrams_only"`
}

var errNoGuard = fault{http.StatusConflict, errors.New("the guard is off")}

func (l *LB) listBans(*http.Request) (any, error) {
	if l.guard == nil {
		return nil, errNoGuard
	}
	rows := []banRow{}
	for _, b := range l.guard.Bans(l.env.Now()) {
		rows = append(rows, banRow{b.Prefix, b.Reason.String(), b.Since, b.Until, b.Strikes, b.Datagrams})
	}
	return rows, nil
}

// ban takes a reason for the log; the ban set knows it as an operator's.
func (l *LB) ban(r *http.Request) (any, error) {
	if l.guard == nil {
		return nil, errNoGuard
	}
	var in struct{ Prefix, TTL, Reason string }
	if err := body(r, &in); err != nil {
		return nil, err
	}
	prefix, err := parsePrefix(in.Prefix)
	if err != nil {
		return nil, bad(err)
	}
	ttl, err := time.ParseDuration(in.TTL)
	if err != nil {
		return nil, bad(err)
	}
	if err := l.guard.Ban(l.env.Now(), prefix, ttl, guard.Manual); err != nil {
		return nil, bad(err)
	}
	l.env.Log.Info("banned by an operator", "prefix", prefix, "ttl", ttl, "reason", in.Reason)
	return struct{}{}, nil
}

func (l *LB) unban(r *http.Request) (any, error) {
	if l.guard == nil {
		return nil, errNoGuard
	}
	prefix, err := parsePrefix(r.URL.Query().Get("prefix"))
	if err != nil {
		return nil, bad(err)
	}
	n, err := l.guard.Unban(l.env.Now(), prefix)
	switch {
	case err != nil:
		return nil, bad(err)
	case n == 0:
		return nil, fault{http.StatusNotFound, errors.New("no such ban")}
	}
	l.env.Log.Info("ban lifted by an operator", "prefix", prefix, "bans", n)
	return map[string]int{"lifted": n}, nil
}

type targetRow struct {
	Addr    string    `json:"addr"`
	State   string    `json:"state"`
	Weight  int       `json:"weight"`
	Chassis string    `json:"chassis"`
	Since   time.Time `json:"since,omitzero"`
	Misses  int       `json:"misses"`
	Share   float64   `json:"share"`
	Leaving bool      `json:"leaving"`
	Control string    `json:"overload,omitempty"` // what it asked for: "loss 50", "rate 100"
}

func (l *LB) listTargets(*http.Request) (any, error) {
	asked := map[netip.AddrPort]string{}
	for _, s := range l.control.Targets(l.env.Now()) {
		if s.Value > 0 {
			asked[s.Addr] = s.Algorithm.String() + " " + strconv.Itoa(s.Value)
		}
	}
	rows := []targetRow{}
	for _, s := range l.pool.List() {
		rows = append(rows, targetRow{
			Addr: s.Addr.String(), State: s.State.String(), Weight: max(1, s.Weight), Chassis: s.Chassis,
			Since: s.Since, Misses: s.Misses, Share: s.Share, Leaving: s.Leaving, Control: asked[s.Addr],
		})
	}
	return rows, nil
}

func (l *LB) drain(r *http.Request, on bool) (any, error) {
	var in struct{ Addr string }
	if err := body(r, &in); err != nil {
		return nil, err
	}
	addr, err := netip.ParseAddrPort(in.Addr)
	if err != nil {
		return nil, bad(err)
	}
	if err := l.pool.Drain(l.env.Now(), addr, on); err != nil {
		return nil, bad(err)
	}
	return struct{}{}, nil
}

// stats is what an operator looks at first; /metrics has everything.
func (l *LB) stats(*http.Request) (any, error) {
	messages := map[string]uint64{}
	st := l.relay.Stats()
	for c := range st.Causes {
		if n := st.Causes[c]; n > 0 {
			messages[relay.Cause(c).String()] = n
		}
	}
	out := map[string]any{"messages": messages, "load_refused_percent": l.local.Loss()}
	if l.guard != nil {
		out["bans"] = len(l.guard.Bans(l.env.Now()))
		out["guard_memory_bytes"] = l.guard.Memory()
	}
	if l.repair != nil {
		s := l.repair.Stats()
		out["resend"] = map[string]any{"entries": s.Entries, "bytes": s.Bytes, "resent": s.Resent, "overflow": s.Overflow}
	}
	open := map[string]int64{}
	for _, s := range l.endpoint.Stats() {
		open[s.Name] = s.Open
	}
	out["connections"] = open
	return out, nil
}
