package relay_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
)

const (
	benchStreams = 100
	benchRate    = 20000 // packets per second over all streams
	benchChild   = "CLASS5_RELAY_BENCH_CHILD"
)

// BenchmarkForward measures processor time per forwarded packet. Another
// process sends 20,000 packets a second over 100 streams and counts what
// comes back, so that what is measured is the relay alone. "naive" is what one
// writes first: a goroutine per port that copies packets and does nothing
// else; it is the lower bound for that design.
func BenchmarkForward(b *testing.B) {
	linger := func(d time.Duration) func(*relay.Config) { return func(c *relay.Config) { c.Linger = d } }
	b.Run("naive", benchNaive)
	b.Run("relay-portable", func(b *testing.B) {
		benchRelay(b, func(c *relay.Config) { relay.SetPortable(c, true) })
	})
	b.Run("relay-epoll", func(b *testing.B) { benchRelay(b, linger(-1)) })
	b.Run("relay-epoll-linger", func(b *testing.B) { benchRelay(b, linger(0)) })
}

// peer is the child process.
type peer struct {
	cmd    *exec.Cmd
	in     *json.Encoder
	out    *bufio.Reader
	Source []netip.AddrPort // it sends from
	Sink   netip.AddrPort   // it counts at
}

func startPeer(b *testing.B) *peer {
	b.Helper()
	p := &peer{cmd: exec.CommandContext(b.Context(), os.Args[0], "-test.run=^$")}
	p.cmd.Env = append(os.Environ(), benchChild+"=1")
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p.in, p.out = json.NewEncoder(in), bufio.NewReader(out)
	p.read(b, p)
	return p
}

func (p *peer) read(b *testing.B, v any) {
	line, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, v)
	}
	if err != nil {
		b.Fatal(err)
	}
}

type job struct {
	To []netip.AddrPort
	N  int
}

// run lets the peer send b.N packets and reports what they cost this process.
func (p *peer) run(b *testing.B, to []netip.AddrPort) {
	var before, after syscall.Rusage
	var got int
	b.ReportAllocs()
	b.ResetTimer()
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	_ = p.in.Encode(job{to, b.N})
	p.read(b, &got)
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	b.StopTimer()
	cpu := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	b.ReportMetric(float64(cpu.Microseconds())/float64(max(got, 1)), "cpu-µs/packet")
	b.ReportMetric(100*float64(b.N-got)/float64(b.N), "%lost")
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func benchNaive(b *testing.B) {
	p := startPeer(b)
	var wg sync.WaitGroup
	b.Cleanup(wg.Wait) // runs last
	var to []netip.AddrPort
	for range benchStreams {
		in, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			b.Fatal(err)
		}
		out, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _, _ = in.Close(), out.Close() })
		to = append(to, in.LocalAddr().(*net.UDPAddr).AddrPort())
		wg.Go(func() {
			buf := make([]byte, 2048)
			for {
				n, _, err := in.ReadFromUDPAddrPort(buf)
				if err != nil {
					return
				}
				_, _ = out.WriteToUDPAddrPort(buf[:n], p.Sink)
			}
		})
	}
	p.run(b, to)
}

func benchRelay(b *testing.B, change func(*relay.Config)) {
	cfg := relay.Config{Interfaces: []relay.Interface{{Addr: relayAddr}}, PortMin: 20000, PortMax: 59999, Deny: []netip.Prefix{}}
	change(&cfg)
	r, err := relay.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	p := startPeer(b)
	var to []netip.AddrPort
	for i, source := range p.Source {
		id := fmt.Sprint(i)
		if _, err := r.Offer(ctx, relay.OfferRequest{CallID: id, FromTag: "a", SDP: benchSDP(source)}); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Answer(ctx, relay.AnswerRequest{CallID: id, FromTag: "a", ToTag: "b", SDP: benchSDP(p.Sink)}); err != nil {
			b.Fatal(err)
		}
		rep, err := r.Query(ctx, id)
		if err != nil {
			b.Fatal(err)
		}
		to = append(to, rep.Legs[0].Streams[0].Local)
	}
	p.run(b, to)
	n := r.Totals()
	b.ReportMetric(float64(n.Packets)/float64(max(n.Rounds, 1)), "packets/round")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

func benchSDP(a netip.AddrPort) []byte {
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 8\r\n", a.Addr(), a.Port())
}

// benchPeer is the main function of the child process.
func benchPeer() {
	var sources []*net.UDPConn
	var addrs []netip.AddrPort
	for range benchStreams {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
		if err != nil {
			panic(err)
		}
		sources = append(sources, c)
		addrs = append(addrs, c.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3)})
	if err != nil {
		panic(err)
	}
	_ = sink.SetReadBuffer(4 << 20)
	out := json.NewEncoder(os.Stdout)
	_ = out.Encode(peer{Source: addrs, Sink: sink.LocalAddr().(*net.UDPAddr).AddrPort()})
	var j job
	if json.NewDecoder(os.Stdin).Decode(&j) != nil {
		return
	}
	received := make(chan int)
	go func() {
		n, buf := 0, make([]byte, 2048)
		for n < j.N {
			if _, _, err := sink.ReadFromUDPAddrPort(buf); err != nil {
				break
			}
			n++
		}
		received <- n
	}()
	benchSend(sources, j)
	_ = sink.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	_ = out.Encode(<-received)
}

// benchSend paces the packets in steps of a millisecond.
func benchSend(sources []*net.UDPConn, j job) {
	packet := make([]byte, rtpwire.HeaderSize+160)
	start := time.Now()
	for i := range j.N {
		if ahead := time.Duration(i)*time.Second/benchRate - time.Since(start); ahead > time.Millisecond {
			time.Sleep(ahead)
		}
		k := i % len(sources)
		n := uint32(i / len(sources))
		rtpwire.Header{PayloadType: 8, Sequence: uint16(n), Timestamp: 160 * n, SSRC: uint32(k)}.Append(packet[:0])
		_, _ = sources[k].WriteToUDPAddrPort(packet, j.To[k])
	}
}
