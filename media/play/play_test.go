package play_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/play"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/wav"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var home = netip.MustParseAddr("127.0.0.1")

func start(t testing.TB, cfg play.Config) *play.Endpoint {
	t.Helper()
	cfg.Addr = home
	e, err := play.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return e
}

// phone is the other side of a session.
type phone struct {
	testing.TB
	*net.UDPConn
	to  netip.AddrPort
	seq uint16
	ts  uint32
}

func newPhone(t testing.TB, s *play.Session) *phone {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &phone{TB: t, UDPConn: c, to: s.Addr(), seq: 65530, ts: 1<<32 - 400}
}

func (p *phone) remote(codec string, pt uint8) play.Remote {
	return play.Remote{Addr: p.LocalAddr().(*net.UDPAddr).AddrPort(), Codec: codec, PayloadType: pt, DTMF: 101, MaySend: true, MayReceive: true}
}

func (p *phone) recv() (rtpwire.Header, []byte) {
	p.Helper()
	buf := make([]byte, 2048)
	_ = p.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, from, err := p.ReadFromUDPAddrPort(buf)
	if err != nil {
		p.Fatal(err)
	}
	h, payload, ok := rtpwire.Parse(buf[:n])
	if !ok || from != p.to {
		p.Fatalf("%x from %v", buf[:n], from)
	}
	return h, payload
}

func (p *phone) send(pt uint8, marker bool, payload []byte) {
	p.Helper()
	h := rtpwire.Header{Marker: marker, PayloadType: pt, Sequence: p.seq, Timestamp: p.ts, SSRC: 77}
	if _, err := p.WriteToUDPAddrPort(append(h.Append(nil), payload...), p.to); err != nil {
		p.Fatal(err)
	}
	p.seq++
	p.ts += 160
}

func ramp(n int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(i * 50)
	}
	return pcm
}

// TestAnnouncementThenEcho is the test number: the whole prompt, then every
// packet back, as one continuous stream.
func TestAnnouncementThenEcho(t *testing.T) {
	for _, c := range []struct {
		name string
		pt   uint8
		enc  codec.Encoder
	}{{"PCMA", 8, codec.ALaw{}}, {"PCMU", 0, codec.MuLaw{}}} {
		e := start(t, play.Config{})
		s, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		p := newPhone(t, s)
		if err := s.Connect(p.remote(c.name, c.pt)); err != nil {
			t.Fatal(err)
		}
		pcm := ramp(8*160 + 100)
		want, _ := c.enc.Encode(nil, pcm)
		s.Play(play.Script{Prompt: play.NewPrompt(pcm), Echo: true})
		var got []byte
		var last rtpwire.Header
		for i := range 9 {
			h, payload := p.recv()
			if i > 0 && (h.Sequence != last.Sequence+1 || h.Timestamp != last.Timestamp+160 || h.SSRC != last.SSRC) {
				t.Fatalf("%+v after %+v", h, last)
			}
			if h.Marker != (i == 0) || h.PayloadType != c.pt || len(payload) != 160 {
				t.Fatalf("packet %d: %+v, %d octets", i, h, len(payload))
			}
			last = h
			got = append(got, payload...)
		}
		if !bytes.Equal(got[:len(want)], want) {
			t.Fatalf("%s: the prompt is not what was sent", c.name)
		}
		<-s.Done()

		first := last.Sequence + 1
		for i := range 20 {
			pt, size := c.pt, 160
			if i >= 10 && i < 13 {
				pt, size = 101, 4 // telephone-event
			}
			if i == 15 {
				p.seq++ // lost on the way here
				first++
			}
			payload := bytes.Repeat([]byte{byte(i)}, size)
			p.send(pt, i == 10, payload)
			h, back := p.recv()
			if !bytes.Equal(back, payload) || h.PayloadType != pt || h.SSRC != last.SSRC || h.Sequence != first+uint16(i) {
				t.Fatalf("echo %d: %+v %x", i, h, back)
			}
			if i == 0 {
				if d := h.Timestamp - last.Timestamp; d < 160 || d > 8000*30 {
					t.Errorf("timestamp jumps by %d", d)
				}
			} else if h.Timestamp != last.Timestamp+160 {
				t.Errorf("echo %d: timestamp %d after %d", i, h.Timestamp, last.Timestamp)
			}
			last = h
		}
		rep := s.Close()
		if rep.Sent != 29 || rep.Echoed != 20 || rep.Received.Packets != 20 || rep.Received.Lost != 1 || rep.Dropped != 0 {
			t.Errorf("%+v", rep)
		}
	}
}

