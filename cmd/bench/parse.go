package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/emiago/sipgo/sip"
	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/sipgen"
	"github.com/class5-go/class5/sip/wire"
)

// editor reads one request, looks at what a relay looks at, and gives it as a
// relay passes it on: a Via above, one hop less, and a Record-Route above.
type editor struct {
	name string
	edit func(dst, msg []byte) ([]byte, error)
}

// What the editors add.
const (
	ownVia   = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0123456789abcdef"
	ownRoute = "<sip:192.0.2.1:5060;lr>"
)

// parseCmd measures in this process what becomes of a request between two
// sockets: by sip/wire, by sipgo's parser and objects, and by copying alone,
// which changes nothing and is the floor.
func parseCmd(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{}
	f := flags("parse", "sipgo,copy", 1, &o)
	if err := parse(f, args, stderr, &o); err != nil {
		return err
	}
	if o.target.IsValid() {
		return fmt.Errorf("%w: there is no -target to parse", errUsage)
	}
	var known []maker
	editors := []editor{{"ours", oursEditor()}, {"sipgo", sipgoEditor()}, {"copy", func(dst, msg []byte) ([]byte, error) { return append(dst, msg...), nil }}}
	for _, e := range editors {
		known = append(known, maker{name: e.name})
	}
	chosen, err := o.pick(known...)
	if err != nil {
		return err
	}
	samples, err := sipgen.Samples()
	if err != nil {
		return err
	}
	t := newTable("in process: a request read, viewed, given a Via and a Record-Route, and written, REGISTER : INVITE : BYE = 2:1:1", "msg", "")
	t.cols = []column{t.cols[0], t.cols[3], {"objects/msg", func(f figures) float64 { return f.allocs }}}
	t.json, t.goals = o.json, []goal{{"µs/msg", "sip/wire", "", 2.5, true}, {"objects/msg", "sip/wire", "", 0, true}}
	names := map[string]string{"ours": "sip/wire", "sipgo": "emiago/sipgo", "copy": "copy"}
	for i := range o.runs {
		for _, c := range chosen {
			for _, e := range editors {
				if e.name != c.name {
					continue
				}
				got, err := e.run(ctx, samples, o.warm/4, o.measure/3)
				if err != nil {
					return fmt.Errorf("%s: %w", e.name, err)
				}
				t.add(names[e.name], outcome{figures: got})
				fmt.Fprintf(stderr, "run %d of %d, %s\n", i+1, o.runs, t.progress(names[e.name], got))
			}
		}
	}
	return t.write(stdout)
}

// run repeats the mix for a time. The processor time is that of the whole
// process, so that collecting garbage counts.
func (e *editor) run(ctx context.Context, samples []sipgen.Sample, warm, length time.Duration) (figures, error) {
	if _, err := e.repeat(ctx, samples, warm, 0); err != nil {
		return figures{}, err
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin, start := cpu(), time.Now()
	n, err := e.repeat(ctx, samples, length, enough)
	if err != nil {
		return figures{}, err
	}
	used, elapsed := cpu()-begin, time.Since(start)
	runtime.ReadMemStats(&after)
	var none meter.Histogram
	got := measure(n, elapsed, meter.Usage{User: used}, 0, 0, &none)
	// What the measuring itself allocates must not look like a message's.
	if got.allocs = float64(after.Mallocs-before.Mallocs) / float64(n); got.allocs < 0.01 {
		got.allocs = 0
	}
	return got, nil
}

var errOutput = errors.New("the message did not come out as it should")

// enough messages make the hundred or so objects of the measuring itself vanish.
const enough = 30_000

// repeat goes on for a time, and for as many messages.
func (e *editor) repeat(ctx context.Context, samples []sipgen.Sample, length time.Duration, least uint64) (n uint64, err error) {
	room := make([]byte, 0, 8192)
	for end := time.Now().Add(length); n == 0 || (n < least || time.Now().Before(end)) && ctx.Err() == nil; {
		for range 25 {
			for _, s := range samples {
				for range s.Part {
					if room, err = e.edit(room[:0], s.Data); err != nil {
						return 0, fmt.Errorf("%s: %w", s.Name, err)
					}
					n++
				}
			}
		}
		if len(room) < len(samples[len(samples)-1].Data) {
			return 0, errOutput
		}
	}
	return n, ctx.Err()
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(unix.TimevalToNsec(u.Utime) + unix.TimevalToNsec(u.Stime))
}

func oursEditor() func(dst, msg []byte) ([]byte, error) {
	var m wire.Message
	var e wire.Edit
	hops := make([]byte, 0, 8)
	return func(dst, msg []byte) ([]byte, error) {
		if err := m.Parse(msg, nil); err != nil {
			return nil, err
		}
		via, ok := m.TopVia()
		n, hop := m.MaxForwards()
		if !ok || !hop || len(via.Branch()) == 0 || len(m.CallID()) == 0 || len(m.FromTag()) == 0 {
			return nil, errOutput
		}
		for v := m.Values(wire.HdrRoute); v.Next(); {
			if len(v.Value()) == 0 {
				return nil, errOutput
			}
		}
		e.Reset()
		e.Prepend(wire.HdrVia, []byte(ownVia))
		e.Prepend(wire.HdrRecordRoute, []byte(ownRoute))
		hops = fmt.Appendf(hops[:0], "%d", n-1)
		e.Set(wire.HdrMaxForwards, hops)
		return m.Append(dst, &e)
	}
}

func sipgoEditor() func(dst, msg []byte) ([]byte, error) {
	p := sip.NewParser()
	return func(dst, msg []byte) ([]byte, error) {
		parsed, err := p.ParseSIP(msg)
		if err != nil {
			return nil, err
		}
		req, ok := parsed.(*sip.Request)
		if !ok || req.Via() == nil || req.CallID() == nil || req.MaxForwards() == nil {
			return nil, errOutput
		}
		if _, ok := req.From().Params.Get("tag"); !ok {
			return nil, errOutput
		}
		for _, r := range req.GetHeaders("Route") {
			if r.Value() == "" {
				return nil, errOutput
			}
		}
		req.MaxForwards().Dec()
		req.PrependHeader(sip.NewHeader("Record-Route", ownRoute))
		req.PrependHeader(sip.NewHeader("Via", ownVia))
		return append(dst, req.String()...), nil
	}
}
