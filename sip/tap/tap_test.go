package tap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/class5-go/class5/sip/tap"
	"github.com/class5-go/class5/sip/transport"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	client = netip.MustParseAddrPort("198.51.100.7:40112")
	server = netip.MustParseAddrPort("192.0.2.1:5060")
	moment = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
)

func flow(p transport.Protocol) transport.Flow {
	return transport.Flow{Protocol: p, Local: server, Remote: client}
}

func request(method, callID string) string {
	return method + " sip:b@example.org SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\n" +
		"i : " + callID + "\r\nCSeq: 1 " + method + "\r\nContent-Length: 0\r\n\r\n"
}

func response(method, callID string) string {
	return "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\ncseq: 1 " + method + "\r\nCall-ID: " + callID + "\r\n\r\n"
}

// memory is a sink that keeps everything, and fails when told to.
type memory struct {
	mu     sync.Mutex
	got    []string
	fail   bool
	closed int
}

func (s *memory) Write(m *tap.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		return errors.New("broken")
	}
	s.got = append(s.got, string(m.Data))
	return nil
}

func (s *memory) Flush() error { return nil }
func (s *memory) Close() error { s.closed++; return nil }

// run runs a tap until the returned function is called.
func run(t *testing.T, tp *tap.Tap) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tp.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func TestFilter(t *testing.T) {
	prefix := netip.MustParsePrefix
	for name, tc := range map[string]struct {
		filter tap.Filter
		want   string
	}{
		"all":            {tap.Filter{}, "INVITE OPTIONS 200"},
		"method":         {tap.Filter{Methods: []string{"INVITE"}}, "INVITE 200"},
		"two methods":    {tap.Filter{Methods: []string{"BYE", "OPTIONS"}}, "OPTIONS"},
		"remote":         {tap.Filter{Remotes: []netip.Prefix{prefix("198.51.100.0/24")}}, "INVITE OPTIONS 200"},
		"other remote":   {tap.Filter{Remotes: []netip.Prefix{prefix("192.0.2.0/24"), prefix("::/0")}}, ""},
		"both must hold": {tap.Filter{Methods: []string{"OPTIONS"}, Remotes: []netip.Prefix{prefix("198.51.100.7/32")}}, "OPTIONS"},
	} {
		t.Run(name, func(t *testing.T) {
			sink := &memory{}
			tp, err := tap.New(tap.Config{Sinks: []tap.Sink{sink}, Filter: tc.filter})
			if err != nil {
				t.Fatal(err)
			}
			stop := run(t, tp)
			for _, msg := range []string{request("INVITE", "1"), request("OPTIONS", "2"), response("INVITE", "1")} {
				tp.Message(transport.Received, flow(transport.UDP), []byte(msg), moment)
			}
			stop()
			var words []string
			for _, msg := range sink.got {
				words = append(words, strings.TrimPrefix(strings.Fields(msg)[0], "SIP/2.0"), "")
				if strings.HasPrefix(msg, "SIP") {
					words[len(words)-2] = "200"
				}
			}
			if got := strings.Join(strings.Fields(strings.Join(words, " ")), " "); got != tc.want {
				t.Errorf("recorded %q, want %q", got, tc.want)
			}
			if s := tp.Stats(); s.Recorded+s.Filtered != 3 || s.Recorded != uint64(len(sink.got)) || sink.closed != 1 {
				t.Errorf("%+v, closed %d times", s, sink.closed)
			}
		})
	}
}

// Either all messages of a call are recorded or none.
func TestSample(t *testing.T) {
	sink := &memory{}
	tp, err := tap.New(tap.Config{Sinks: []tap.Sink{sink}, Filter: tap.Filter{Sample: 4}})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, tp)
	const calls = 400
	for i := range calls {
		id := fmt.Sprintf("call-%d@example.org", i)
		for _, msg := range []string{request("INVITE", id), response("INVITE", id), request("BYE", id)} {
			tp.Message(transport.Received, flow(transport.UDP), []byte(msg), moment)
		}
	}
	tp.Message(transport.Received, flow(transport.UDP), []byte("no message at all"), moment)
	stop()
	seen := map[string]int{}
	for _, msg := range sink.got {
		_, id, _ := strings.Cut(msg, "call-")
		id, _, _ = strings.Cut(id, "@")
		seen[id]++
	}
	for id, n := range seen {
		if n != 3 {
			t.Errorf("call %s: %d messages", id, n)
		}
	}
	if len(seen) < calls/8 || len(seen) > calls/2 {
		t.Errorf("%d of %d calls", len(seen), calls)
	}
}

