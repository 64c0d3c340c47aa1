package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/mediagen"
	"github.com/class5-go/class5/cmd/internal/load/netlab"
	"github.com/class5-go/class5/cmd/internal/load/target"
)

// Names of the elements in the tables of bench media.
const (
	oursMedia   = "cmd/media"
	kernelMedia = "cmd/media, kernel"
	peerMedia   = "rtpengine"
	directPath  = "no relay"
)

// mediaCase is one table of bench media.
type mediaCase struct {
	kind, title      string
	callers, callees string // codecs
	secure           bool   // callers speak SRTP
	calls            int    // unless -calls says another number
	start            string // elements beside those of -start, which come first
	goals            []goal
}

const perPacket = "µs/packet"

// mediaCases are those of a kind.
func mediaCases(kind string) []mediaCase {
	share := func(of string, most float64) []goal {
		return []goal{{perPacket, of, peerMedia, most, false}, {"loss %", of, "", 0, true}}
	}
	plain := mediaCase{kind: kind, title: "plain RTP", callers: "PCMA", callees: "PCMA", goals: append(share(oursMedia, 0.85), goal{"p99 more µs", oursMedia, "", 1000, true})}
	switch kind {
	case "plain":
		return []mediaCase{plain}
	case "offload":
		plain.title, plain.start = "plain RTP forwarded in the kernel", "kernel"
		plain.goals = append(share(kernelMedia, 0.1), goal{"p99 more µs", kernelMedia, "", 1000, true})
		return []mediaCase{plain}
	case "host":
		plain.title, plain.goals = "plain RTP forwarded in the kernel for several daemons of one host", nil
		return []mediaCase{plain}
	case "upgrade":
		plain.title, plain.calls = "plain RTP, the process replaced meanwhile", 200
		return []mediaCase{plain}
	case "srtp":
		return []mediaCase{{kind: kind, title: "callers SRTP (AES_CM_128_HMAC_SHA1_80 by SDES), callees RTP", callers: "PCMA", callees: "PCMA", secure: true, goals: share(oursMedia, 0.85)}}
	case "transcode":
		return []mediaCase{
			{kind: kind, title: "G.711 A-law to µ-law", callers: "PCMA", callees: "PCMU", calls: 150, goals: share(oursMedia, 0.5)},
			{kind: kind, title: "G.722 to G.711", callers: "G722", callees: "PCMA", calls: 80, goals: share(oursMedia, 1.5)},
			{kind: kind, title: "Opus to G.711", callers: "opus", callees: "PCMA", calls: 30, goals: append(share(oursMedia, 2), goal{perPacket, oursMedia, "", 10_000 / 60, true})},
		}
	}
	return nil
}

// mediaKinds are what bench media can measure, in the order of a whole run.
func mediaKinds() []string {
	return []string{"plain", "srtp", "transcode", "offload", "ng", "upgrade", "host", "again"}
}

// mediaOptions are the flags of bench media.
type mediaOptions struct {
	options
	calls, installed int
	daemons          int
	codecs           string
	most             bool // calls that each carries are searched for
}

