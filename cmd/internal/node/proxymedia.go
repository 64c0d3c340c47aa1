package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/cmd/internal/call"
	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/ng/ngrelay"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/shard"
)

// MediaConfig is the media of a proxy: a relay in its own process, or relays
// elsewhere.
type MediaConfig struct {
	RelayConfig `yaml:",inline"`
	// Addr and Advertised are a single interface without a name. The test number
	// answers there too.
	Addr       netip.Addr `yaml:"addr"`
	Advertised netip.Addr `yaml:"advertised"`
	// Timeout ends a call without media in either direction.
	Timeout time.Duration `yaml:"timeout"`
	// Remote are relays elsewhere, ours or rtpengine, that take the calls in
	// place of the one in this process.
	Remote []RemoteConfig `yaml:"remote"`
	// Recheck is how often relays that do not answer are asked again; 10 s.
	Recheck time.Duration `yaml:"recheck"`
	// Profiles are how media are offered to a party, by the transport that it
	// registered over (udp, tcp, tls, ws, wss) or by its name (user@domain), which
	// goes first: avp (plain RTP), osrtp (plain with keys that it may take), savp
	// (SRTP, keys in the description), dtls, webrtc (DTLS, ICE, one port) or same
	// (as the other party offers it). What is not named here is avp for udp and
	// tcp, osrtp for tls, webrtc for ws and wss. A party that offers itself is
	// spoken to as it offers.
	Profiles map[string]string `yaml:"profiles"`
	// DTMF is how a party says digits, by transport (udp, tcp, tls, ws, wss),
	// domain, user@domain or peer:name, the narrowest first: pass (INFO and media
	// pass as they come), info (it sends INFO, which becomes RTP events or tones
	// for the other, and is told of the other's digits by INFO), rtp (it takes no
	// INFO: those of others become events or tones) or block (nobody learns its
	// digits). What is not named here is pass.
	DTMF map[string]string `yaml:"dtmf"`
	// DTMFListen is where relays elsewhere report digits by UDP, for parties that
	// want INFO; rtpengine has to be started with --dtmf-log-dest to it, ours are
	// told with each call. Their own addresses alone are believed.
	DTMFListen netip.AddrPort `yaml:"dtmf_listen"`
}

// RemoteConfig is a media relay elsewhere.
type RemoteConfig struct {
	URL    string  `yaml:"url"`    // udp://, tcp://, tls://, http://, https://, ws:// or wss://
	Weight float64 `yaml:"weight"` // share of new calls; 1
	Token  string  `yaml:"token"`  // file with the bearer token for https and wss
	JSON   bool    `yaml:"json"`   // in place of bencode
	// Timeout of one attempt, of which there are two over UDP; 500 ms. A call
	// waits for its relay, other calls go on: this is how long the first callers
	// wait more when a relay is dead, before it is known to be.
	Timeout time.Duration `yaml:"timeout"`
}

// proxyMedia is where the media of a proxy's calls are relayed.
type proxyMedia struct {
	calls  call.Media
	here   *mediaRelay // nil when relays elsewhere are used
	remote *ng.Nodes   // nil when the one here is used
	keys   call.Keys   // of either
	digits *digitLog   // nil: relays elsewhere report none

	// Questions to relays elsewhere run beside the shards.
	asking context.Context
	stop   context.CancelFunc
	under  sync.WaitGroup
	number atomic.Int64 // of those under way
}

// maxQuestions bounds the questions to relays elsewhere: beyond, calls are
// refused at once.
const maxQuestions = 10_000

// beside asks a relay elsewhere and brings the answer to the call's shard.
func (p *Proxy) beside(callID string, work func(context.Context), done func(now time.Time)) {
	m := p.media
	ctx := m.asking
	if m.number.Add(1) > maxQuestions {
		c, cancel := context.WithCancel(ctx)
		cancel()
		ctx = c
	}
	m.under.Go(func() {
		defer m.number.Add(-1)
		work(ctx)
		if err := p.pool.Do(m.asking, callID, func(now time.Time, _ shard.Core) { done(now) }); err != nil {
			p.env.Log.Debug("a media relay answers too late", "call_id", callID, "error", err)
		}
	})
}

// settle waits for what is still asked when all cores have ended: nothing,
// unless a relay was silent for longer than they wait.
func (m *proxyMedia) settle() {
	m.stop()
	m.under.Wait()
}

