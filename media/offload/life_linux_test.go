package offload

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
)

// victim in the environment makes this program one that installs flows and
// waits to be killed.
const victim = "OFFLOAD_TEST_VICTIM"

func TestMain(m *testing.M) {
	if dir, hook, ok := strings.Cut(os.Getenv(victim), " "); ok {
		os.Exit(beVictim(dir, hook))
	}
	os.Exit(m.Run())
}

func beVictim(dir, hook string) int {
	cfg := Config{Interfaces: []string{"ra", "rb"}, Dir: dir, Instance: "test", Flows: 256}
	if hook == HookClsact.String() {
		cfg.Hook = HookClsact
	}
	k, err := Open(cfg)
	if err == nil {
		err = errors.Join(k.Install(flowAB(false)), k.Install(flowAB(true)))
	}
	fmt.Println(err)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	return 0
}

// victim starts a process that installs the flows in R.
func (w *world) victim() *exec.Cmd {
	w.t.Helper()
	c := exec.Command("ip", "netns", "exec", w.r, "/proc/self/exe")
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	c.Args[4] = self
	c.Env = append(os.Environ(), victim+"="+w.dir+" "+w.cfg.Hook.String())
	out, err := c.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "<nil>\n" {
		w.t.Fatalf("%q, %v", line, err)
	}
	return c
}

// stream sends numbered packets at a pace, doing something in between.
func (w *world) stream(v6 bool, n int, between map[int]func()) {
	f := flowAB(v6)
	a := w.socket(w.a, f.Source)
	for i := range n {
		if do := between[i]; do != nil {
			do()
		}
		b := rtp{pt: 8, seq: uint16(i), ts: uint32(i) * 160, ssrc: 1}.packet(160)
		binary.BigEndian.PutUint32(b[12:], uint32(i))
		send(w.t, a, f.Local, b)
		time.Sleep(time.Millisecond)
	}
	a.Close()
}

// once wants every number from 0 to n-1 just once.
func (w *world) once(list []sent, n int) {
	w.t.Helper()
	seen := make([]int, n)
	for _, s := range list {
		seen[binary.BigEndian.Uint32([]byte(s.payload[12:16]))]++
	}
	var lost, doubled []int
	for i, c := range seen {
		switch {
		case c == 0:
			lost = append(lost, i)
		case c > 1:
			doubled = append(doubled, i)
		}
	}
	if len(lost)+len(doubled) > 0 {
		w.t.Errorf("lost %v, doubled %v of %d", lost, doubled, n)
	}
}

// TestKill kills the process that installed the flows: they go on, and the
// next one finds them with all their figures.
func TestKill(t *testing.T) {
	const n = 600
	for _, hooks := range [][2]Hook{{HookTCX, HookTCX}, {HookClsact, HookClsact}, {HookClsact, HookAny}} {
		for _, v6 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v then %v ipv6 %v", hooks[0], hooks[1], v6), func(t *testing.T) {
				w := newWorld(t)
				w.socket(w.b, flowAB(v6).To)
				tap := w.tap(w.b, "b0")
				w.cfg.Hook = hooks[0]
				c := w.victim()
				w.cfg.Hook = hooks[1]
				var k *Kernel
				w.stream(v6, n, map[int]func(){
					200: func() {
						if err := c.Process.Kill(); err != nil {
							t.Fatal(err)
						}
						_ = c.Wait()
					},
					400: func() { k = w.open() },
				})
				w.once(tap.collect(toPort, n), n)
				f := flowAB(v6)
				if err := k.Claim(f.Local); err != nil {
					t.Fatal(err)
				}
				s, err := k.Remove(f.Local)
				if err != nil || s.Forwarded != (Count{n, n * 172}) || s.Received != s.Forwarded || s.Lost != 0 || s.Expected != n {
					t.Errorf("%+v, %v", s, err)
				}
				if got := k.List(); len(got) != 1 || !equal(got[0], flowAB(!v6)) {
					t.Errorf("%+v", got)
				}
			})
		}
	}
}