func TestForeignPacketsAreNotEchoed(t *testing.T) {
	e := start(t, play.Config{})
	s, err := e.Open()
	if err != nil {
		t.Fatal(err)
	}
	p := newPhone(t, s)
	evil, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 66)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = evil.Close() }()
	bad := append(rtpwire.Header{PayloadType: 8, SSRC: 66}.Append(nil), 6, 6, 6)
	_, _ = evil.WriteToUDPAddrPort(bad, s.Addr())
	if err := s.Connect(p.remote("PCMA", 8)); err != nil {
		t.Fatal(err)
	}
	s.Play(play.Script{Echo: true})
	_, _ = evil.WriteToUDPAddrPort(bad, s.Addr())
	_, _ = evil.WriteToUDPAddrPort([]byte("junk"), s.Addr())
	p.send(96, false, []byte{1}) // a payload type nobody agreed on
	p.send(8, false, []byte{2})
	if _, payload := p.recv(); !bytes.Equal(payload, []byte{2}) {
		t.Errorf("%x", payload)
	}
	if rep := s.Close(); rep.Dropped != 4 || rep.Echoed != 1 {
		t.Errorf("%+v", rep)
	}
}

// TestHold: while the other side does not want to hear, the prompt waits.
func TestHold(t *testing.T) {
	e := start(t, play.Config{})
	s, err := e.Open()
	if err != nil {
		t.Fatal(err)
	}
	p := newPhone(t, s)
	r := p.remote("PCMA", 8)
	r.MaySend = false
	if err := s.Connect(r); err != nil {
		t.Fatal(err)
	}
	s.Play(play.Script{Prompt: play.NewPrompt(ramp(320)), Times: 2})
	time.Sleep(30 * time.Millisecond)
	if rep := s.Report(); rep.Sent != 0 {
		t.Fatalf("%+v", rep)
	}
	r.MaySend = true
	if err := s.Connect(r); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		p.recv()
	}
	<-s.Done()
	s.Play(play.Script{Prompt: play.NewPrompt(ramp(160)), Times: -1})
	for range 5 {
		p.recv()
	}
	s.Play(play.Script{})
	<-s.Done()
	if rep := s.Close(); rep.Sent < 9 {
		t.Errorf("%+v", rep)
	}
}

func TestLimitsAndErrors(t *testing.T) {
	for _, c := range []play.Config{{}, {Addr: netip.IPv4Unspecified()}, {Addr: home, PortMin: 9, PortMax: 8}} {
		if _, err := play.New(c); err == nil {
			t.Errorf("%+v accepted", c)
		}
	}
	e := start(t, play.Config{MaxSessions: 1})
	s, err := e.Open()
	if err != nil || s.Addr().Port()%2 != 0 {
		t.Fatal(s.Addr(), err)
	}
	if _, err := e.Open(); !errors.Is(err, play.ErrSessions) {
		t.Error(err)
	}
	if err := s.Connect(play.Remote{Codec: "G722"}); !errors.Is(err, play.ErrCodec) {
		t.Error(err)
	}
	s.Close()
	s.Close()
	if err := s.Connect(play.Remote{Codec: "PCMA"}); !errors.Is(err, play.ErrClosed) {
		t.Error(err)
	}
	<-s.Done()
	if e.Count() != 0 {
		t.Error(e.Count())
	}
	if _, err := play.ReadPrompt(bytes.NewReader(nil)); !errors.Is(err, wav.ErrFormat) {
		t.Error(err)
	}
	var empty bytes.Buffer
	_ = wav.Encode(&empty, wav.Audio{Rate: 8000, Channels: 1})
	if _, err := play.ReadPrompt(&empty); err == nil {
		t.Error("empty recording accepted")
	}
}

func TestPortRange(t *testing.T) {
	e := start(t, play.Config{PortMin: 23001, PortMax: 23011})
	seen := map[uint16]bool{}
	for range 3 {
		s, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		p := s.Addr().Port()
		if p%2 != 0 || p < 23001 || p > 23011 || seen[p] {
			t.Errorf("port %d", p)
		}
		seen[p] = true
	}
}

func BenchmarkEcho(b *testing.B) {
	e := start(b, play.Config{})
	s, err := e.Open()
	if err != nil {
		b.Fatal(err)
	}
	p := newPhone(b, s)
	if err := s.Connect(p.remote("PCMA", 8)); err != nil {
		b.Fatal(err)
	}
	s.Play(play.Script{Echo: true})
	packet := append(rtpwire.Header{PayloadType: 8, SSRC: 7}.Append(nil), make([]byte, 160)...)
	buf := make([]byte, 2048)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		packet[2], packet[3] = byte(i>>8), byte(i)
		_, _ = p.WriteToUDPAddrPort(packet, p.to)
		if _, _, err := p.ReadFromUDPAddrPort(buf); err != nil {
			b.Fatal(err)
		}
	}
}
