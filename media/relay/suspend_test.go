package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/srtp"
	"github.com/class5-go/class5/media/srtp/sdes"
)

// speaker is a party that speaks all the time and notes what it hears.
type speaker struct {
	*party
	pt         uint8
	seal, open *srtp.Context // nil: RTP
	said       int
	mu         sync.Mutex
	heard      []rtpwire.Header
	strange    int // packets that could not be opened or read
}

func (s *speaker) speak() {
	b := s.audio(s.pt, byte(s.seq))
	if s.seal != nil {
		b = seal(s.T, s.seal, b, false)
	}
	if _, err := s.rtp.WriteToUDPAddrPort(b, s.to); err == nil {
		s.said++
	}
}

func (s *speaker) listen() {
	for b := make([]byte, 2048); ; {
		n, err := s.rtp.Read(b)
		if err != nil {
			return
		}
		if s.open != nil {
			n, err = s.open.Unprotect(b[:n])
		}
		h, _, ok := rtpwire.Parse(b[:n])
		s.mu.Lock()
		if err == nil && ok {
			s.heard = append(s.heard, h)
		} else {
			s.strange++
		}
		s.mu.Unlock()
	}
}

func (s *speaker) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.heard)
}

// unbroken: n packets of one source, each the next of the one before. A player
// that is held up leaves out time, but no packet.
func (s *speaker) unbroken(what string, n int, timed bool) {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heard) != n || s.strange > 0 {
		s.Errorf("%s: %d packets of %d, %d strange", what, len(s.heard), n, s.strange)
	}
	for i := 1; i < len(s.heard); i++ {
		if a, b := s.heard[i-1], s.heard[i]; b.SSRC != a.SSRC || b.Sequence != a.Sequence+1 || timed && b.Sequence != 0 && b.Timestamp != a.Timestamp+160 { // audio's timestamps wrap with the numbers
			s.Errorf("%s: %+v behind %+v", what, b, a)
		}
	}
}

// hears wants all packets to be of a payload type.
func (s *speaker) hears(what string, pt uint8) {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.heard {
		if h.PayloadType != pt {
			s.Fatalf("%s: %+v, payload type %d is spoken", what, h, pt)
		}
	}
}

// only offers or answers one static payload type.
func (p *party) only(pt uint8) []byte {
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP %[3]d\r\n", p.addr.Addr(), p.addr.Port(), pt)
}

