package dispatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/wire"
)

var (
	local4 = netip.MustParseAddrPort("10.0.0.100:5070")
	local6 = netip.MustParseAddrPort("[fd00::100]:5070")
)

// proxies answers probes as each target is told to.
type proxies struct {
	tb     testing.TB
	prober *Prober

	mu      sync.Mutex
	answers map[netip.AddrPort]string // status line and extra headers, "" is silence
	errs    map[netip.AddrPort]error
	asked   map[netip.AddrPort]int
	seen    []byte
}

func (p *proxies) send(to netip.AddrPort, msg []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[to]++
	if err := p.errs[to]; err != nil {
		return err
	}
	if p.answers[to] == "" {
		return nil
	}
	p.seen = append(p.seen[:0], msg...)
	p.answer(to, msg, p.answers[to])
	return nil
}

func (p *proxies) answer(from netip.AddrPort, msg []byte, answer string) {
	var m wire.Message
	if err := m.Parse(msg, nil); err != nil {
		p.tb.Fatalf("%v in\n%s", err, msg)
	}
	status, more, _ := strings.Cut(answer, "\n")
	code := 0
	if _, err := fmt.Sscan(status, &code); err != nil {
		p.tb.Fatal(err)
	}
	var extra []wire.Field
	if name, value, ok := strings.Cut(more, ": "); ok {
		extra = append(extra, wire.Field{Name: name, Value: []byte(value)})
	}
	out, err := wire.AppendResponse(nil, &m, code, "", "there", extra...)
	if err != nil {
		p.tb.Fatal(err)
	}
	var r wire.Message
	if err := r.Parse(out, nil); err != nil {
		p.tb.Fatal(err)
	}
	if !p.prober.Response(&r, from) {
		p.tb.Errorf("the response is not claimed:\n%s", out)
	}
}

func newProxies(tb testing.TB, pool *Pool) *proxies {
	p := &proxies{tb: tb, answers: map[netip.AddrPort]string{}, errs: map[netip.AddrPort]error{}, asked: map[netip.AddrPort]int{}}
	prober, err := NewProber(ProberConfig{Pool: pool, Send: p.send, Local: []netip.AddrPort{local4, local6}, UserAgent: "edge/1"})
	if err != nil {
		tb.Fatal(err)
	}
	p.prober = prober
	return p
}

