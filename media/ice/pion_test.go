package ice_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ice"
	foreign "github.com/pion/ice/v4"
	"github.com/pion/stun/v3"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// endpoint runs an agent over a real socket.
type endpoint struct {
	testing.TB
	mu    sync.Mutex
	agent *ice.Agent
	conn  *net.UDPConn
	base  netip.AddrPort
	wake  chan struct{}
	media chan string
	event map[ice.EventKind]bool
}

func newEndpoint(t testing.TB, cfg ice.Config) *endpoint {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Fatal(err)
	}
	e := &endpoint{TB: t, conn: conn, base: conn.LocalAddr().(*net.UDPAddr).AddrPort(), agent: ice.New(cfg),
		wake: make(chan struct{}, 1), media: make(chan string, 100), event: map[ice.EventKind]bool{}}
	if _, err := e.agent.AddStream(ice.Credentials{}, []ice.Local{{Component: 1, Base: e.base}}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(e.receive)
	wg.Go(func() { e.clock(stop) })
	t.Cleanup(func() {
		close(stop)
		_ = conn.Close()
		wg.Wait()
	})
	return e
}

// take sends; the caller holds the lock.
func (e *endpoint) take(out ice.Output) {
	for _, d := range out.Datagrams {
		_, _ = e.conn.WriteToUDPAddrPort(d.Data, d.Remote)
	}
	for _, ev := range out.Events {
		e.event[ev.Kind] = true
	}
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *endpoint) receive() {
	b := make([]byte, 2048)
	for {
		n, from, err := e.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		e.mu.Lock()
		if stun.IsMessage(b[:n]) {
			e.take(e.agent.Handle(b[:n], e.base, from, time.Now()))
		} else if e.agent.Admits(e.base, from) {
			e.media <- string(b[:n])
		}
		e.mu.Unlock()
	}
}

func (e *endpoint) clock(stop chan struct{}) {
	for {
		e.mu.Lock()
		at := e.agent.Deadline()
		e.mu.Unlock()
		wait := time.Hour
		if !at.IsZero() {
			wait = time.Until(at)
		}
		select {
		case <-stop:
			return
		case <-e.wake:
		case <-time.After(wait):
			e.mu.Lock()
			e.take(e.agent.Advance(time.Now()))
			e.mu.Unlock()
		}
	}
}

// newForeign is an agent of pion/ice and its candidates.
func newForeign(t testing.TB, lite bool) (*foreign.Agent, []string) {
	a, err := foreign.NewAgentWithOptions(
		foreign.WithNetworkTypes([]foreign.NetworkType{foreign.NetworkTypeUDP4}), foreign.WithIncludeLoopback(),
		foreign.WithIPFilter(func(ip net.IP) bool { return ip.IsLoopback() }), foreign.WithICELite(lite),
		foreign.WithCandidateTypes([]foreign.CandidateType{foreign.CandidateTypeHost}),
		foreign.WithMulticastDNSMode(foreign.MulticastDNSModeDisabled))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a, gather(t, a)
}

func gather(t testing.TB, a *foreign.Agent) (list []string) {
	t.Helper()
	gathered := make(chan struct{})
	if err := a.OnCandidate(func(c foreign.Candidate) {
		if c == nil {
			close(gathered)
			return
		}
		list = append(list, c.Marshal())
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.GatherCandidates(); err != nil {
		t.Fatal(err)
	}
	<-gathered
	return list
}

// TestForeign connects to pion/ice in every combination of roles and kinds,
// and sends media both ways.
func TestForeign(t *testing.T) {
	for name, c := range map[string]struct {
		cfg         ice.Config
		lite        bool // the other
		controlling bool // the other
		trickle     bool
	}{
		"full, controlled":    {ice.Config{}, false, true, false},
		"full, controlling":   {ice.Config{Controlling: true}, false, false, false},
		"lite":                {ice.Config{Lite: true}, false, true, false},
		"the other is lite":   {ice.Config{Controlling: true}, true, false, false},
		"both control":        {ice.Config{Controlling: true}, false, true, false},
		"none controls":       {ice.Config{}, false, false, false},
		"trickle":             {ice.Config{Controlling: true}, false, false, true},
		"trickle, controlled": {ice.Config{}, false, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t, c.cfg)
			o, candidates := newForeign(t, c.lite)
			ufrag, password, err := o.GetLocalUserCredentials()
			if err != nil {
				t.Fatal(err)
			}
			e.describe(ice.Remote{Credentials: ice.Credentials{Ufrag: ufrag, Password: password}, Lite: c.lite, Trickle: c.trickle}, candidates)
			e.offer(o)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			own := e.agent.Credentials(0)
			open := o.Accept
			if c.controlling {
				open = o.Dial
			}
			conn, err := open(ctx, own.Ufrag, own.Password)
			if err != nil {
				t.Fatal(err)
			}
			e.converse(ctx, conn)
			if !c.lite {
				e.again(ctx, o, c.trickle)
				e.converse(ctx, conn)
			}
		})
	}
}