// TestRelease pulls a stream up and gives it back, again and again.
func TestRelease(t *testing.T) {
	const n = 1000
	w := newWorld(t)
	f := flowAB(false)
	w.socket(w.b, f.To)
	tap := w.tap(w.b, "b0")
	k := w.open()
	r := w.relay(f)
	do := map[int]func(){}
	for i := 100; i < n; i += 100 {
		do[i] = func() {
			err := k.Install(f)
			if i/100%2 == 0 {
				err = k.Release(f.Local)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
	w.stream(false, n, do)
	w.once(tap.collect(toPort, n), n)
	s, err := k.Remove(f.Local)
	if err != nil || s.Received.Packets != n-100 || s.Forwarded.Packets+s.Up[UpReleased] != n-100 || s.Up[UpReleased] < 300 || s.Lost != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, ups := r.figures(); ups != int(s.Up[UpReleased])+100 {
		t.Errorf("%d came up: %+v", ups, s)
	}
}

// TestLease lets a lease end: packets go up, and the next process clears away.
func TestLease(t *testing.T) {
	w := newWorld(t)
	w.cfg.Lease = 300 * time.Millisecond
	f := flowAB(false)
	a, tap := w.socket(w.a, f.Source), w.tap(w.b, "b0")
	w.socket(w.b, f.To)
	up := w.socket(w.r, f.Local)
	k := w.open()
	if err := k.Install(f); err != nil {
		t.Fatal(err)
	}
	b := rtp{pt: 8}.packet(20)
	send(t, a, f.Local, b)
	if len(tap.collect(toPort, 1)) != 1 {
		t.Error("not forwarded")
	}
	for range 3 {
		time.Sleep(200 * time.Millisecond)
		if err := k.Renew(); err != nil {
			t.Fatal(err)
		}
	}
	send(t, a, f.Local, b)
	if len(tap.collect(toPort, 1)) != 1 {
		t.Error("not forwarded after Renew")
	}
	k.Close() // as when it dies
	time.Sleep(400 * time.Millisecond)
	send(t, a, f.Local, b)
	if err := up.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := up.ReadFromUDPAddrPort(make([]byte, 100)); err != nil || n != len(b) {
		t.Errorf("%d octets came up, %v", n, err)
	}
	k = w.open()
	if got := k.List(); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if err := k.Walk(func(_ netip.AddrPort, s Stats) {
		if s.Forwarded.Packets != 2 || s.Up[UpExpired] != 1 {
			t.Errorf("%+v", s)
		}
	}); err != nil {
		t.Error(err)
	}
	if err := k.Renew(); err != nil || len(k.List()) != 0 {
		t.Errorf("%v, %+v", err, k.List())
	}
	if err := k.Claim(f.Local); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}

// TestRefusals asks for what cannot be.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	why := func(err error) string {
		if r, ok := ReasonOf(err); ok {
			return r.String()
		}
		return fmt.Sprint(err)
	}
	good := w.cfg
	w.cfg.Interfaces = []string{"ra", "nowhere"}
	if _, err := w.tryOpen(); why(err) != "interface" {
		t.Error(err)
	}
	w.cfg = good
	w.cfg.Dir = t.TempDir()
	if _, err := w.tryOpen(); why(err) != "bpffs" {
		t.Error(err)
	}
	w.cfg = good
	k := w.open()
	if _, err := w.tryOpen(); why(err) != "busy" {
		t.Error(err)
	}
	f := flowAB(false)
	f.To = at(false, 2, 2, 5000)
	if err := k.Install(f); !errors.Is(err, ErrRoute) {
		t.Error(err) // that is R itself
	}
	f.To = netip.MustParseAddrPort("203.0.113.1:5000")
	if err := k.Install(f); !errors.Is(err, ErrRoute) {
		t.Error(err)
	}
	if _, err := k.Remove(f.Local); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	f = flowAB(false)
	for i := range w.cfg.Flows {
		f.Local = at(false, 1, 2, uint16(10000+i))
		if err := k.Install(f); err != nil {
			t.Fatal(err)
		}
	}
	f.Local = at(false, 1, 2, 9)
	if err := k.Install(f); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	k.Close()
	if err := k.Install(f); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	m, err := ebpf.LoadPinnedMap(filepath.Join(w.dir, "test", "layout"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Put(uint32(0), uint32(layout+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.tryOpen(); why(err) != "layout" {
		t.Error(err)
	}
	in(t, w.r, func() { err = Purge(w.cfg) })
	if err != nil {
		t.Fatal(err)
	}
	if k = w.open(); len(k.List()) != 0 {
		t.Errorf("%+v", k.List())
	}
}

// TestInterfaceGone takes an interface away and brings it back.
func TestInterfaceGone(t *testing.T) {
	w := newWorld(t)
	f := flowAB(false)
	k := w.open()
	if err := errors.Join(k.Install(f), k.Check()); err != nil {
		t.Fatal(err)
	}
	run(t, "ip", "-n", w.a, "link", "del", "a0")
	err := k.Check()
	var u *Unavailable
	if !errors.As(err, &u) || u.Reason != ReasonInterface || u.Interface != "ra" {
		t.Fatal(err)
	}
	run(t, "ip", "link", "add", "ra", "netns", w.r, "type", "veth", "peer", "name", "a0", "netns", w.a)
	w.addresses([][3]string{{w.a, "a0", "10.9.1.1"}, {w.r, "ra", "10.9.1.2"}})
	in(t, w.r, func() { err = k.Check() })
	if err != nil {
		t.Fatal(err)
	}
	w.socket(w.b, f.To)
	tap := w.tap(w.b, "b0")
	w.stream(false, 10, nil)
	w.once(tap.collect(toPort, 10), 10)
}
