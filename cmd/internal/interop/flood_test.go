//go:build interop

package interop

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/sipgen"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/sip/transport"
)

// underLoad is an edge with registrations and calls through it until the test is
// done.
type underLoad struct {
	*target.Target
	dir     string
	addrs   []netip.AddrPort // of the proxies
	proxies []*sipgen.FakeProxy
	runs    []*sipgen.Run
	results []chan sipgen.Result
}

// newUnderLoad starts the edge and its loads.
func newUnderLoad(t *testing.T, e target.Edge, loads ...sipgen.Config) *underLoad {
	t.Helper()
	u := &underLoad{dir: t.TempDir()}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var stop func() error
	var err error
	if u.proxies, u.addrs, stop, err = sipgen.ServeProxies(ctx, 2); err != nil {
		t.Fatal(err)
	}
	e.Proxies = u.addrs
	if u.Target, err = e.Ours(u.dir); err != nil {
		cancel()
		_ = stop()
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		u.Target.Stop()
		_ = stop()
	})
	for _, cfg := range loads {
		cfg.Target, cfg.Measure, cfg.Op = u.Addr, 10*time.Minute, sipgen.NewRelay
		if cfg.Streams != nil {
			cfg.Target = u.Stream
		}
		run, err := sipgen.New(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan sipgen.Result, 1)
		u.runs, u.results = append(u.runs, run), append(u.results, result)
		wg.Go(func() {
			r, err := run.Run(ctx)
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			result <- r
		})
	}
	return u
}

// done ends the loads and returns what became of them.
func (u *underLoad) done(t *testing.T) (results []sipgen.Result) {
	t.Helper()
	for i, run := range u.runs {
		run.Finish()
		select {
		case r := <-u.results[i]:
			results = append(results, r)
		case <-time.After(20 * time.Second):
			t.Fatal("the load does not end")
		}
	}
	return results
}

// resident is the memory of the process in MiB.
func (u *underLoad) resident(t *testing.T) float64 {
	t.Helper()
	got, err := meter.Tree(u.PID())
	if err != nil {
		t.Fatal(err)
	}
	return float64(got.RSS) / (1 << 20)
}

// many is how many datagrams a flood has: a million where there is time.
func many(t *testing.T) int {
	t.Helper()
	if s := os.Getenv("CLASS5_FLOOD"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 150_000
}

// TestFloods: whoever sends what under whatever name, the edge takes the memory
// that it was configured with and the calls of others go on.
func TestFloods(t *testing.T) {
	u := newUnderLoad(t, target.Edge{Exposed: true, Stream: transport.TCP}, sipgen.Config{Lanes: 2, Window: 4096, Rate: 50})
	time.Sleep(2 * time.Second)
	n := many(t)
	start := u.resident(t)
	for _, f := range []struct {
		name  string
		texts []string
	}{
		{"forged sources", []string{spoofedOptions, spoofedScanner, "noise ########## noise"}},
		{"forged tokens", []string{forgedRoute, forgedBye, forgedResponse}},
	} {
		begin := time.Now()
		spoof(t, u.Addr, n, f.texts)
		first := u.resident(t)
		spoof(t, u.Addr, n/3, f.texts)
		again := u.resident(t)
		t.Logf("%s: %d datagrams from as many addresses in %v: %.0f MiB before, %.0f after, %.0f after a third more", f.name, n, time.Since(begin).Round(time.Second), start, first, again)
		if again > 128 || again > first+16 {
			t.Errorf("%s: memory grows with the flood", f.name)
		}
	}
	u.slowLoris(t, 5000)
	r := u.done(t)[0]
	t.Logf("calls meanwhile: %d begun, %d done, %d failed, %d lost %v; edge in the end %s", r.Begun, r.Done, r.Failed, r.Lost, r.Reasons,
		strings.Join(grep(fetch(t, "http://"+u.Admin.String()+"/metrics"), "class5_edge_guard_ban"), " "))
	if lost := r.Lost + r.Failed; lost > r.Begun/200 {
		t.Errorf("%d of %d calls of others were lost", lost, r.Begun)
	}
	if r.Done < 500 {
		t.Errorf("only %d calls were made meanwhile", r.Done)
	}
}

const (
	spoofedOptions = "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK##########;rport\r\nMax-Forwards: 70\r\n" +
		"From: <sip:a@b>;tag=##########\r\nTo: <sip:c@d>\r\nCall-ID: ##########@spoof\r\nCSeq: 1 OPTIONS\r\nUser-Agent: phone\r\nContent-Length: 0\r\n\r\n"
	spoofedScanner = "OPTIONS sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK##########;rport\r\nMax-Forwards: 70\r\n" +
		"From: <sip:100@1.1.1.1>;tag=##########\r\nTo: <sip:100@1.1.1.1>\r\nCall-ID: ##########@scan\r\nCSeq: 1 OPTIONS\r\nUser-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n"
	forgedRoute = "INVITE sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK##########;rport\r\nMax-Forwards: 70\r\n" +
		"Route: <sip:EQABAAAA##########AAAAAAAAAAAAAAAA@127.0.0.1:PORT;lr>\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: ##########@forged\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
	forgedBye = "BYE sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK##########;rport\r\nMax-Forwards: 70\r\n" +
		"Route: <sip:EQABAAAA##########AAAAAAAAAAAAAAAA@127.0.0.1:PORT;r2;lr>, <sip:127.0.0.1;r2;lr>\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: ##########@forged\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n"
	forgedResponse = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:PORT;branch=z9hG4bK##########;ft=EQABAAAA##########AAAAAAAAAAAAAAAA\r\nVia: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bKx\r\n" +
		"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: ##########@forged\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)

// spoof sends n datagrams, each from an address of its own, at 30,000 a second
// and no faster than they are read: more would only fill the socket's queue, in
// which the calls of others are as well.
func spoof(t *testing.T, to netip.AddrPort, n int, texts []string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	dst := unix.SockaddrInet4{Addr: to.Addr().As4()}
	begin := time.Now()
	buf := make([]byte, 0, 2048)
	for i := range n {
		text := strings.ReplaceAll(texts[i%len(texts)], "PORT", strconv.Itoa(int(to.Port())))
		text = strings.ReplaceAll(text, "##########", fmt.Sprintf("%010x", i))
		src := 127<<24 | 1<<22 | rand.Uint32N(1<<22)
		buf = datagram(buf[:0], src, to, text)
		if err := unix.Sendto(fd, buf, 0, &dst); err != nil {
			t.Fatal(err)
		}
		if i%100 == 99 {
			time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / 30_000)))
			for end := time.Now().Add(20 * time.Second); waiting(t, to) > 256<<10; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("the edge reads nothing")
				}
			}
		}
	}
}

