package record_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/wav"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	epoch  = time.Date(2030, 1, 2, 3, 4, 5, 678901000, time.UTC)
	caller = netip.MustParseAddrPort("192.0.2.1:4000")
	relay  = netip.MustParseAddrPort("198.51.100.1:30000")
)

// clock is one that the test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

// l16 is linear PCM, as a codec whose samples a test can predict.
type l16 struct{}

func (l16) Decode(dst []int16, b []byte) ([]int16, error) {
	if len(b)%2 != 0 {
		return dst, errors.New("odd")
	}
	for ; len(b) > 0; b = b[2:] {
		dst = append(dst, int16(binary.BigEndian.Uint16(b)))
	}
	return dst, nil
}

func linear(rate, channels int) record.Payload {
	return record.Payload{Type: 96, Name: "L16", Clock: rate, Rate: rate, Channels: channels, New: func() record.Decoder { return l16{} }}
}

func rtp(ssrc uint32, seq uint16, ts uint32, samples ...int16) []byte {
	b := rtpwire.Header{PayloadType: 96, Sequence: seq, Timestamp: ts, SSRC: ssrc}.Append(nil)
	for _, s := range samples {
		b = binary.BigEndian.AppendUint16(b, uint16(s))
	}
	return b
}

// ramp is 20 ms of samples that tell their place.
func ramp(from int) []int16 {
	out := make([]int16, 160)
	for i := range out {
		out[i] = int16(from + i + 1)
	}
	return out
}

type bench struct {
	testing.TB
	clock
	*record.Recorder
	dir string
}

func newBench(t testing.TB, cfg record.Config) *bench {
	t.Helper()
	b := &bench{TB: t, clock: clock{t: epoch}, dir: t.TempDir()}
	cfg.Dir = b.dir
	r, err := record.New(cfg, record.WithClock(b.now))
	if err != nil {
		t.Fatal(err)
	}
	b.Recorder = r
	t.Cleanup(func() { _ = r.Close() })
	return b
}

func (b *bench) start(s record.Spec, streams ...record.Stream) *record.Recording {
	b.Helper()
	if s.CallID == "" {
		s.CallID = "call"
	}
	rec, err := b.Start(s)
	if err != nil {
		b.Fatal(err)
	}
	for _, st := range streams {
		if _, err := rec.AddStream(st); err != nil {
			b.Fatal(err)
		}
	}
	return rec
}

// stop ends a recording after a time and returns its report.
func (b *bench) stop(rec *record.Recording, after time.Duration) record.Report {
	b.set(epoch.Add(after))
	rec.Stop()
	<-rec.Done()
	return rec.Report()
}

func (b *bench) wav(name string) wav.Audio {
	b.Helper()
	f, err := os.Open(filepath.Join(b.dir, name))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	a, err := wav.Decode(f)
	if err != nil {
		b.Fatal(err)
	}
	return a
}

// at compares samples at a place.
func at(t testing.TB, what string, got []int16, from int, want []int16) {
	t.Helper()
	if len(got) < from+len(want) {
		t.Fatalf("%s: %d samples, want %d at %d", what, len(got), len(want), from)
	}
	for i, w := range want {
		if got[from+i] != w {
			t.Fatalf("%s: sample %d is %d, want %d", what, from+i, got[from+i], w)
		}
	}
}

func TestMixed(t *testing.T) {
	b := newBench(t, record.Config{})
	rec := b.start(record.Spec{WAV: true, PCAP: true, Metadata: "who=me", Label: "l"},
		record.Stream{Label: "a", Payloads: []record.Payload{linear(8000, 1)}},
		record.Stream{Label: "b", Channel: 1, Payloads: []record.Payload{linear(8000, 1)}})
	for i := range 50 {
		now := epoch.Add(time.Duration(i) * 20 * time.Millisecond)
		rec.Packet(0, caller, relay, rtp(1, uint16(65530+i), uint32(1<<32-800+i*160), ramp(i*160)...), now)
		if i >= 25 { // the other begins half a second later
			rec.Packet(1, relay, caller, rtp(2, uint16(i), uint32(i*160), ramp(10000)...), now)
		}
	}
	rep := b.stop(rec, time.Second)
	if !rep.Complete || rep.Err != nil || rep.Packets != 75 || rep.Late+rep.Undecoded+rep.Dropped != 0 || len(rep.Files) != 3 {
		t.Fatalf("%+v", rep)
	}
	a := b.wav("call-mix.wav")
	if a.Rate != 8000 || a.Channels != 1 || len(a.Samples) != 8000 {
		t.Fatalf("%d Hz, %d channels, %d samples", a.Rate, a.Channels, len(a.Samples))
	}
	for i := range 50 {
		want := ramp(i * 160)
		if i >= 25 {
			for j, s := range ramp(10000) {
				want[j] += s
			}
		}
		at(t, "mix", a.Samples, i*160, want)
	}
	var m struct {
		CallID, Metadata string
		Complete         bool
		End              *time.Time
		Streams          []struct{ Label string }
		Files            []record.File
	}
	text, err := os.ReadFile(filepath.Join(b.dir, "call-meta.json"))
	if err := errors.Join(err, json.Unmarshal(text, &m)); err != nil || m.Metadata != "who=me" || !m.Complete || m.End == nil || len(m.Streams) != 2 || len(m.Files) != 2 {
		t.Errorf("%v: %s", err, text)
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, "*.part")); len(left) != 0 {
		t.Error(left)
	}
}

