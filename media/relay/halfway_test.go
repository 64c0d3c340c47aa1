package relay_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/srtp/dtlssrtp"
)

// shaker is a party whose handshake can be held.
type shaker struct {
	*party
	*dtlssrtp.Association
	plain   *party // the other one of the call
	reading sync.WaitGroup

	mu   sync.Mutex
	let  int // datagrams that may still leave; negative: all
	kept [][]byte
}

func (s *shaker) send(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.let == 0 {
		s.kept = append(s.kept, append([]byte(nil), b...))
		return nil
	}
	s.let--
	_, err := s.rtp.WriteToUDPAddrPort(b, s.to)
	return err
}

// release lets what was held leave, and all that follows.
func (s *shaker) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.kept {
		_, _ = s.rtp.WriteToUDPAddrPort(b, s.to)
	}
	s.kept, s.let = nil, -1
}

func (s *shaker) held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kept)
}

// shaking makes a call to a party with DTLS and begins its handshake, of which
// no more than let datagrams leave.
func (g *rig) shaking(id string, ip byte, setup string, role dtlssrtp.Role, let int, theirs string) *shaker {
	g.Helper()
	cert, mine := certificate(g.T)
	a, b := g.party("a", fmt.Sprintf("127.0.1.%d", ip)), g.party("b", fmt.Sprintf("127.0.2.%d", ip))
	out, err := g.Offer(g.Context(), relay.OfferRequest{CallID: id, FromTag: "a", SDP: a.sdp(), Options: bridge.Options{Transport: "UDP/TLS/RTP/SAVP"}})
	if err != nil {
		g.Fatal(err)
	}
	b.heard(out)
	s := &shaker{party: b, plain: a, let: let}
	f, err := dtlssrtp.ParseFingerprint(theirs)
	if err != nil {
		g.Fatal(err)
	}
	answer := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d UDP/TLS/RTP/SAVP 8\r\na=setup:%[3]s\r\na=fingerprint:%[4]s\r\n", b.addr.Addr(), b.addr.Port(), setup, mine)
	if out, err = g.Answer(g.Context(), relay.AnswerRequest{CallID: id, FromTag: "a", ToTag: "b", SDP: []byte(answer)}); err != nil {
		g.Fatal(err)
	}
	a.heard(out)
	if s.Association, err = dtlssrtp.Start(context.Background(), dtlssrtp.Config{Role: role, Certificate: cert, Fingerprints: []dtlssrtp.Fingerprint{f}, Repeat: 50 * time.Millisecond, Send: s.send}); err != nil {
		g.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.reading.Go(func() {
		buf := make([]byte, 4096)
		for ctx.Err() == nil {
			_ = b.rtp.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			if n, _, err := b.rtp.ReadFromUDPAddrPort(buf); err == nil {
				s.Push(buf[:n])
			}
			select {
			case <-s.Done():
				return
			default:
			}
		}
	})
	g.Cleanup(func() {
		cancel()
		s.reading.Wait()
		s.Close()
	})
	return s
}

// talks waits for the handshake and says something each way.
func (s *shaker) talks() {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
	defer cancel()
	k, err := s.Keys(ctx)
	if err != nil {
		s.Fatalf("%v: %v", s.addr, err)
	}
	out, in, err := k.Contexts()
	if err != nil {
		s.Fatal(err)
	}
	s.reading.Wait()
	s.secureTalk(s.party, s.plain, out, in)
}

// TestHandOverHandshake: a handshake under way ends before the session is given
// away; one that begins meanwhile is one with the next relay.
func TestHandOverHandshake(t *testing.T) {
	ours, theirs := certificate(t)
	for name, x := range map[string]struct {
		setup string
		role  dtlssrtp.Role
		first int // datagrams of the party that come through before
	}{"the party began": {"active", dtlssrtp.Active, 1}, "the relay began": {"passive", dtlssrtp.Passive, 1}} {
		t.Run(name, func(t *testing.T) {
			var cfg relay.Config
			g := newRig(t, func(c *relay.Config) { c.Certificate, cfg = &ours, *c })
			cfg.Certificate = &ours
			g.WaitHalfway(time.Minute) // it matters that it is waited for, not how long
			half := g.shaking("half", 1, x.setup, x.role, x.first, theirs)
			g.eventually("the second flight is held, of a handshake under way", func() bool { return half.held() > 0 && g.Shaking() })
			next, err := relay.New(cfg, relay.WithClock(g.clock.now))
			if err != nil {
				t.Fatal(err)
			}
			late := g.shaking("late", 2, "active", dtlssrtp.Active, 0, theirs)
			arrivals, keys := next.Arrivals(), map[string]bool{}
			type suspended struct {
				*relay.Suspension
				error
			}
			given := make(chan suspended, 1)
			go func() {
				held, err := g.Suspend(context.Background(), func(h relay.Handed) error {
					keys[h.State.CallID] = h.State.Legs[1].Streams[0].InKey != nil
					return arrivals.Take(context.Background(), moved(t, h))
				})
				given <- suspended{held, err}
			}()
			g.eventually("no handshake begins any more", g.HandshakesHeld)
			late.release()
			half.release()
			r := <-given
			if r.error != nil {
				t.Fatal(r.error)
			}
			r.Leave()
			if !keys["half"] || keys["late"] {
				t.Fatalf("keys of %v", keys)
			}
			running, end := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- next.Run(running) }()
			t.Cleanup(func() { end(); <-done })
			g.Relay = next
			for _, s := range []*shaker{half, late} {
				s.talks()
			}
		})
	}
}

// TestHandOverHandshakeStays: what did not begin, as sessions were about to
// leave, begins when they stay after all.
func TestHandOverHandshakeStays(t *testing.T) {
	ours, theirs := certificate(t)
	g := newRig(t, func(c *relay.Config) { c.Certificate = &ours })
	plain := [2]*party{g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")}
	g.offer(plain[0], plain[1], relay.OfferRequest{})
	g.answer(plain[0], plain[1], relay.AnswerRequest{})
	refused := fmt.Errorf("no")
	var s *shaker
	if _, err := g.Suspend(t.Context(), func(relay.Handed) error {
		s = g.shaking("late", 2, "passive", dtlssrtp.Passive, -1, theirs) // ours to begin
		return refused
	}); err == nil || !strings.Contains(err.Error(), "no") {
		t.Fatal(err)
	}
	s.talks()
}
