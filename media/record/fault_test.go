package record

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/media/rtpwire"
)

// slowDisk is a store whose writes can be held up, or fail when it is full.
type slowDisk struct {
	store
	mu   sync.Mutex
	cond *sync.Cond
	held bool
	room int
}

func newSlowDisk(t *testing.T, room int) *slowDisk {
	t.Helper()
	d, err := openDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &slowDisk{store: d, room: room}
	s.cond = sync.NewCond(&s.mu)
	return s
}

func (d *slowDisk) create(name string) (diskFile, error) {
	f, err := d.store.create(name)
	return &slowFile{diskFile: f, d: d}, err
}

func (d *slowDisk) hold(held bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held = held
	d.cond.Broadcast()
}

type slowFile struct {
	diskFile
	d *slowDisk
}

func (f *slowFile) Write(b []byte) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	for f.d.held {
		f.d.cond.Wait()
	}
	if len(b) > f.d.room {
		return 0, syscall.ENOSPC
	}
	f.d.room -= len(b)
	return f.diskFile.Write(b)
}

var (
	a = netip.MustParseAddrPort("192.0.2.1:1")
	b = netip.MustParseAddrPort("192.0.2.2:2")
)

// TestSlowDisk: packets are taken until memory ends, then dropped, without
// waiting; the rest is written.
func TestSlowDisk(t *testing.T) {
	d := newSlowDisk(t, 1<<30)
	r := newRecorder(Config{Memory: 4 * chunkSize}, d, nil)
	rec, err := r.Start(Spec{CallID: "x", PCAP: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rec.AddStream(Stream{}); err != nil {
		t.Fatal(err)
	}
	d.hold(true)
	packet, taken := make([]byte, 1000), 0
	for range 10000 {
		if rec.Packet(0, a, b, packet, time.Now()) {
			taken++
		}
	}
	if room := chunkSize / (1000 + headSize); taken > 6*room || taken < room { // a chunk may be half full, or its beginning on its way
		t.Errorf("%d packets in %d octets", taken, 4*chunkSize)
	}
	d.hold(false)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rep := rec.Report()
	if rep.Complete || rep.Err != nil || rep.Packets != uint64(taken) || rep.Dropped != uint64(10000-taken) || !strings.Contains(rep.Files[0].Name, incomplete) {
		t.Errorf("%+v", rep)
	}
	if want := int64(24 + taken*(16+28+1000)); rep.Files[0].Octets != want {
		t.Errorf("%d octets, want %d", rep.Files[0].Octets, want)
	}
	if n := len(r.pool.free); n != 4 || r.pool.left != 0 {
		t.Errorf("%d chunks came back", n)
	}
}

// TestDiskFull: the recording ends and says so; its description still is
// complete.
func TestDiskFull(t *testing.T) {
	for name, cfg := range map[string]struct {
		spec Spec
		file Config
		room int
	}{
		"pcap":  {Spec{CallID: "x", PCAP: true}, Config{}, 64 << 10},
		"audio": {Spec{CallID: "x", WAV: true}, Config{}, 64 << 10},
		"limit": {Spec{CallID: "x", WAV: true}, Config{MaxFile: 40 << 10}, 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			d := newSlowDisk(t, cfg.room)
			r := newRecorder(cfg.file, d, nil)
			rec, err := r.Start(cfg.spec)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rec.AddStream(Stream{}); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			for i := 0; rec.Packet(0, a, b, make([]byte, 1000), start.Add(time.Duration(i)*100*time.Millisecond)); i++ {
				time.Sleep(time.Millisecond)
			}
			<-rec.Done()
			rep := rec.Report()
			want := error(syscall.ENOSPC)
			if name == "limit" {
				want = ErrFileSize
			}
			if !errors.Is(rep.Err, want) || rep.Complete || rep.Files[0].Complete || !strings.Contains(rep.Files[0].Name, incomplete) {
				t.Errorf("%+v", rep)
			}
			if m := rep.Files[len(rep.Files)-1]; m.Kind != "meta" || !d.exists(m.Name) {
				t.Errorf("%+v", m)
			}
			if r.Count() != 0 || r.Close() != nil {
				t.Error("not over")
			}
			if got := r.Stats(); got != (Stats{Incomplete: 1}) {
				t.Errorf("counted %+v", got)
			}
		})
	}
}

// TestNoRoomAtStart: nothing stays behind.
func TestNoRoomAtStart(t *testing.T) {
	d := newSlowDisk(t, 100)
	r := newRecorder(Config{}, d, nil)
	if _, err := r.Start(Spec{CallID: "x", PCAP: true, WAV: true}); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	for _, name := range []string{"x-pcap.pcap", "x-mix.wav", "x-meta.json"} {
		if d.exists(name+part) || d.exists(name) {
			t.Errorf("%s is there", name)
		}
	}
	if r.Count() != 0 || r.Close() != nil {
		t.Error("not over")
	}
}

// entrance is a recording without a writer.
func entrance() *Recording {
	return &Recording{r: &Recorder{}, current: &chunk{b: make([]byte, 0, chunkSize)}, streams: make([]Stream, 1)}
}

func TestAllocsPacket(t *testing.T) {
	rec, data, now := entrance(), make([]byte, 172), time.Now()
	if n := testing.AllocsPerRun(100, func() {
		if !rec.Packet(0, a, b, data, now) {
			t.Fatal("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

func BenchmarkPacket(bm *testing.B) {
	rec, data, now := entrance(), make([]byte, 172), time.Now()
	bm.ReportAllocs()
	for bm.Loop() {
		if len(rec.current.b) > chunkSize-1000 {
			rec.current.b = rec.current.b[:0]
		}
		rec.Packet(0, a, b, data, now)
	}
}

// BenchmarkAudio is a second of a call of two sides, 100 packets.
func BenchmarkAudio(bm *testing.B) {
	s := newStudio(bm, 8000, 8000, 8000)
	h := rtpwire.Header{}
	pcm := frame(0)
	bm.ReportAllocs()
	for bm.Loop() {
		for range 100 {
			s.out = s.out[:0]
			h.Sequence++
			h.Timestamp += 160
			s.take(int(h.Sequence)*20, h, pcm)
		}
	}
}

// FuzzName: no call identifier and label lead out of the directory.
func FuzzName(f *testing.F) {
	f.Add("%c-%t", "a@b", "label")
	f.Add("%2/%c/%l", "../../etc/passwd", "..")
	f.Add("%Y/%m/%d/%H%M%S%u%r%%", "\x00/\n", ".")
	f.Fuzz(func(t *testing.T, pattern, id, label string) {
		n, err := newNames(&Spec{Pattern: pattern, CallID: id, Label: label}, time.Unix(0, 0))
		if err != nil {
			return
		}
		name, err := n.name("pcap")
		if err != nil {
			return
		}
		if strings.Count(name, "/") > strings.Count(pattern, "/") || strings.HasPrefix(name, "/") || strings.ContainsRune(name, 0) {
			t.Fatalf("%q", name)
		}
		for p := range strings.SplitSeq(name, "/") {
			if p == "" || p[0] == '.' || len(p) > maxPart {
				t.Fatalf("%q", name)
			}
		}
	})
}