// moved is what a session is handed over in, over the wire and back.
func moved(t *testing.T, h relay.Handed) relay.Handed {
	t.Helper()
	raw, err := json.Marshal(h)
	var out relay.Handed
	if err = errors.Join(err, json.Unmarshal(raw, &out)); err != nil {
		t.Fatal(err)
	}
	for i := range out.Sockets {
		if out.Sockets[i].FD, err = unix.Dup(h.Sockets[i].FD); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// comparable is a state without what counts imports or has no order.
func comparable(st relay.State) string {
	st.Bridge = nil
	for _, l := range st.Legs {
		for i := range l.Streams {
			l.Streams[i].In, l.Streams[i].Out = nil, nil
		}
	}
	b, _ := json.Marshal(st)
	return string(b)
}

// spoken makes a call of two speakers: b with its own keys, or another codec.
func (g *rig) spoken(id string, ip byte, o bridge.Options, secure bool) (a, b *speaker) {
	g.Helper()
	a = &speaker{party: g.party("a", fmt.Sprintf("127.0.1.%d", ip)), pt: 8}
	b = &speaker{party: g.party("b", fmt.Sprintf("127.0.2.%d", ip)), pt: 8}
	a.seq, b.seq = 65400, 65300 // they wrap
	said := a.sdp()
	if len(o.Codec.Transcode) > 0 {
		said = a.only(a.pt)
	}
	out, err := g.Offer(g.Context(), relay.OfferRequest{CallID: id, FromTag: "a", SDP: said, Options: o})
	if err != nil {
		g.Fatal(err)
	}
	d, body := b.party.heard(out), b.sdp()
	if secure {
		theirs, tag := cryptoIn(g.T, d.Media(0).Attr)
		b.open, b.seal = sealer(g.T, theirs), sealer(g.T, key(ip))
		body = withCrypto(body, tag, key(ip))
	}
	if len(o.Codec.Transcode) > 0 {
		b.pt, body = 0, b.only(0)
	}
	if out, err = g.Answer(g.Context(), relay.AnswerRequest{CallID: id, FromTag: "a", ToTag: "b", SDP: body}); err != nil {
		g.Fatal(err)
	}
	a.party.heard(out)
	return a, b
}

// TestHandOver: calls of every kind go to another relay and back while the
// parties speak: no packet is lost, no index is used twice, nothing begins anew.
func TestHandOver(t *testing.T) {
	dir, k := t.TempDir(), newFakeKernel()
	var relays []*relay.Relay
	var cfg relay.Config
	recorder := func() *record.Recorder {
		rec, err := record.New(record.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = rec.Close() })
		return rec
	}
	g := newRig(t, func(c *relay.Config) {
		c.Events, c.Offload, c.Recorder = []relay.EventKind{relay.RecordingDone}, k, recorder()
		cfg = *c
	})
	relays = append(relays, g.Relay)
	srtpOf := bridge.Options{Transport: "RTP/SAVP", SDES: sdes.Options{Only: []srtp.Suite{srtp.AES128SHA180}}}
	pa, pb := g.spoken("plain", 1, bridge.Options{}, false)
	sa, sb := g.spoken("srtp", 2, srtpOf, true)
	ta, tb := g.spoken("transcoded", 3, bridge.Options{Codec: bridge.CodecOptions{Mask: []string{"all"}, Transcode: []string{"PCMU"}}}, false)
	ra, rb := g.spoken("recorded", 4, bridge.Options{}, false)
	ma, mb := g.spoken("music", 5, bridge.Options{}, false)
	ctx := t.Context()
	_, err := g.Record(ctx, relay.RecordRequest{Selector: relay.Selector{CallID: "recorded"}, Spec: record.Spec{PCAP: true}})
	if err == nil {
		_, err = g.Play(ctx, relay.PlayRequest{Selector: relay.Selector{CallID: "music", Tag: "b"}, Source: tone(100), Repeat: -1})
	}
	how := relay.DTMFSecurity{Trigger: &dtmf.Trigger{Start: "1"}, Triggered: dtmf.Silence}
	for _, e := range []error{err, g.SecureDTMF(ctx, relay.Selector{CallID: "music", Tag: "a"}, how),
		g.SilenceMedia(ctx, relay.Selector{CallID: "music", Tag: "b"}, true), g.BlockMedia(ctx, relay.Selector{CallID: "music", Tag: "b"}, true)} {
		if e != nil {
			t.Fatal(e)
		}
	}
	all := []*speaker{pa, pb, sa, sb, ta, tb, ra, rb, ma, mb}
	var listening, speaking sync.WaitGroup
	for _, s := range all {
		listening.Go(s.listen)
	}
	stop := make(chan struct{})
	speaking.Go(func() {
		for tick := time.NewTicker(4 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				for _, s := range all {
					s.speak()
				}
			}
		}
	})
	more := func() {
		n := make([]int, len(all))
		for i, s := range all {
			n[i] = s.count()
		}
		g.eventually("all hear more", func() bool {
			for i, s := range all {
				if s != ma && s.count() < n[i]+10 {
					return false
				}
			}
			return true
		})
	}
	more()
	g.Sweep(g.clock.now())
	if f, ok := k.flow(pa.to); !ok || f.Released {
		t.Fatal("plain streams are not in the kernel")
	}
	for range 3 {
		old := relays[len(relays)-1]
		c := cfg
		c.Recorder = recorder()
		next, err := relay.New(c, relay.WithClock(g.clock.now))
		if err != nil {
			t.Fatal(err)
		}
		arrivals, given := next.Arrivals(), map[string]relay.Handed{}
		held, err := old.Suspend(ctx, func(h relay.Handed) error {
			given[h.State.CallID] = h
			return arrivals.Take(ctx, moved(t, h))
		})
		if err != nil || len(given) != 5 {
			t.Fatalf("%d, %v", len(given), err)
		}
		for id, h := range given {
			st, err := next.Export(ctx, id)
			if is, was := comparable(st), comparable(h.State); err != nil || is != was {
				t.Errorf("%v: is\n%s\nwas\n%s", err, is, was)
			}
		}
		held.Leave()
		if old.Count() != 0 || k.removed != 0 {
			t.Errorf("%d sessions stayed, %d flows removed", old.Count(), k.removed)
		}
		running, end := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- next.Run(running) }()
		t.Cleanup(func() { end(); <-done })
		relays = append(relays, next)
		more()
		next.Sweep(g.clock.now())
	}
	close(stop)
	speaking.Wait()
	for what, of := range map[string][2]*speaker{"plain": {pa, pb}, "SRTP": {sa, sb}, "transcoded": {ta, tb}, "recorded": {ra, rb}} {
		for i, s := range of {
			other := of[1-i]
			g.eventually(what+" arrives", func() bool { return s.count() >= other.said })
			s.unbroken(what, other.said, true)
		}
	}
	ta.hears("transcoded", 8)
	tb.hears("transcoded", 0)
	ma.unbroken("blocked", 0, true)
	mb.unbroken("music", mb.count(), false)
	g.Relay = relays[len(relays)-1]
	for _, id := range []string{"plain", "srtp", "transcoded", "recorded", "music"} {
		rep := g.delete(relay.DeleteRequest{CallID: id})
		if n := rep.Legs[0].Streams[0].Received.Packets; n != uint64(pa.said) {
			t.Errorf("%s: %d packets of %d counted", id, n, pa.said)
		}
	}
	recorded := uint64(0)
	for _, r := range relays {
		g.Relay = r
		e := g.event()
		recorded += e.Recording.Packets
		if e.Kind != relay.RecordingDone || !e.Recording.Complete {
			t.Errorf("%+v", e)
		}
	}
	if recorded != uint64(ra.said+rb.said) {
		t.Errorf("%d packets recorded of %d", recorded, ra.said+rb.said)
	}
	for _, s := range all {
		_ = s.rtp.Close()
	}
	listening.Wait()
}

