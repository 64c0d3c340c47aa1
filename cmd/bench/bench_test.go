package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/sipgen"
	"github.com/class5-go/class5/cmd/internal/load/target"
)

// TestMain is also the child that serves the media relay or holds connections.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "serve-") {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

func TestMeasure(t *testing.T) {
	var latency meter.Histogram
	for range 100 {
		latency.Add(20 * time.Microsecond)
	}
	u := meter.Usage{User: 30 * time.Millisecond, System: 70 * time.Millisecond, RSS: 5e6}
	got := measure(10_000, 2*time.Second, u, 5, 1000, &latency)
	want := figures{unit: 10, user: 3, system: 7, rate: 5000, loss: 0.5, p50: 20, p99: 20, rss: 5}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := measure(0, time.Second, u, 0, 0, &latency); got.rate != 0 || got.loss != 0 {
		t.Errorf("nothing done: %+v", got)
	}
}

func TestReport(t *testing.T) {
	tab := newTable("an edge", "msg", "one way")
	for _, v := range []float64{5, 7, 6} {
		tab.add("ours", outcome{figures: figures{unit: v, rate: 1000 * v, p99: 10, rss: 1}})
		tab.add("theirs", outcome{figures: figures{unit: 2 * v, rate: 1000 * v}})
	}
	tab.missing = []string{"a third"}
	var out strings.Builder
	if err := tab.write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"an edge\n", "µs/msg", "6.00 [5.00-7.00]", "ours / theirs: µs/msg 0.50, msg/s 1.00\n", "left out: a third"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	tab.add("ours", outcome{problems: problemsOf(map[string]uint64{"BYE answered 404": 3})})
	if err := tab.write(&out); err == nil || !strings.Contains(out.String(), "WRONG: ours, run 4: 3 x BYE answered 404") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestMistakes(t *testing.T) {
	for _, args := range []string{"", "nonsense", "relay -start nothing", "relay -runs 0", "relay -window 0", "relay x", "relay -target nowhere",
		"relay -time 1h", "register -users 3", "register -nonce old", "call -nonce both", "rtp -calls 0", "rtp -target 127.0.0.1:9", "stream -protocol udp", "stream -conns 0", "stream -conns 10 -lanes 3", "stream -conns 1000000",
		"idle -protocol x", "idle -conns 100", "idle -target 127.0.0.1:9", "flood -kind rain", "flood -sources 0", "flood -target 127.0.0.1:9",
		"parse -start kamailio", "parse -target 127.0.0.1:9", "all nothing", "all -runs -1", "serve-idle", "serve-idle tcp x 1 y", "serve-media", "serve-media a b c d",
		"media video", "media -calls 0", "media -installed 40000", "media host -daemons 0", "media plain -target 127.0.0.1:9", "media ng -rate 0"} {
		if code := run(strings.Fields(args), io.Discard, io.Discard); code != 2 {
			t.Errorf("%q ends with %d", args, code)
		}
	}
	var help bytes.Buffer
	if code := run([]string{"relay", "-h"}, io.Discard, &help); code != 0 || !strings.Contains(help.String(), "-window") {
		t.Errorf("help ends with %d:\n%s", code, help.String())
	}
}

// TestRelay runs the whole of a subcommand with some hundred messages.
func TestRelay(t *testing.T) {
	var out, progress bytes.Buffer
	args := "relay -start example -runs 1 -warm 0s -time 30s -wait 10s -window 8 -lanes 2 -count 300"
	if code := run(strings.Fields(args), &out, &progress); code != 0 || !strings.Contains(out.String(), "examples/stateless-lb") {
		t.Errorf("ends with %d:\n%s%s", code, out.String(), progress.String())
	}
}

// TestStream is the same over connections. The element listens on TCP too.
func TestStream(t *testing.T) {
	var out, progress bytes.Buffer
	args := "stream -start ours -runs 1 -warm 0s -time 30s -wait 10s -window 8 -count 300 -protocol tls,ws -conns 20"
	if code := run(strings.Fields(args), &out, &progress); code != 0 || strings.Count(out.String(), "cmd/lb") < 2 {
		t.Errorf("ends with %d:\n%s%s", code, out.String(), progress.String())
	}
}

// TestMediaBench: calls through a relay of ours, in namespaces of their own.
func TestMediaBench(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	var out, progress bytes.Buffer
	const busy = "media plain -most -start ours -runs 1 -calls 6 -warm 50ms -time 200ms" // where the generator is not let run, none is carried
	for args, want := range map[string][]string{
		busy: {"plain RTP, most calls", "µs/packet"},
		"media upgrade -runs 1 -calls 5 -warm 100ms -time 3s":                                                      {"the process replaced meanwhile, 5 calls", "longest ms"},
		"media plain srtp transcode -codec PCMA -start ours -runs 1 -calls 3 -installed 5 -warm 100ms -time 200ms": {"plain RTP, 3 calls of 5", "callers SRTP", "A-law to µ-law", "cmd/media", "no relay"},
		"media ng -start ours -runs 1 -rate 100 -time 100ms":                                                       {"heap KiB/call"},
		"media host -runs 1 -calls 3 -installed 12 -daemons 2 -warm 100ms -time 300ms":                             {"3 calls of 12 set up", "2 daemons", "flows", "cmd/media, kernel"},
	} {
		out.Reset()
		if code := run(strings.Fields(args), &out, &progress); code != 0 && (args != busy || code != 1) {
			t.Fatalf("%q ends with %d:\n%s%s", args, code, out.String(), progress.String())
		}
		for _, w := range want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%q is not in\n%s", w, out.String())
			}
		}
	}
}

