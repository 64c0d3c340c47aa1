package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/cmd/internal/load/sipgen"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/sip/transport"
)

// stream measures a stateless edge whose clients come over connections and whose
// proxies are reached over UDP: relayed messages, and connections accepted, with
// their handshakes and one REGISTER each.
func stream(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	defer o.close()
	f := flags("stream", "kamailio", 256, &o)
	protocols := f.String("protocol", "tcp,tls", "tcp, tls, ws and wss, a table for each")
	counts := f.String("conns", "1000,10000", "connections, a table for each number")
	if err := parse(f, args, stderr, &o); err != nil {
		return err
	}
	kinds, err := protocolList(*protocols)
	if err != nil {
		return err
	}
	for _, p := range kinds {
		for word := range strings.SplitSeq(*counts, ",") {
			n, err := strconv.Atoi(word)
			if err != nil || n < o.lanes || n > target.Descriptors(maxFiles()) || n%o.lanes != 0 {
				return fmt.Errorf("%w: -conns %s: at most %d here, a multiple of -lanes", errUsage, word, target.Descriptors(maxFiles()))
			}
			if err := o.streamCase(ctx, p, n, stdout, stderr); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxFiles is how many descriptors a process may have here. More than 20,000,
// which is what ours takes by default, is not asked of a single one.
func maxFiles() uint64 {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 1024
	}
	return min(r.Max, 20_000)
}

func protocolList(words string) (all []transport.Protocol, err error) {
	for word := range strings.SplitSeq(words, ",") {
		p, err := transport.ParseProtocol(word)
		if err != nil || p == transport.UDP {
			return nil, fmt.Errorf("%w: -protocol %s: tcp, tls, ws or wss", errUsage, word)
		}
		all = append(all, p)
	}
	return all, nil
}

func (o *options) streamCase(ctx context.Context, p transport.Protocol, conns int, stdout, stderr io.Writer) error {
	edge, err := o.edge()
	if err != nil {
		return err
	}
	edge.Stream = p
	makers, err := o.pick(edges(&edge)...)
	if err != nil {
		return err
	}
	t := newTable(fmt.Sprintf("stateless edge, %v in, UDP out, %d connections, %s, %s", p, conns, o.load(), mix), "msg", "one way")
	t.cols = append(t.cols[:len(t.cols)-1], column{"µs/connection", func(f figures) float64 { return f.accept }}, column{"PSS MB", func(f figures) float64 { return f.pss }})
	t.json, t.goals = o.json, []goal{{"µs/msg", oursName, peerName, 0.8, false}}
	if p.Secure() {
		t.goals = append(t.goals, goal{"µs/connection", oursName, peerName, 0.8, false})
	}
	err = o.turns(ctx, stderr, t, makers, func(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
		run, proxies, addrs, err := sipgen.Proxies(fakes, func(ends []sipgen.Server) (*sipgen.Run, error) {
			c := o.config(ends, 0)
			c.Streams = &sipgen.Streams{Protocol: p, Conns: conns}
			return sipgen.New(ctx, c)
		})
		if err != nil {
			return outcome{}, err
		}
		edge.Proxies = addrs
		return o.relayOnce(ctx, run, proxies, start)
	})
	if err != nil {
		return err
	}
	return t.write(stdout)
}