func TestStereo(t *testing.T) {
	b := newBench(t, record.Config{})
	rec := b.start(record.Spec{WAV: true, Mix: record.Stereo, Pattern: "%Y/%m-%d/%2/%c.%l.%t-%H%M%S.%u", CallID: "ab/../c", Label: "../x"},
		record.Stream{Channel: 0, Payloads: []record.Payload{linear(8000, 1)}}, record.Stream{Channel: 1, Payloads: []record.Payload{linear(8000, 1)}},
		record.Stream{Channel: 1, Payloads: []record.Payload{linear(8000, 2)}})
	rec.Packet(0, caller, relay, rtp(1, 1, 0, ramp(0)...), epoch)
	rec.Packet(1, relay, caller, rtp(2, 1, 0, ramp(1000)...), epoch.Add(100*time.Millisecond))
	rec.Packet(2, relay, caller, rtp(2, 1, 0, 100, 200, -5, -6), epoch.Add(200*time.Millisecond)) // a stereo codec
	rep := b.stop(rec, 300*time.Millisecond)
	if !rep.Complete || rep.Files[0].Name != "2030/01-02/ab/ab%2f..%2fc...%2fx.stereo-030405.678901.wav" {
		t.Fatalf("%+v", rep)
	}
	a := b.wav(rep.Files[0].Name)
	if a.Channels != 2 || a.Frames() != 2400 {
		t.Fatalf("%d channels, %d frames", a.Channels, a.Frames())
	}
	left, right := make([]int16, 2400), make([]int16, 2400)
	for i := range left {
		left[i], right[i] = a.Samples[2*i], a.Samples[2*i+1]
	}
	at(t, "left", left, 0, ramp(0))
	at(t, "left", left, 160, make([]int16, 2240))
	at(t, "right", right, 0, make([]int16, 800))
	at(t, "right", right, 800, ramp(1000))
	at(t, "right", right, 1600, []int16{150, -5, 0, 0})
}

func TestCompact(t *testing.T) {
	b := newBench(t, record.Config{})
	rec := b.start(record.Spec{WAV: true, Encoding: wav.ALaw}, record.Stream{Payloads: []record.Payload{linear(8000, 1)}})
	rec.Packet(0, caller, relay, rtp(1, 1, 0, -8, 8, 4032, -4032), epoch) // values of G.711
	rep := b.stop(rec, time.Second)
	if !rep.Complete || rep.Files[0].Octets > 8100 {
		t.Errorf("%+v", rep)
	}
	at(t, "G.711", b.wav(rep.Files[0].Name).Samples, 0, []int16{-8, 8, 4032, -4032})
}

func TestPause(t *testing.T) {
	b := newBench(t, record.Config{})
	rec := b.start(record.Spec{WAV: true, PCAP: true}, record.Stream{Payloads: []record.Payload{linear(8000, 1)}})
	for i := range 30 {
		now := epoch.Add(time.Duration(i) * 20 * time.Millisecond)
		b.set(now)
		if i == 10 && (!rec.Pause() || rec.Pause()) || i == 20 && (!rec.Resume() || rec.Resume()) {
			t.Fatal("pause")
		}
		if took := rec.Packet(0, caller, relay, rtp(1, uint16(i), uint32(i*160), ramp(i*160)...), now); took == (i >= 10 && i < 20) {
			t.Fatalf("packet %d: %v", i, took)
		}
	}
	rec.Pause()
	rep := b.stop(rec, 600*time.Millisecond)
	if !rep.Complete || rep.Packets != 20 || len(rep.Pauses) != 2 || rep.Pauses[0].To.Sub(rep.Pauses[0].From) != 200*time.Millisecond {
		t.Errorf("%+v", rep)
	}
	a := b.wav("call-mix.wav")
	at(t, "before", a.Samples, 9*160, ramp(9*160))
	at(t, "pause", a.Samples, 10*160, make([]int16, 1600))
	at(t, "after", a.Samples, 20*160, ramp(20*160))
	if n := len(packets(t, filepath.Join(b.dir, "call-pcap.pcap"))); n != 20 {
		t.Errorf("%d packets", n)
	}
	if rec.Pause() || rec.Resume() || rec.Packet(0, caller, relay, nil, epoch) {
		t.Error("a recording goes on after its end")
	}
	if _, err := rec.AddStream(record.Stream{}); !errors.Is(err, record.ErrClosed) {
		t.Error(err)
	}
}

// packets reads a capture with another implementation.
func packets(t testing.TB, name string) (out []gopacket.Packet) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		data, ci, err := r.ReadPacketData()
		if err != nil {
			return out
		}
		first := gopacket.Decoder(layers.LayerTypeIPv4)
		if data[0]>>4 == 6 {
			first = layers.LayerTypeIPv6
		}
		p := gopacket.NewPacket(data, first, gopacket.Default)
		p.Metadata().CaptureInfo = ci
		out = append(out, p)
	}
}