// TestIdle holds some connections in a child.
func TestIdle(t *testing.T) {
	var out, progress bytes.Buffer
	args := "idle -start ours -runs 1 -protocol tcp -conns 220 -settle 10ms -json"
	if code := run(strings.Fields(args), &out, &progress); code != 0 {
		t.Fatalf("ends with %d:\n%s%s", code, out.String(), progress.String())
	}
	var got tableJSON
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.Elements) != 1 || got.Elements[0].Median["processes"] != 1 || len(got.Goals) == 0 {
		t.Errorf("%v: %s", err, out.String())
	}
}

// TestFlood: clients get through beside a flood.
func TestFlood(t *testing.T) {
	var out, progress bytes.Buffer
	args := "flood -start ours -runs 1 -kind garbage -rate 2000 -sources 2 -warm 50ms -time 300ms -wait 10s"
	if code := run(strings.Fields(args), &out, &progress); code != 0 || !strings.Contains(out.String(), "µs/refusal") {
		t.Errorf("ends with %d:\n%s%s", code, out.String(), progress.String())
	}
}

func TestParse(t *testing.T) {
	var out, progress bytes.Buffer
	if code := run(strings.Fields("parse -start ours,sipgo,copy -runs 1 -warm 1ms -time 30ms"), &out, &progress); code != 0 {
		t.Fatalf("ends with %d:\n%s%s", code, out.String(), progress.String())
	}
	for _, want := range []string{"sip/wire", "emiago/sipgo", "copy", "goal: objects/msg of sip/wire at most 0: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

// TestEditors: ours and sipgo's give the same message but for the order of lines.
func TestEditors(t *testing.T) {
	samples, err := sipgen.Samples()
	if err != nil || len(samples) != 3 {
		t.Fatal(len(samples), err)
	}
	for _, s := range samples {
		var lines [2][]string
		for i, edit := range []func(dst, msg []byte) ([]byte, error){oursEditor(), sipgoEditor()} {
			b, err := edit(nil, s.Data)
			if err != nil {
				t.Fatal(err)
			}
			lines[i] = strings.Split(strings.ToLower(string(b)), "\r\n")
			slices.Sort(lines[i])
		}
		if diff := cmp.Diff(lines[0], lines[1]); diff != "" {
			t.Errorf("%s: %s", s.Name, diff)
		}
	}
}

// TestInterrupted: a signal ends a run, and nothing that was started stays.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var pid string // of a child's child
	o := options{runs: 1}
	err := o.turns(ctx, io.Discard, newTable("", "", ""), []maker{{"sleep", func(dir string) (*target.Target, error) {
		p, err := target.Start(dir, "sh", "-c", "sleep 60 & echo $!; sleep 60; true")
		return &target.Target{Process: p, Name: "sleep"}, err
	}}}, func(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
		element, err := start()
		if err != nil {
			return outcome{}, err
		}
		err = element.Wait(10*time.Second, func() error {
			if pid = element.Output(); pid == "" {
				return errors.New("nothing yet")
			}
			return nil
		})
		cancel()
		<-ctx.Done()
		if _, err := start(); err == nil {
			t.Error("something is started after the signal")
		}
		return outcome{}, errors.Join(err, ctx.Err())
	})
	if !errors.Is(err, context.Canceled) || pid == "" {
		t.Fatal(err)
	}
	for {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			break // gone, or nobody has taken notice yet that it is
		}
		time.Sleep(time.Millisecond)
	}
}

// TestNothingThere: an element that answers nothing is reported, and no success.
func TestNothingThere(t *testing.T) {
	var out bytes.Buffer
	args := "register -target 127.0.0.1:9 -nonce fresh -runs 1 -warm 0s -time 30s -wait 20ms -window 2 -users 4 -count 4"
	if code := run(strings.Fields(args), &out, io.Discard); code != 1 || !strings.Contains(out.String(), "none of 4 operations ended well") {
		t.Errorf("ends with %d:\n%s", code, out.String())
	}
}

func TestMedia(t *testing.T) {
	var out, progress bytes.Buffer
	if code := run(strings.Fields("rtp -start ours -runs 1 -calls 4 -warm 0s -time 300ms"), &out, &progress); code != 0 || !strings.Contains(out.String(), "media/relay") {
		t.Errorf("ends with %d:\n%s%s", code, out.String(), progress.String())
	}
}