// again restarts both sides.
func (e *endpoint) again(ctx context.Context, o *foreign.Agent, trickle bool) {
	e.Helper()
	e.mu.Lock()
	own, err := e.agent.Restart(0, time.Now())
	delete(e.event, ice.EventCompleted)
	e.mu.Unlock()
	if err := errors.Join(err, o.Restart("", "")); err != nil {
		e.Fatal(err)
	}
	candidates := gather(e, o)
	ufrag, password, err := o.GetLocalUserCredentials()
	if err := errors.Join(err, o.SetRemoteCredentials(own.Ufrag, own.Password)); err != nil {
		e.Fatal(err)
	}
	e.offer(o)
	e.describe(ice.Remote{Credentials: ice.Credentials{Ufrag: ufrag, Password: password}, Trickle: trickle}, candidates)
}

// offer gives our candidates to the other.
func (e *endpoint) offer(o *foreign.Agent) {
	e.Helper()
	for _, l := range e.agent.Candidates(0) {
		f, err := foreign.UnmarshalCandidate(l.String())
		if err != nil {
			e.Fatal(err)
		}
		if err := o.AddRemoteCandidate(f); err != nil {
			e.Fatal(err)
		}
	}
}

func (e *endpoint) describe(r ice.Remote, candidates []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var late []ice.Candidate
	for _, text := range candidates {
		p, err := ice.ParseCandidate(text)
		if err != nil {
			e.Fatal(err)
		}
		if r.Trickle {
			late = append(late, p)
		} else {
			r.Candidates = append(r.Candidates, p)
		}
	}
	if _, err := e.agent.SetRemote(0, r, time.Now()); err != nil {
		e.Fatal(err)
	}
	e.take(e.agent.Advance(time.Now()))
	for _, l := range late {
		if err := e.agent.AddRemote(0, l, time.Now()); err != nil {
			e.Fatal(err)
		}
	}
	e.agent.EndOfRemote(0, time.Now())
	e.take(e.agent.Advance(time.Now()))
}

// converse waits until the stream is complete and sends one packet each way.
func (e *endpoint) converse(ctx context.Context, conn net.Conn) {
	e.Helper()
	var path ice.Path
	for {
		e.mu.Lock()
		p, ok := e.agent.Path(0, 1)
		path, ok = p, ok && e.event[ice.EventCompleted]
		e.mu.Unlock()
		if ok {
			break
		}
		select {
		case <-ctx.Done():
			e.Fatalf("not completed: %v, %+v", e.agent.State(0), e.agent.Stats())
		case <-time.After(10 * time.Millisecond):
		}
	}
	if _, err := conn.Write([]byte("\x80 hello")); err != nil {
		e.Fatal(err)
	}
	select {
	case got := <-e.media:
		if got != "\x80 hello" {
			e.Errorf("received %q", got)
		}
	case <-ctx.Done():
		e.Fatal("nothing was received")
	}
	if _, err := e.conn.WriteToUDPAddrPort([]byte("\x80 hello back"), path.Remote); err != nil {
		e.Fatal(err)
	}
	b := make([]byte, 100)
	if n, err := conn.Read(b); err != nil || string(b[:n]) != "\x80 hello back" {
		e.Errorf("other side: %q, %v", b[:n], err)
	}
}
