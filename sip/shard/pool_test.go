package shard

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is a core that writes down what happens to it; wake is when it wants to
// be advanced, relative to the last message.
type log struct {
	seen   chan string
	wake   time.Duration
	due    time.Time
	closed bool
}

func (c *log) Receive(now time.Time, m *wire.Message, _ transport.Flow) {
	n, _ := m.CSeq()
	c.due = now.Add(c.wake)
	c.seen <- fmt.Sprintf("%s %d", m.CallID(), n)
}

func (c *log) Advance(now time.Time) (time.Time, bool) {
	if c.wake == 0 || c.due.IsZero() {
		return time.Time{}, false
	}
	if !now.Before(c.due) {
		c.due = time.Time{}
		c.seen <- "advanced"
		return time.Time{}, false
	}
	return c.due, true
}

func (c *log) Close(time.Time) { c.closed = true }

func packet(callID string, cseq int) transport.Packet {
	text := fmt.Sprintf("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\n"+
		"From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: %s\r\nCSeq: %d OPTIONS\r\nContent-Length: 0\r\n\r\n", cseq, callID, cseq)
	return transport.Packet{Data: []byte(text)}
}

func TestOrderTimersAndDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(chan string, 100)
		var cores []*log
		p := New(Config{Shards: 4}, func(int, *Sender) Core {
			c := &log{seen: seen, wake: 3 * time.Second}
			cores = append(cores, c)
			return c
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		for i := 1; i <= 5; i++ {
			p.ServeSIP([]transport.Packet{packet("one", i)}, nil)
		}
		for i := 1; i <= 5; i++ {
			if got, want := <-seen, fmt.Sprintf("one %d", i); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		begin := time.Now()
		if got := <-seen; got != "advanced" || time.Since(begin) != 3*time.Second {
			t.Errorf("%s after %v", got, time.Since(begin))
		}
		if err := p.Do(ctx, "one", func(time.Time, Core) { seen <- "did" }); err != nil || <-seen != "did" {
			t.Errorf("Do: %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for i, c := range cores {
			if !c.closed {
				t.Errorf("core %d was not closed", i)
			}
		}
		if err := p.Do(t.Context(), "one", func(time.Time, Core) {}); err != nil && err != ErrStopped {
			t.Errorf("Do after the end: %v", err)
		}
	})
}

// TestQueueFull: with nobody working, what does not fit is counted, not kept.
func TestQueueFull(t *testing.T) {
	p := New(Config{Shards: 1, Queue: 3}, func(int, *Sender) Core { return &log{} })
	for i := range 10 {
		p.ServeSIP([]transport.Packet{packet("x", i+1)}, nil)
	}
	if s := p.Stats(); s.Taken != 3 || s.Full != 7 || s.Waiting != 3 {
		t.Errorf("%+v", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Do(ctx, "x", func(time.Time, Core) {}); err != context.Canceled {
		t.Errorf("Do with a full queue: %v", err)
	}
}

// TestRefused: what the scanner refuses never reaches a core; what can be
// answered is.
func TestRefused(t *testing.T) {
	e, err := transport.Listen(t.Context(), transport.Config{Listeners: []transport.ListenerConfig{
		{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("127.0.0.1:0")}}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	p := New(Config{Shards: 1}, func(int, *Sender) Core { return &log{} })
	bad := packet("x", 1)
	bad.Data = append([]byte(nil), bad.Data...)
	copy(bad.Data[len("OPTIONS sip:a@b SIP/"):], "7.0")
	p.ServeSIP([]transport.Packet{bad, {Data: []byte("garbage")}, {Data: nil}}, e.Outbox())
	s := p.Stats()
	total := uint64(0)
	for _, n := range s.Refused {
		total += n
	}
	if s.Taken != 0 || total != 3 || s.Refused["version"] == 0 {
		t.Errorf("%+v", s)
	}
}

// asking is a core that is busy after Close until somebody answers.
type asking struct {
	log
	answers int
}

func (c *asking) Busy() bool { return c.closed && c.answers < 2 }

// TestLinger: answers to what a core asked reach it after Close, messages do
// not, and a core that nobody answers is given up.
func TestLinger(t *testing.T) {
	for _, answered := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c := &asking{log: log{seen: make(chan string, 10)}}
			p := New(Config{Shards: 1, Linger: 3 * time.Second}, func(int, *Sender) Core { return c })
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- p.Run(ctx) }()
			synctest.Wait()
			cancel()
			synctest.Wait()
			begin := time.Now()
			p.ServeSIP([]transport.Packet{packet("one", 1)}, nil)
			if answered {
				for range 2 {
					if err := p.Do(t.Context(), "one", func(time.Time, Core) { c.answers++ }); err != nil {
						t.Error(err)
					}
				}
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if waited := time.Since(begin); answered != (waited == 0) || !answered && waited != 3*time.Second {
				t.Errorf("answered %v: ended after %v", answered, waited)
			}
			if len(c.seen) != 0 {
				t.Error("a message reached a closed core")
			}
			if err := p.Do(t.Context(), "one", func(time.Time, Core) {}); err != ErrStopped {
				t.Errorf("Do after the end: %v", err)
			}
		})
	}
}