// media measures a media relay between two networks of its own, driven over its
// control protocol. The unit is a relayed packet.
func media(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, kinds, err := parseMedia(args, stderr)
	if err != nil {
		return err
	}
	defer o.close()
	if _, err := o.edge(); err != nil { // a directory for what is compiled
		return err
	}
	var failed error
	for _, kind := range kinds {
		if kind == "ng" {
			failed = errors.Join(failed, o.control(ctx, stdout, stderr))
		}
		if kind == "again" {
			failed = errors.Join(failed, o.again(ctx, stdout, stderr))
		}
		for _, c := range mediaCases(kind) {
			if o.codecs != "" && kind == "transcode" && !strings.EqualFold(o.codecs, c.callers) {
				continue
			}
			failed = errors.Join(failed, o.mediaCase(ctx, c, stdout, stderr))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return failed
}

func parseMedia(args []string, stderr io.Writer) (*mediaOptions, []string, error) {
	var kinds []string
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		kinds, args = append(kinds, args[0]), args[1:]
	}
	o := &mediaOptions{}
	o.rate = 1000
	f := flags("media plain|srtp|transcode|offload|ng|upgrade|host|again", "rtpengine", 1, &o.options)
	f.IntVar(&o.calls, "calls", 250, "calls at the same time, 50 packets a second in each direction; fewer for transcode, unless given")
	f.IntVar(&o.installed, "installed", 0, "calls that are set up; those above -calls send one packet each way")
	f.IntVar(&o.daemons, "daemons", 5, "cmd/media processes that share the calls, for host and again")
	f.StringVar(&o.codecs, "codec", "", "of callers, for transcode: PCMA, G722 or opus; empty: all")
	f.BoolVar(&o.most, "most", false, "search the most calls, of -calls, that each element carries without loss and without falling behind; not for ng, upgrade, host and again")
	f.Lookup("rate").Usage = "offers in a second, for ng"
	if err := parse(f, args, stderr, &o.options); err != nil {
		return nil, nil, err
	}
	for _, k := range kinds {
		if !slices.Contains(mediaKinds(), k) {
			return nil, nil, fmt.Errorf("%w: bench media %s", errUsage, k)
		}
	}
	if len(kinds) == 0 {
		kinds = mediaKinds()
	}
	switch {
	case o.calls < 1 || o.calls > 4000 || o.installed < 0 || o.installed > 30_000 || o.daemons < 1 || o.daemons > 20 || o.rate < 1 || o.rate > 20_000:
		return nil, nil, fmt.Errorf("%w: -calls is 1 to 4000, -installed up to 30000, -daemons 1 to 20, -rate 1 to 20000", errUsage)
	case o.target.IsValid() || o.count > 0:
		return nil, nil, fmt.Errorf("%w: there is no -target and -count for media", errUsage)
	}
	return o, kinds, nil
}

// search makes what was not said fit for -most: many calls, short probes.
func (o *mediaOptions) search() {
	if !o.set["calls"] {
		o.calls = min(10*o.calls, 2500)
	}
	if !o.set["warm"] {
		o.warm = 500 * time.Millisecond
	}
	if !o.set["time"] {
		o.measure = 1500 * time.Millisecond
	}
}

// elements are the makers of a case: the direct path, ours in the kernel where
// that is asked for, and those of -start.
func (b *mediaBench) elements() ([]maker, error) {
	if b.c.kind == "upgrade" {
		return []maker{{"ours", func(dir string) (*target.Target, error) { return b.ours(dir, false) }}}, nil
	}
	if b.c.kind == "host" {
		return []maker{{"kernel", b.another}}, nil
	}
	chosen, err := b.pick(
		maker{"ours", func(dir string) (*target.Target, error) { return b.ours(dir, false) }},
		maker{"rtpengine", func(dir string) (*target.Target, error) { return b.rtpengine(dir) }},
	)
	if err != nil {
		return nil, err
	}
	list := []maker{{name: directPath, start: func(string) (*target.Target, error) {
		b.control = nil
		return &target.Target{Name: directPath}, nil
	}}}
	if b.c.start == "kernel" {
		list = append(list, maker{"kernel", func(dir string) (*target.Target, error) { return b.ours(dir, true) }})
	}
	return append(list, chosen...), nil
}

// mediaCase makes one table.
func (o *mediaOptions) mediaCase(ctx context.Context, c mediaCase, stdout, stderr io.Writer) error {
	lab, err := netlab.New()
	if err != nil {
		return err
	}
	defer lab.Close()
	defer func(calls, installed int) { o.calls, o.installed = calls, installed }(o.calls, o.installed)
	if c.calls > 0 && !o.set["calls"] {
		o.calls = c.calls
	}
	if o.most {
		o.search()
	}
	switch o.installed = max(o.installed, o.calls); {
	case o.set["installed"]:
	case c.kind == "host":
		o.installed = max(installedOnHost, o.calls)
	default:
		o.installed = o.calls
	}
	b := &mediaBench{mediaOptions: o, c: c, lab: lab, stderr: stderr}
	for i, name := range []string{c.callers, c.callees} {
		if b.formats[i], err = mediagen.FormatNamed(name); err != nil {
			return err
		}
	}
	makers, err := b.elements()
	if err != nil {
		return err
	}
	t := mediaTable(fmt.Sprintf("media, %s, %d calls of %d set up, %d packets a second, %d thread(s)", c.title, o.calls, o.installed, o.calls*100, o.workers))
	t.goals, t.json = c.goals, o.json
	once := b.once
	switch {
	case c.kind == "upgrade":
		t, once = upgradeTable(t.title), b.upgraded
	case c.kind == "host":
		t, once = hostTable(fmt.Sprintf("%s, %d daemons", t.title, o.daemons)), b.hosted
	case o.most:
		t, once, makers = mostTable(fmt.Sprintf("media, %s, most calls, %d thread(s)", c.title, o.workers)), b.most, makers[1:]
	}
	t.json = o.json
	if err := o.turns(ctx, stderr, t, makers, once); err != nil {
		return err
	}
	return t.write(stdout)
}

// mediaTable has the columns of bench media; ours come first.
func mediaTable(title string) *table {
	t := &table{title: title, unit: "packet", runs: make(map[string][]outcome), first: []string{kernelMedia, oursMedia, peerMedia, directPath}}
	t.cols = []column{
		{perPacket, func(f figures) float64 { return f.unit }}, {"user", func(f figures) float64 { return f.user }},
		{"sys", func(f figures) float64 { return f.system }}, {"bpf", func(f figures) float64 { return f.bpf }},
		{"machine µs", func(f figures) float64 { return f.machine }}, {"calls/core", func(f figures) float64 { return f.calls }},
		{"packet/s", func(f figures) float64 { return f.rate }}, {"loss %", func(f figures) float64 { return f.loss }},
		{"one way p50 µs", func(f figures) float64 { return f.p50 }}, {"p99 µs", func(f figures) float64 { return f.p99 }},
		{"p99 more µs", func(f figures) float64 { return f.added }}, {"RSS MB", func(f figures) float64 { return f.rss }},
	}
	return t
}