func TestBounds(t *testing.T) {
	for name, cfg := range map[string]tap.Config{
		"messages": {Messages: 10},
		"bytes":    {Bytes: 10 * len(request("INVITE", "0"))},
	} {
		t.Run(name, func(t *testing.T) {
			sink := &memory{}
			cfg.Sinks, cfg.Interval = []tap.Sink{sink}, time.Hour
			tp, err := tap.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			for range 25 {
				tp.Message(transport.Sent, flow(transport.UDP), []byte(request("INVITE", "0")), moment)
			}
			run(t, tp)()
			if s := tp.Stats(); s.Recorded != 10 || s.Dropped != 15 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// The buffer is emptied as time passes, and at once when it is half full.
func TestEmptied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &memory{}
		tp, err := tap.New(tap.Config{Sinks: []tap.Sink{sink}, Messages: 8, Interval: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, tp)
		send := func(n int) {
			for range n {
				tp.Message(transport.Sent, flow(transport.UDP), []byte("x"), moment)
			}
			synctest.Wait()
		}
		send(3)
		if n := tp.Stats().Recorded; n != 0 {
			t.Errorf("%d recorded at once", n)
		}
		send(2)
		if n := tp.Stats().Recorded; n != 5 {
			t.Errorf("%d recorded when half full", n)
		}
		send(1)
		time.Sleep(2 * time.Second)
		if n := tp.Stats().Recorded; n != 6 {
			t.Errorf("%d recorded later", n)
		}
		stop()
	})
}

func TestSecretsAndFaults(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	msg := "REGISTER sip:example.org SIP/2.0\r\nAuthorization: Digest username=\"u\", response=\"" + secret + "\"\r\n\r\n"
	for _, shown := range []bool{false, true} {
		good, bad := &memory{}, &memory{fail: true}
		tp, err := tap.New(tap.Config{Sinks: []tap.Sink{bad, good}, Secrets: shown})
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, tp)
		tp.Message(transport.Received, flow(transport.TLS), []byte(msg), moment)
		stop()
		if len(good.got) != 1 || strings.Contains(good.got[0], secret) != shown || len(good.got[0]) != len(msg) {
			t.Errorf("shown %v: %q", shown, good.got)
		}
		if s := tp.Stats(); s.Recorded != 1 || s.Failed != 1 {
			t.Errorf("%+v", s)
		}
		if err := tp.Run(t.Context()); !errors.Is(err, tap.ErrClosed) {
			t.Errorf("run again: %v", err)
		}
	}
}

func TestBadConfig(t *testing.T) {
	sinks := []tap.Sink{&memory{}}
	for name, cfg := range map[string]tap.Config{
		"no sinks": {},
		"messages": {Sinks: sinks, Messages: -1},
		"prefix":   {Sinks: sinks, Filter: tap.Filter{Remotes: make([]netip.Prefix, 1)}},
		"methods":  {Sinks: sinks, Filter: tap.Filter{Methods: make([]string, 65)}},
	} {
		if _, err := tap.New(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	tp, err := tap.New(tap.Config{Sinks: sinks})
	if err != nil {
		t.Fatal(err)
	}
	if err := tp.Close(); err != nil || tp.Close() == nil {
		t.Errorf("close: %v, and once more", err)
	}
}

// Many goroutines record at once while the filter changes.
func TestConcurrent(t *testing.T) {
	sink := &memory{}
	tp, err := tap.New(tap.Config{Sinks: []tap.Sink{sink}, Messages: 64, Interval: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, tp)
	var g sync.WaitGroup
	const each = 2000
	for i := range 4 {
		g.Go(func() {
			for range each {
				tp.Message(transport.Received, flow(transport.UDP), []byte(request("INVITE", fmt.Sprint(i))), moment)
			}
		})
	}
	g.Go(func() {
		for i := range 100 {
			if err := tp.SetFilter(tap.Filter{Sample: uint32(i)}); err != nil {
				t.Error(err)
			}
		}
	})
	g.Wait()
	stop()
	if s := tp.Stats(); s.Recorded+s.Dropped+s.Filtered != 4*each || uint64(len(sink.got)) != s.Recorded {
		t.Errorf("%+v", s)
	}
}

// full is a disk that takes every other message.
type full struct{ n int }

func (s *full) Write(*tap.Message) error {
	if s.n++; s.n%2 == 0 {
		return errors.New("full")
	}
	return nil
}

func (s *full) Flush() error { return nil }
func (s *full) Close() error { return nil }

// TestSinkTold: a sink that fails now and then is one line in the log, and not
// two for each message.
func TestSinkTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		sink := &full{}
		tp, err := tap.New(tap.Config{Sinks: []tap.Sink{sink}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, tp)
		for range 1000 {
			tp.Message(transport.Received, flow(transport.UDP), []byte("x"), time.Now())
			time.Sleep(20 * time.Millisecond)
		}
		if n := bytes.Count(log.Bytes(), []byte("\n")); n != 1 {
			t.Errorf("%d lines:\n%.500s", n, log.String())
		}
		stop()
	})
}
