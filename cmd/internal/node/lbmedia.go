package node

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/cmd/internal/geo"
	"github.com/class5-go/class5/media/ng"
)

// LBMediaConfig has an edge bring the media of its clients' calls to relays near
// them, ours or rtpengine.
type LBMediaConfig struct {
	// Anchor is lb, or nothing: then media is the proxies' business. All lbs in
	// front of the same clients say the same.
	Anchor string `yaml:"anchor"`
	// Relays by number: their places in this list, which is the same for all lbs
	// with the same keys, are written into calls. It may grow at its end. A relay
	// of negative weight takes no new calls.
	Relays     []RemoteConfig    `yaml:"relays"`
	Interfaces LBMediaInterfaces `yaml:"interfaces"`
	Timeout    time.Duration     `yaml:"timeout"` // of one attempt, of which there are two over UDP; 500 ms
	Recheck    time.Duration     `yaml:"recheck"` // how often relays that do not answer are asked again; 2 s
}

// LBMediaInterfaces are names that the relays have for theirs; without names a
// relay chooses by address family.
type LBMediaInterfaces struct {
	Outside string `yaml:"outside"` // towards clients
	Inside  string `yaml:"inside"`  // towards the core, and the relays of the other party
}

func (c LBMediaConfig) on() bool { return c.Anchor == "lb" }

func (c LBMediaConfig) check() error {
	switch {
	case c.Anchor != "" && !c.on():
		return fmt.Errorf("%w: lb: media: anchor: %q, want lb or nothing", ErrConfig, c.Anchor)
	case !c.on() && len(c.Relays) > 0:
		return fmt.Errorf("%w: lb: media: relays without anchor: lb", ErrConfig)
	case !c.on():
		return nil
	case len(c.Relays) == 0 || len(c.Relays) > geo.MaxRelays:
		return fmt.Errorf("%w: lb: media: %d relays, want 1 to %d", ErrConfig, len(c.Relays), geo.MaxRelays)
	case (c.Interfaces.Outside == "") != (c.Interfaces.Inside == ""):
		return fmt.Errorf("%w: lb: media: interfaces: both outside and inside are needed, or none", ErrConfig)
	case c.Timeout < 0 || c.Timeout > 4*time.Second:
		return fmt.Errorf("%w: lb: media: timeout: %v, want up to 4s", ErrConfig, c.Timeout)
	}
	var nodes []ng.Node
	for _, r := range c.Relays {
		nodes = append(nodes, r.node())
	}
	a, err := geo.New(geo.Config{Relays: nodes})
	if err != nil {
		return fmt.Errorf("%w: lb: media: relays: %w", ErrConfig, err)
	}
	a.Close()
	return nil
}

// node is the relay without its token.
func (c RemoteConfig) node() ng.Node {
	n := ng.Node{Weight: c.Weight, ClientConfig: ng.ClientConfig{URL: c.URL, Timeout: c.Timeout, Tries: 2}}
	if n.Timeout == 0 {
		n.Timeout = 500 * time.Millisecond
	}
	if c.JSON {
		n.Format = ng.JSON
	}
	return n
}

func (l *LB) makeAnchor() error {
	c := l.cfg.Media
	if !c.on() {
		return nil
	}
	secret, err := l.secret("media")
	if err != nil {
		return err
	}
	g := geo.Config{Outside: c.Interfaces.Outside, Inside: c.Interfaces.Inside, Recheck: c.Recheck, Secret: secret, Log: l.env.Log, Wake: func() {
		if l.relay != nil {
			l.relay.Wake()
		}
	}}
	for _, r := range c.Relays {
		if r.Timeout == 0 {
			r.Timeout = c.Timeout
		}
		n := r.node()
		if r.Token != "" {
			if n.Token, err = secretFile("lb: media: relays: token", r.Token); err != nil {
				return err
			}
		}
		g.Relays = append(g.Relays, n)
	}
	if l.anchor, err = geo.New(g); err != nil {
		return fmt.Errorf("%w: lb: media: %w", ErrConfig, err)
	}
	return nil
}

func (l *LB) mediaMetrics(emit emit) {
	if l.anchor == nil {
		return
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	s := l.anchor.Stats()
	for _, n := range s.Nodes {
		up := 0.0
		if n.Up {
			up = 1
		}
		emit("edge_media_relay_up", "Whether a media relay answers.", gauge, up, "relay", n.URL)
		for i, c := range n.Counts {
			for result, v := range map[string]uint64{"ok": c.OK, "refused": c.Refused, "full": c.Full, "failed": c.Failed} {
				emit("edge_media_commands_total", "Commands to media relays, by what became of them.", counter, float64(v), "relay", n.URL, "command", geo.Command(i).String(), "result", result)
			}
		}
	}
	for reason, v := range map[string]uint64{"unavailable": s.Unavailable, "unacceptable": s.Unacceptable, "foreign": s.Foreign} {
		emit("edge_media_refused_total", "Messages not sent on, or without body, because their media could not be anchored.", counter, float64(v), "reason", reason)
	}
	emit("edge_media_shed_total", "Commands not sent because too many were open.", counter, float64(s.Shed))
	emit("edge_media_open", "Commands without an answer so far.", gauge, float64(s.Open))
}

type mediaRow struct {
	Number  int     `json:"number"`
	URL     string  `json:"url"`
	State   string  `json:"state"`
	Weight  float64 `json:"weight"`
	Offers  uint64  `json:"offers"`
	Answers uint64  `json:"answers"`
	Deletes uint64  `json:"deletes"`
	Errors  uint64  `json:"errors"`
}

func (l *LB) listMedia(*http.Request) (any, error) {
	if l.anchor == nil {
		return nil, fault{http.StatusConflict, errors.New("this lb does not anchor media")}
	}
	rows := []mediaRow{}
	for i, n := range l.anchor.Stats().Nodes {
		row := mediaRow{Number: i + 1, URL: n.URL, State: "up", Weight: n.Weight, Offers: n.Counts[geo.Offer].OK, Answers: n.Counts[geo.Answer].OK, Deletes: n.Counts[geo.Delete].OK}
		switch {
		case !n.Up:
			row.State = "down"
		case n.Weight < 0:
			row.State = "draining"
		}
		for _, c := range n.Counts {
			row.Errors += c.Refused + c.Full + c.Failed
		}
		rows = append(rows, row)
	}
	return rows, nil
}