func TestProber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := numbered(6)
		list[5].Addr = netip.MustParseAddrPort("[fd00::1]:5060")
		pool, err := New(Config{}, list...)
		if err != nil {
			t.Fatal(err)
		}
		p := newProxies(t, pool)
		for i, answer := range []string{"200", "483", "", "503\nRetry-After: 20", "503", "200"} {
			p.answers[list[i].Addr] = answer
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.prober.Run(ctx) }()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		p.mu.Lock()
		for i, want := range []State{StateUp, StateUp, StateDown, StateBusy, StateUp, StateUp} {
			if got := pool.List()[i]; got.State != want {
				t.Errorf("target %d, which answers %q: %v, want %v", i, p.answers[list[i].Addr], got.State, want)
			}
			if n := p.asked[list[i].Addr]; n < 4 || n > 6 {
				t.Errorf("target %d was asked %d times in five seconds", i, n)
			}
		}
		p.errs[list[0].Addr] = syscall.ECONNREFUSED
		p.errs[list[1].Addr] = errors.New("no buffer space")
		p.mu.Unlock()
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if a, b := pool.Health(list[0].Addr), pool.Health(list[1].Addr); a != relay.Down || b != relay.Up {
			t.Errorf("refused: %v, not sent: %v", a, b)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if b := pool.Health(list[1].Addr); b != relay.Down {
			t.Errorf("never sent: %v", b)
		}
		// What never answers is forgotten.
		p.prober.mu.Lock()
		if n := len(p.prober.asked); n > 4*(remember+2) {
			t.Errorf("%d probes are remembered", n)
		}
		p.prober.mu.Unlock()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// TestProbe looks at the request itself.
func TestProbe(t *testing.T) {
	for _, c := range []struct{ target, local netip.AddrPort }{
		{netip.MustParseAddrPort("10.0.0.1:5060"), local4},
		{netip.MustParseAddrPort("[fd00::1]:5062"), local6},
	} {
		msg, err := appendProbe(nil, c.local, c.target, nonce{1, 2, 3}, "UDP", "edge/1")
		if err != nil {
			t.Fatal(err)
		}
		var m wire.Message
		if err := m.Parse(msg, nil); err != nil {
			t.Fatalf("%v in\n%s", err, msg)
		}
		via, _ := m.TopVia()
		n, _ := m.MaxForwards()
		if m.Method() != wire.OPTIONS || string(m.RequestURI()) != "sip:ping@"+c.target.String() || n != 1 ||
			string(via.Host)+":"+fmt.Sprint(via.Port) != c.local.String() || m.ToTag() != nil || m.FromTag() == nil {
			t.Errorf("%s", msg)
		}
	}
}

func TestResponsesOfOthers(t *testing.T) {
	pool, err := New(Config{}, numbered(1)...)
	if err != nil {
		t.Fatal(err)
	}
	target, now := pool.List()[0].Addr, time.Now()
	p := newProxies(t, pool)
	p.answers[target] = "180"
	pool.Tick(now)
	p.prober.Step(now.Add(3 * time.Second))
	if p.asked[target] != 1 || pool.List()[0].State != StateUp {
		t.Fatalf("%v, %+v", p.asked, pool.List())
	}
	for name, c := range map[string]struct {
		branch, cseq string
		want         bool
	}{
		"another's":      {"z9hG4bKabcdef", "1 OPTIONS", false},
		"prefix":         {"z9hG4bKping", "1 OPTIONS", false},
		"no number":      {BranchPrefix, "1 OPTIONS", true},
		"wrong number":   {BranchPrefix + "0102030405060708", "1 OPTIONS", true},
		"not hex":        {BranchPrefix + "010203040506070x", "1 OPTIONS", true},
		"another method": {BranchPrefix + "0102030405060708", "1 INVITE", true},
	} {
		var m wire.Message
		text := "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.100:5070;branch=" + c.branch +
			"\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: " + c.cseq + "\r\nContent-Length: 0\r\n\r\n"
		if err := m.Parse([]byte(text), nil); err != nil {
			t.Fatal(err)
		}
		if got := p.prober.Response(&m, target); got != c.want {
			t.Errorf("%s: claimed %v", name, got)
		}
	}
	for text, want := range map[string]bool{
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.100:5070;branch=" + BranchPrefix + "0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n": true,
		"SIP/2.0 200 OK\r\nSubject: " + BranchPrefix + "\r\nVia: SIP/2.0/UDP 10.0.0.100;branch=x\r\n\r\n":                                                                          false,
		"SIP/2.0 200 OK\r\n\r\n":           false,
		"OPTIONS " + BranchPrefix:          false,
		"SIP/2.0 " + BranchPrefix + "\x00": false,
		"":                                 false,
	} {
		if got := p.prober.Datagram([]byte(text), target); got != want {
			t.Errorf("%q: claimed %v", text, got)
		}
	}
	if s := pool.members[0]; s.proven {
		t.Error("one of them was taken for an answer")
	}
	// The answer counts once.
	p.answer(target, p.seen, "404")
	p.answer(target, p.seen, "404")
	if s := pool.members[0]; !s.proven || s.asked {
		t.Errorf("the answer was not taken: %+v", s.health)
	}
	var request wire.Message
	if err := request.Parse(p.seen, nil); err != nil || p.prober.Response(&request, target) {
		t.Errorf("a request is claimed: %v", err)
	}
	if !bytes.Contains(p.seen, []byte("User-Agent: edge/1\r\n")) {
		t.Errorf("%s", p.seen)
	}
}

func TestProberRefused(t *testing.T) {
	pool, err := New(Config{}, numbered(1)...)
	if err != nil {
		t.Fatal(err)
	}
	send := func(netip.AddrPort, []byte) error { return nil }
	for name, cfg := range map[string]ProberConfig{
		"no pool":      {Send: send},
		"no send":      {Pool: pool},
		"port 0":       {Pool: pool, Send: send, Local: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:0")}},
		"unspecified":  {Pool: pool, Send: send, Local: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:5060")}},
		"two families": {Pool: pool, Send: send, Local: []netip.AddrPort{local4, local4}},
	} {
		if _, err := NewProber(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// Without an address of its family a target can't be asked: it is down.
	prober, err := NewProber(ProberConfig{Pool: pool, Send: send, Local: []netip.AddrPort{local6}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	prober.Step(now)
	prober.Step(now.Add(time.Second))
	if got := pool.Health(numbered(1)[0].Addr); got != relay.Down {
		t.Errorf("%v", got)
	}
}