// TestHandOverFails: whoever cannot take a session leaves all of them where
// they are, speaking on.
func TestHandOverFails(t *testing.T) {
	k := newFakeKernel()
	g := newRig(t, func(c *relay.Config) { c.Offload = k })
	var parties [][2]*party
	for i := range 3 {
		a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
		g.offer(a, b, relay.OfferRequest{CallID: fmt.Sprint(i)})
		g.answer(a, b, relay.AnswerRequest{CallID: fmt.Sprint(i)})
		g.talk(a, b)
		parties = append(parties, [2]*party{a, b})
	}
	g.Sweep(g.clock.now())
	other, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Name: "main", Addr: relayAddr}}, PortMin: 20000, PortMax: 59999, Offload: k})
	if err != nil {
		t.Fatal(err)
	}
	n, refused := 0, errors.New("no more")
	arrivals := other.Arrivals()
	_, err = g.Suspend(t.Context(), func(h relay.Handed) error {
		if n++; n == 3 {
			return refused
		}
		m := moved(t, h)
		if n == 2 {
			m.State.Legs[1].Streams[0].Index = 7
			if err := arrivals.Take(t.Context(), m); !errors.Is(err, relay.ErrState) {
				t.Errorf("%v", err)
			}
			return nil
		}
		return arrivals.Take(t.Context(), m)
	})
	if !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	if other.Count() != 1 || k.removed != 0 {
		t.Errorf("%d sessions, %d flows removed", other.Count(), k.removed)
	}
	for i, p := range parties {
		g.talk(p[0], p[1])
		g.delete(relay.DeleteRequest{CallID: fmt.Sprint(i)})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := other.Run(ctx); err != nil {
		t.Error(err)
	}
}
