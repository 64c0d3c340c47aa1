package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"github.com/class5-go/class5/cmd/internal/load/rtpgen"
	"github.com/class5-go/class5/cmd/internal/load/target"
)

// rtp measures a media relay. The unit is a relayed packet. Ours runs in a child
// process of this program, with nothing in it but the relay.
func rtp(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	f := flags("rtp", "rtpengine", 1, &o)
	calls := f.Int("calls", 250, "calls at the same time, 50 packets a second in each direction")
	if err := parse(f, args, stderr, &o); err != nil {
		return err
	}
	if *calls < 1 || *calls > 4000 || o.target.IsValid() {
		return fmt.Errorf("%w: -calls is 1 to 4000, and there is no -target for media", errUsage)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var media target.Media
	makers, err := o.pick(
		maker{"ours", func(string) (t *target.Target, err error) {
			t, media, err = target.OursMedia(*calls, o.workers, self, "serve-media")
			return t, err
		}},
		maker{"rtpengine", func(string) (t *target.Target, err error) {
			t, media, err = target.RTPEngine(*calls, o.workers)
			return t, err
		}},
	)
	if err != nil {
		return err
	}
	t := newTable(fmt.Sprintf("media relay, %d calls, %d packets of 172 B a second, plain RTP, %d loops", *calls, *calls*100, o.workers), "packet", "one way")
	t.json = o.json
	err = o.turns(ctx, stderr, t, makers, func(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
		element, err := start()
		if err != nil {
			return outcome{}, err
		}
		defer media.Close()
		r, err := rtpgen.Run(ctx, rtpgen.Config{Calls: *calls, Media: media, Warm: o.warm, Measure: o.measure, Usage: o.usage(element)})
		if err != nil {
			return outcome{}, err
		}
		problems := problemsOf(r.Faults)
		if r.Skipped > r.Sent/100 {
			fmt.Fprintf(stderr, "the generator was not let run and left out %d of %d packets\n", r.Skipped, r.Sent+r.Skipped)
		}
		if r.Received == 0 {
			problems = append(problems, fmt.Sprintf("none of %d packets arrived", r.Sent))
		}
		return outcome{figures: measure(r.Measured, r.Elapsed, r.Usage, r.Sent-min(r.Received, r.Sent), r.Sent, &r.Latency), problems: problems}, nil
	})
	if err != nil {
		return err
	}
	return t.write(stdout)
}

// serveMedia is the child that rtp starts: control address, loops, first and
// last port.
func serveMedia(ctx context.Context, args []string, _, _ io.Writer) error {
	if len(args) != 4 {
		return fmt.Errorf("%w: serve-media is for bench rtp", errUsage)
	}
	var n [3]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(args[i+1]); err != nil || n[i] < 1 || n[i] > math.MaxUint16 {
			return fmt.Errorf("%w: serve-media: %q", errUsage, args[i+1])
		}
	}
	return target.ServeMedia(ctx, args[0], n[0], uint16(n[1]), uint16(n[2]))
}