// ringLimit is how long an offer waits for its answer. Each provisional
// response starts Timer C anew, so this is far more than its three minutes.
const ringLimit = 15 * time.Minute

func (p *Proxy) bindMedia(ctx context.Context) error {
	m := p.cfg.Media
	if len(m.Remote) > 0 {
		nodes, err := m.nodes(p.env)
		if err != nil {
			return err
		}
		calls := ngrelay.NewRemote(nodes)
		p.media = &proxyMedia{calls: calls, remote: nodes, keys: calls}
		p.media.asking, p.media.stop = context.WithCancel(context.Background())
		p.media.digits, err = newDigitLog(ctx, m)
		return err
	}
	r, err := newRelay(ctx, "proxy: media", m.RelayConfig, p.env, p.stores.redis, func(rc *relay.Config) {
		if m.Addr.IsValid() {
			rc.Interfaces = append([]relay.Interface{{Addr: m.Addr, Advertised: m.Advertised}}, rc.Interfaces...)
		}
		rc.MediaTimeout, rc.OfferTimeout = m.Timeout, ringLimit
	})
	if err != nil {
		return err
	}
	p.media = &proxyMedia{calls: r, here: r, keys: r}
	return nil
}

// policy is how parties are spoken to.
func (c MediaConfig) policy() (call.Policy, error) {
	p := call.Policy{Subscribers: map[string]call.Profile{}, Transports: map[string]call.Profile{
		"udp": call.AVP, "tcp": call.AVP, "tls": call.OSRTP, "ws": call.WebRTC, "wss": call.WebRTC,
	}}
	for whom, name := range c.Profiles {
		profile, err := call.ParseProfile(name)
		if err != nil {
			return p, fmt.Errorf("%w: media: profiles: %s: %w", ErrConfig, whom, err)
		}
		switch _, transport := p.Transports[whom]; {
		case strings.Contains(whom, "@"):
			p.Subscribers[whom] = profile
		case transport:
			p.Transports[whom] = profile
		default:
			return p, fmt.Errorf("%w: media: profiles: %q is neither a transport nor user@domain", ErrConfig, whom)
		}
	}
	return p, nil
}

// nodes makes the clients of relays elsewhere.
func (c MediaConfig) nodes(env Env) (*ng.Nodes, error) {
	cfg := ng.NodesConfig{Recheck: c.Recheck}
	for _, r := range c.Remote {
		n := r.node()
		if r.Token != "" {
			token, err := secretFile("proxy: media: remote: token", r.Token)
			if err != nil {
				return nil, err
			}
			n.Token = token
		}
		cfg.Nodes = append(cfg.Nodes, n)
	}
	nodes, err := ng.NewNodes(cfg, ng.WithNodesLogger(env.Log))
	if err != nil {
		return nil, fmt.Errorf("%w: proxy: media: remote: %w", ErrConfig, err)
	}
	return nodes, nil
}

// querier tells how a session is doing.
type querier interface {
	Query(ctx context.Context, callID string) (relay.Report, error)
}

func (m *proxyMedia) query(ctx context.Context, callID string) (relay.Report, error) {
	return m.calls.(querier).Query(ctx, callID) // both kinds are
}

// count is the number of sessions; elsewhere there is one for each call.
func (m *proxyMedia) count(calls int) int {
	if m.here != nil {
		return m.here.Count()
	}
	return calls
}

func (m *proxyMedia) run(ctx context.Context) error {
	if m.here != nil {
		return errors.Join(m.here.Run(ctx), m.here.close())
	}
	m.remote.Run(ctx)
	m.remote.Close()
	return nil
}

func (m *proxyMedia) metrics() prometheus.Collector {
	if m.here != nil {
		return mediaMetrics(m.here.Relay)
	}
	return snapshot(func(emit emit) {
		if m.digits != nil {
			emit("media_reports_refused_total", "Datagrams that were no digit of a media relay.", prometheus.CounterValue, float64(m.digits.refused.Load()))
		}
		emit("media_questions", "Questions to media relays elsewhere that are not answered yet.", prometheus.GaugeValue, float64(m.number.Load()))
		for _, s := range m.remote.States() {
			up := 0.0
			if s.Up {
				up = 1
			}
			emit("media_relay_up", "Whether a media relay elsewhere answers.", prometheus.GaugeValue, up, "url", s.URL)
		}
	})
}
