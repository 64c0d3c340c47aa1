//go:build interop

package interop

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/play"
	recording "github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/t38"
)

// tool runs a foreign program to its end.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var out, diag strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &diag
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%.2000s", name, strings.Join(args, " "), err, diag.String(), out.String())
	}
	if name == "ffmpeg" { // it tells on the other channel
		return diag.String()
	}
	return out.String()
}

var (
	recordedCaller = netip.MustParseAddrPort("192.0.2.1:4000")
	recordedRelay  = netip.MustParseAddrPort("198.51.100.1:30000")
	recordedCallee = netip.MustParseAddrPort("[2001:db8::1]:5000")
	recordedInner  = netip.MustParseAddrPort("[2001:db8::2]:30002")
)

// virtual is a clock that the test moves.
type virtual struct{ at atomic.Pointer[time.Time] }

func (v *virtual) set(t time.Time) { v.at.Store(&t) }
func (v *virtual) now() time.Time  { return *v.at.Load() }

// say sends the nth 20 ms of a tone, A-law.
func say(rec *recording.Recording, stream int, from, to netip.AddrPort, start time.Time, hz float64, n int) {
	pcm := make([]int16, 160)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(n*160+i)/8000))
	}
	b := rtpwire.Header{PayloadType: 8, Sequence: uint16(65400 + n), Timestamp: uint32(n * 160), SSRC: uint32(1000 + stream)}.Append(nil)
	b, _ = codec.ALaw{}.Encode(b, pcm)
	rec.Packet(stream, from, to, b, start.Add(time.Duration(n)*20*time.Millisecond))
}