// waiting is how much the fullest socket of a port has to read.
func waiting(t *testing.T, at netip.AddrPort) (octets uint64) {
	t.Helper()
	sockets, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sockets)) {
		f := strings.Fields(line)
		if len(f) < 5 || !strings.HasSuffix(f[1], fmt.Sprintf(":%04X", at.Port())) {
			continue
		}
		_, queue, _ := strings.Cut(f[4], ":")
		n, err := strconv.ParseUint(queue, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		octets = max(octets, n)
	}
	return octets
}

// datagram is an IPv4 packet; the kernel fills in the checksum of its header,
// and one of UDP is not needed.
func datagram(b []byte, src uint32, to netip.AddrPort, payload string) []byte {
	dst := to.Addr().As4()
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(28+len(payload)))
	b = append(b, 0, 0, 0, 0, 64, 17, 0, 0)
	b = binary.BigEndian.AppendUint32(b, src)
	b = append(b, dst[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(1024+rand.IntN(60000)))
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	b = append(b, 0, 0)
	return append(b, payload...)
}

// slowLoris opens connections that never finish a message.
func (u *underLoad) slowLoris(t *testing.T, n int) {
	t.Helper()
	before := u.resident(t)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	refused := 0
	begin := time.Now()
	for i := range n {
		from := net.TCPAddr{IP: net.IPv4(127, 3, byte(i/15>>8), byte(i/15))} // 15 from each address
		d := net.Dialer{LocalAddr: &from, Timeout: 5 * time.Second}
		c, err := d.Dial("tcp", u.Stream.String())
		if err != nil {
			refused++
			continue
		}
		conns = append(conns, c)
		_, _ = c.Write([]byte("REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/TCP 1;branch=z9hG4bK" + strconv.Itoa(i)))
	}
	opened := time.Since(begin)
	peak, open := 0.0, len(conns)
	// Some are accepted late, when the queue was full: their time counts from then.
	for i := 0; i < 60 && open > 0; i++ {
		for _, c := range conns {
			_, _ = c.Write([]byte("x")) // to those that were closed too
		}
		time.Sleep(500 * time.Millisecond)
		peak = max(peak, u.resident(t))
		if i < 22 {
			continue
		}
		open = 0
		for _, c := range conns {
			_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
			if _, err := c.Read(make([]byte, 1)); err != nil && os.IsTimeout(err) {
				open++
			}
		}
	}
	t.Logf("slow-loris: %d connections in %v, %d refused, %.0f MiB before, at most %.0f; open to the end %d, %v after the first",
		len(conns), opened.Round(time.Millisecond), refused, before, peak, open, time.Since(begin).Round(time.Millisecond))
	if open > 0 {
		t.Errorf("%d connections with an unfinished message stay open", open)
	}
	if peak > before+64 {
		t.Errorf("%.0f MiB for %d unfinished messages", peak-before, n)
	}
}