func TestPCAP(t *testing.T) {
	b := newBench(t, record.Config{})
	rec := b.start(record.Spec{PCAP: true}, record.Stream{})
	six := netip.MustParseAddrPort("[2001:db8::1]:4000")
	mapped := netip.MustParseAddrPort("[::ffff:192.0.2.1]:4000")
	at := epoch.Add(1234567 * time.Microsecond)
	sent := [][]byte{{0x80, 200, 0, 1}, bytes.Repeat([]byte{0xff}, 1501), {}}
	for _, from := range []netip.AddrPort{caller, six, mapped} {
		to := relay
		if from == six {
			to = netip.MustParseAddrPort("[2001:db8::2]:30000")
		}
		for _, data := range sent {
			if !rec.Packet(0, from, to, data, at) {
				t.Fatal("refused")
			}
		}
	}
	if rec.Packet(0, caller, relay, make([]byte, record.MaxPacket+1), at) || rec.Packet(1, caller, relay, nil, at) {
		t.Error("taken")
	}
	rep := b.stop(rec, 2*time.Second)
	if rep.Complete || rep.Dropped != 2 || rep.Err != nil || rep.Files[0].Name != "call-pcap.incomplete.pcap" {
		t.Errorf("%+v", rep)
	}
	got := packets(t, filepath.Join(b.dir, rep.Files[0].Name))
	if len(got) != 9 {
		t.Fatalf("%d packets", len(got))
	}
	for i, p := range got {
		udp, _ := p.TransportLayer().(*layers.UDP)
		if udp == nil || p.ErrorLayer() != nil || !p.Metadata().Timestamp.Equal(at) || udp.SrcPort != 4000 || !bytes.Equal(udp.Payload, sent[i%3]) {
			t.Fatalf("packet %d: %v", i, p)
		}
		if ip, ok := p.NetworkLayer().(*layers.IPv4); ok && ip.SrcIP.String() != "192.0.2.1" {
			t.Errorf("packet %d from %v", i, ip.SrcIP)
		}
		if err := udp.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
			t.Fatal(err)
		}
		checksums, mismatches := p.VerifyChecksums()
		if checksums != nil || len(mismatches) != 0 {
			t.Errorf("packet %d: checksums %v %v", i, checksums, mismatches)
		}
	}
}

func TestRefuses(t *testing.T) {
	b := newBench(t, record.Config{MaxRecordings: 1})
	for name, s := range map[string]record.Spec{
		"nothing": {CallID: "x"}, "no call": {PCAP: true}, "rate": {CallID: "x", WAV: true, Rate: 1}, "mix": {CallID: "x", WAV: true, Mix: 2}, "encoding": {CallID: "x", WAV: true, Encoding: 3},
		"metadata": {CallID: "x", WAV: true, Metadata: strings.Repeat("x", record.MaxMetadata+1)},
	} {
		if _, err := b.Start(s); !errors.Is(err, record.ErrSpec) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, p := range []string{"%", "%x", "a//b", "%c/", strings.Repeat("x", 513)} {
		if _, err := b.Start(record.Spec{CallID: "x", PCAP: true, Pattern: p}); !errors.Is(err, record.ErrName) {
			t.Errorf("%s: %v", p, err)
		}
	}
	rec := b.start(record.Spec{PCAP: true})
	if _, err := b.Start(record.Spec{CallID: "x", PCAP: true}); !errors.Is(err, record.ErrRecordings) {
		t.Error(err)
	}
	for _, s := range []record.Stream{{Channel: 2}, {Payloads: []record.Payload{{}}}, {Payloads: []record.Payload{{Clock: 8000, Rate: 96000}}}, {Payloads: []record.Payload{{Clock: 8000, Channels: 3}}}} {
		if _, err := rec.AddStream(s); !errors.Is(err, record.ErrSpec) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for range record.MaxStreams {
		if _, err := rec.AddStream(record.Stream{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := rec.AddStream(record.Stream{}); !errors.Is(err, record.ErrSpec) {
		t.Error(err)
	}
	if b.Count() != 1 || b.Close() != nil || b.Count() != 0 || b.Close() != nil {
		t.Error("close")
	}
	if _, err := b.Start(record.Spec{CallID: "x", PCAP: true}); !errors.Is(err, record.ErrClosed) {
		t.Error(err)
	}
}

// TestNames: names that are taken get a number, and links lead nowhere.
func TestNames(t *testing.T) {
	b := newBench(t, record.Config{})
	var names []string
	for range 3 {
		names = append(names, b.stop(b.start(record.Spec{PCAP: true, Pattern: "same"}), 0).Files[0].Name)
	}
	if strings.Join(names, " ") != "same.pcap same-2.pcap same-3.pcap" {
		t.Error(names)
	}
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(b.dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Start(record.Spec{CallID: "x", PCAP: true, Pattern: "link/%c"}); err == nil {
		t.Error("followed a link out of the directory")
	}
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Error(left)
	}
	info, err := os.Stat(filepath.Join(b.dir, "same.pcap"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}