// TestRecordingsAreRead: tshark reads the packets of a recorded call, ffmpeg
// hears its tones, each on its side and in its time.
func TestRecordingsAreRead(t *testing.T) {
	dir, start := t.TempDir(), time.Now()
	var clock virtual
	clock.set(start)
	r, err := recording.New(recording.Config{Dir: dir}, recording.WithClock(clock.now))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := r.Start(recording.Spec{CallID: "call@example.com", PCAP: true, WAV: true, Mix: recording.Stereo})
	if err != nil {
		t.Fatal(err)
	}
	alaw := []recording.Payload{{Type: 8, Name: "PCMA", Clock: 8000, New: func() recording.Decoder { return codec.ALaw{} }}}
	for side := range 2 {
		if _, err := rec.AddStream(recording.Stream{Channel: side, Payloads: alaw}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 500 { // ten seconds
		if n < 200 || n >= 300 {
			say(rec, 0, recordedCaller, recordedRelay, start, 440, n)
		}
		if n%50 != 7 {
			say(rec, 1, recordedCallee, recordedInner, start, 1000, n)
		}
	}
	clock.set(start.Add(10 * time.Second))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rep := rec.Report()
	if !rep.Complete || rep.Packets != 400+490 {
		t.Fatalf("%+v", rep)
	}
	pcap, wave := filepath.Join(dir, rep.Files[0].Name), filepath.Join(dir, rep.Files[1].Name)
	rows := tool(t, "tshark", "-r", pcap, "-d", "udp.port==30000,rtp", "-d", "udp.port==30002,rtp", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-Y", "rtp.version == 2 && rtp.p_type == 8 && !_ws.malformed && !ip.checksum.status == Bad && !udp.checksum.status == Bad", "-T", "fields", "-e", "rtp.ssrc")
	if a, b := strings.Count(rows, "0x000003e8"), strings.Count(rows, "0x000003e9"); a != 400 || b != 490 {
		t.Errorf("tshark reads %d and %d packets\n%.500s", a, b, rows)
	}
	if d := strings.TrimSpace(tool(t, "ffprobe", "-v", "error", "-show_entries", "stream=sample_rate,channels,duration", "-of", "csv=p=0", wave)); d != "8000,2,10.000000" {
		t.Errorf("ffprobe: %s", d)
	}
	for _, c := range []struct {
		side      string
		hz        int
		from, dur string
		want      float64 // dB
	}{
		{"FL", 440, "0", "4", -15.26}, {"FL", 440, "4.1", "1.8", -90}, {"FL", 440, "6.1", "3.8", -15.26}, // 8000/32768, as a sine
		{"FR", 1000, "1.2", "0.5", -15.26}, {"FR", 440, "1.2", "0.5", -60},
	} {
		filter := fmt.Sprintf("pan=mono|c0=%s,bandpass=f=%d:width_type=h:w=20,volumedetect", c.side, c.hz)
		if c.want == -90 {
			filter = fmt.Sprintf("pan=mono|c0=%s,volumedetect", c.side)
		}
		out := tool(t, "ffmpeg", "-hide_banner", "-ss", c.from, "-t", c.dur, "-i", wave, "-af", filter, "-f", "null", "-")
		if got := volume(t, out); c.want < -20 && got > -30 || c.want > -20 && math.Abs(got-c.want) > 0.8 {
			t.Errorf("%s at %s s, %d Hz: %v dB, want %v", c.side, c.from, c.hz, got, c.want)
		}
	}
}

// TestDiskIsFull: on a file system of 256 KiB a recording ends; what it wrote
// can be read, and says that it is not all.
func TestDiskIsFull(t *testing.T) {
	dir := t.TempDir()
	tool(t, "mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", dir)
	defer func() { tool(t, "umount", dir) }()
	r, err := recording.New(recording.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rec, err := r.Start(recording.Spec{CallID: "x", PCAP: true, WAV: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rec.AddStream(recording.Stream{}); err != nil {
		t.Fatal(err)
	}
	for taken := true; taken; time.Sleep(time.Millisecond) {
		taken = rec.Packet(0, recordedCaller, recordedRelay, make([]byte, 1000), time.Now())
	}
	<-rec.Done()
	rep := rec.Report()
	if !errors.Is(rep.Err, syscall.ENOSPC) || rep.Complete || len(rep.Files) != 3 {
		t.Errorf("%+v", rep)
	}
	for _, f := range rep.Files {
		if !strings.Contains(f.Name, ".incomplete.") {
			t.Errorf("%+v", f)
		}
	}
	if text := tool(t, "cat", filepath.Join(dir, "x-meta.incomplete.json")); !strings.Contains(text, "no space left") {
		t.Errorf("metadata: %s", text)
	}
	if rows := tool(t, "tshark", "-r", filepath.Join(dir, "x-pcap.incomplete.pcap"), "-T", "fields", "-e", "udp.length"); strings.Count(rows, "1008") < 100 {
		t.Errorf("tshark: %.300s", rows)
	}
	if d := tool(t, "ffprobe", "-v", "error", "-show_entries", "stream=sample_rate,channels", "-of", "csv=p=0", filepath.Join(dir, "x-mix.incomplete.wav")); !strings.HasPrefix(d, "8000,1") {
		t.Errorf("ffprobe: %s", d)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestT38IsDissected: tshark reads UDPTL of both kinds of error recovery as
// what was meant.
func TestT38IsDissected(t *testing.T) {
	dir := t.TempDir()
	r, err := recording.New(recording.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := r.Start(recording.Spec{CallID: "fax", PCAP: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rec.AddStream(recording.Stream{}); err != nil {
		t.Fatal(err)
	}
	ced, preamble := []byte{4}, []byte{6}
	hdlc := []byte{0xc0, 0x01, 0x80, 0x00, 0x02, 0xff, 0xc0, 0x02} // V.21, one field of HDLC data: 3 octets
	for n, p := range [][]byte{
		t38.Append(nil, 0, ced), t38.Append(nil, 1, preamble, ced), t38.Append(nil, 2, hdlc, preamble, ced),
		t38.AppendFEC(nil, 3, hdlc, 2, hdlc, preamble),
	} {
		if _, ok := t38.Parse(p); !ok {
			t.Fatalf("packet %d", n)
		}
		rec.Packet(0, recordedCaller, recordedRelay, p, time.Now())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(tool(t, "tshark", "-r", filepath.Join(dir, "fax-pcap.pcap"), "-d", "udp.port==30000,t38", "-Y", "t38 && !_ws.malformed",
		"-T", "fields", "-e", "t38.seq_number", "-e", "t38.t30_indicator", "-e", "t38.t30_data", "-e", "t38.error_recovery", "-e", "t38.field_data")), "\n")
	want := []string{"0\t2\t\t0\t", "1\t3,2\t\t0\t", "2\t3,2\t0\t0\tffc002", "3\t\t0\t1\tffc002"}
	if strings.Join(rows, "\n") != strings.Join(want, "\n") {
		t.Errorf("tshark:\n%s\nwant:\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
}

// TestPromptsOfEveryKind: ffmpeg writes prompts in every format, they are
// played, recorded, and ffmpeg hears the same tone in the recording.
func TestPromptsOfEveryKind(t *testing.T) {
	dir, start := t.TempDir(), time.Now()
	var clock virtual
	clock.set(start)
	r, err := recording.New(recording.Config{Dir: dir}, recording.WithClock(clock.now))
	if err != nil {
		t.Fatal(err)
	}
	cache := play.NewCache(os.DirFS(dir), 0)
	for i, form := range []string{"pcm_u8", "pcm_s16le", "pcm_alaw", "pcm_mulaw"} {
		for j, rate := range []string{"8000", "11025", "16000", "44100", "48000"} {
			if (i+j)%2 != 0 {
				continue // every form and every rate is enough
			}
			name := form + rate
			tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=frequency=700:duration=2:sample_rate="+rate, "-af", "volume=6dB", "-ac", strconv.Itoa(1+i%2),
				"-c:a", form, filepath.Join(dir, name+".wav"))
			p, err := cache.File(name + ".wav")
			if err != nil || p.Duration() < 1990*time.Millisecond || p.Duration() > 2010*time.Millisecond {
				t.Fatalf("%s: %v", name, err)
			}
			clock.set(start)
			file := playInto(t, r, p, &clock)
			listen := func(file, filter string) float64 {
				return volume(t, tool(t, "ffmpeg", "-hide_banner", "-i", filepath.Join(dir, file), "-af", filter+"volumedetect", "-f", "null", "-"))
			}
			want, all, tone := listen(name+".wav", ""), listen(file, ""), listen(file, "bandpass=f=700:width_type=h:w=50,")
			if math.Abs(all-want) > 0.5 || math.Abs(tone-want) > 0.8 {
				t.Errorf("%s: %v dB, of that the tone %v dB, want %v", name, all, tone, want)
			}
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// playInto plays a prompt one and a half times into a recording and returns
// its file.
func playInto(t *testing.T, r *recording.Recorder, p *play.Prompt, clock *virtual) string {
	t.Helper()
	g722 := codec.G722()
	f, err := p.Frames(g722, codec.Params{Ptime: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := r.Start(recording.Spec{CallID: "prompt", WAV: true, Rate: 16000})
	if err != nil {
		t.Fatal(err)
	}
	_, err = rec.AddStream(recording.Stream{Payloads: []recording.Payload{{Type: 9, Clock: 8000, Rate: 16000, New: func() recording.Decoder {
		d, err := g722.Decoder(codec.Params{})
		if err != nil {
			t.Error(err)
		}
		return d
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	src, seq := play.NewSource(f, play.Playback{Times: -1, Limit: 3 * time.Second}), uint16(0)
	for !src.Done() {
		for x, ok := src.Next(clock.now()); ok; x, ok = src.Next(clock.now()) {
			h := rtpwire.Header{Marker: x.Marker, PayloadType: 9, Sequence: seq, Timestamp: x.Timestamp, SSRC: 7}
			rec.Packet(0, recordedCaller, recordedRelay, append(h.Append(nil), x.Payload...), clock.now())
			seq++
		}
		clock.set(clock.now().Add(20 * time.Millisecond))
	}
	rec.Stop()
	<-rec.Done()
	rep := rec.Report()
	if !rep.Complete || rep.Packets != 150 {
		t.Fatalf("%+v", rep)
	}
	return rep.Files[0].Name
}

// volume is the mean level that ffmpeg measured, dB.
func volume(t *testing.T, out string) float64 {
	t.Helper()
	_, after, _ := strings.Cut(out, "mean_volume: ")
	text, _, _ := strings.Cut(after, " dB")
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("ffmpeg: %s", out)
	}
	return v
}
