package rtpgen

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/media/sdp"
	"github.com/class5-go/class5/sip/transport"
)

// interval is the time between two packets of a stream.
const interval = 20 * time.Millisecond

// Config of a run.
type Config struct {
	Calls         int
	Media         target.Media
	Warm, Measure time.Duration
	Usage         func() (meter.Usage, error) // may be nil
}

// Result of a run. Packets are relayed ones, of both directions.
type Result struct {
	Sent, Received uint64 // of the whole run
	Skipped        uint64 // not sent because the generator was not let run
	Measured       uint64 // received in the measured part
	Elapsed        time.Duration
	Latency        meter.Histogram // of the measured part
	SetUp          meter.Histogram // offer and answer of a call
	Usage          meter.Usage
	Faults         map[string]uint64
}

// side is one of the two sockets: that of the callers, or of the callees.
type side struct {
	run     *run
	towards []netip.AddrPort // where this side's packets go, by call
	from    []netip.AddrPort // where the packets for this side come from
	last    []uint16         // sequence number that arrived last
	heard   []bool

	received atomic.Uint64
	measured uint64
	latency  meter.Histogram
	faults   map[string]uint64
}

type run struct {
	cfg       Config
	endpoint  *transport.Endpoint
	sides     [2]*side
	measuring atomic.Bool
	sent      uint64
	skipped   uint64
	sequence  []uint32
	packets   [][]byte
}

// Run sets the calls up, sends their media for the time of the configuration,
// and returns when everything has ended. The calls stay in the relay.
func Run(ctx context.Context, cfg Config) (Result, error) {
	if cfg.Calls < 1 || cfg.Calls > 100_000 {
		return Result{}, fmt.Errorf("rtpgen: %d calls", cfg.Calls)
	}
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
	listener := transport.ListenerConfig{Protocol: transport.UDP, Addr: at, Batch: 64, MaxMessage: 2048}
	endpoint, err := transport.Listen(ctx, transport.Config{Listeners: []transport.ListenerConfig{listener, listener}})
	if err != nil {
		return Result{}, err
	}
	r := &run{cfg: cfg, endpoint: endpoint, sequence: make([]uint32, 2*cfg.Calls)}
	for i := range r.sides {
		r.sides[i] = &side{run: r, last: make([]uint16, cfg.Calls), heard: make([]bool, cfg.Calls), faults: make(map[string]uint64)}
	}
	var result Result
	if err := r.setUp(&result); err != nil {
		_ = endpoint.Close()
		return Result{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return endpoint.Serve(ctx, transport.HandlerFunc(r.serve)) })
	g.Go(func() error {
		defer stop()
		return r.drive(ctx, &result)
	})
	if err := g.Wait(); err != nil {
		return Result{}, err
	}
	r.collect(&result)
	return result, nil
}

// setUp makes the calls and learns the ports of the relay.
func (r *run) setUp(result *Result) error {
	caller := sdp.LocalMedia{Addr: r.endpoint.Listener(0).Addr, Codecs: []string{"PCMA"}, NoDTMF: true, SessionID: 1}
	callee := sdp.LocalMedia{Addr: r.endpoint.Listener(1).Addr, Codecs: []string{"PCMA"}, NoDTMF: true, SessionID: 2}
	for i := range r.cfg.Calls {
		id := fmt.Sprintf("load-%d", i)
		began := time.Now()
		offer, err := r.cfg.Media.Offer(id, "a", sdp.Offer(caller))
		if err != nil {
			return fmt.Errorf("offer of call %d: %w", i, err)
		}
		parsed, err := sdp.Parse(offer, nil)
		if err != nil {
			return err
		}
		text, atCallee, err := sdp.Answer(parsed, callee)
		if err != nil {
			return err
		}
		answer, err := r.cfg.Media.Answer(id, "a", "b", text)
		if err != nil {
			return fmt.Errorf("answer of call %d: %w", i, err)
		}
		result.SetUp.Add(time.Since(began))
		if parsed, err = sdp.Parse(answer, nil); err != nil {
			return err
		}
		atCaller, err := sdp.Negotiated(parsed, caller)
		if err != nil {
			return err
		}
		r.sides[0].towards = append(r.sides[0].towards, atCaller.Remote)
		r.sides[0].from = append(r.sides[0].from, atCaller.Remote)
		r.sides[1].towards = append(r.sides[1].towards, atCallee.Remote)
		r.sides[1].from = append(r.sides[1].from, atCallee.Remote)
	}
	return nil
}

func (r *run) serve(batch []transport.Packet, _ *transport.Outbox) {
	r.sides[batch[0].Flow.Listener].receive(batch)
}

func (s *side) receive(batch []transport.Packet) {
	now := time.Now().UnixNano()
	counting := s.run.measuring.Load()
	for _, p := range batch {
		a, fault := read(p.Data)
		if fault == "" {
			fault = s.check(a, p.Flow.Remote)
		}
		if fault != "" {
			s.faults[fault]++
			continue
		}
		s.received.Add(1)
		if counting {
			s.measured++
			s.latency.Add(time.Duration(now - a.sent))
		}
	}
}

func (s *side) check(a arrived, from netip.AddrPort) string {
	if a.call < 0 || a.call >= len(s.from) || s.from[a.call] != from {
		return "packet of another call, or from another port"
	}
	if s.heard[a.call] && int16(a.sequence-s.last[a.call]) <= 0 {
		return "packet twice or out of order"
	}
	s.heard[a.call], s.last[a.call] = true, a.sequence
	return ""
}

func (r *run) drive(ctx context.Context, result *Result) error {
	if err := r.send(ctx, r.cfg.Warm); err != nil {
		return err
	}
	before, err := r.usage()
	if err != nil {
		return err
	}
	from := time.Now()
	r.measuring.Store(true)
	if err := r.send(ctx, r.cfg.Measure); err != nil {
		return err
	}
	r.measuring.Store(false)
	result.Elapsed = time.Since(from)
	after, err := r.usage()
	if err != nil {
		return err
	}
	result.Usage = after.Sub(before)
	for end := time.Now().Add(time.Second); r.sides[0].received.Load()+r.sides[1].received.Load() < r.sent && time.Now().Before(end); {
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) usage() (meter.Usage, error) {
	if r.cfg.Usage == nil {
		return meter.Usage{}, nil
	}
	return r.cfg.Usage()
}

// step is how often packets are sent: those that have become due.
const step = 500 * time.Microsecond

// send sends for a time. Streams take their turns in a circle, so that packets
// are spread over the interval.
func (r *run) send(ctx context.Context, d time.Duration) error {
	out := r.endpoint.Outbox()
	streams := 2 * r.cfg.Calls
	start := time.Now()
	end := start.Add(d)
	for next := 0; ; {
		now := time.Now()
		passed := now.Sub(start)
		if !now.Before(end) {
			return nil
		}
		due := int(float64(passed) / float64(interval) * float64(streams))
		if late := due - next; late > streams {
			// We were not let run for longer than an interval. Phones would not
			// have sent all that at once, so neither do we.
			start = start.Add(time.Duration(float64(late) / float64(streams) * float64(interval)))
			r.skipped += uint64(late)
			continue
		}
		for n := 0; next < due; n++ {
			if n == len(r.packets) {
				r.packets = append(r.packets, make([]byte, packetSize))
			}
			r.packet(out, n, next%streams, now.UnixNano())
			next++
		}
		out.Flush()
		if err := sleep(ctx, step); err != nil {
			return err
		}
	}
}

func (r *run) packet(out *transport.Outbox, room, stream int, now int64) {
	call, from := stream/2, stream%2
	r.packets[room] = fill(r.packets[room], call, r.sequence[stream], uint32(stream+1), now)
	r.sequence[stream]++
	r.sent++
	flow := transport.Flow{Protocol: transport.UDP, Listener: uint8(from), Remote: r.sides[from].towards[call]}
	_ = out.Send(flow, r.packets[room]) // what is not sent is lost, and counted as such
}

func (r *run) collect(result *Result) {
	result.Sent, result.Skipped = r.sent, r.skipped
	result.Faults = make(map[string]uint64)
	for _, s := range r.sides {
		result.Received += s.received.Load()
		result.Measured += s.measured
		result.Latency.Merge(&s.latency)
		for f, n := range s.faults {
			result.Faults[f] += n
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
