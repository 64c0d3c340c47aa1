package main

import (
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output is where a phone writes, and a test waits for what it writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// phone starts a phone; the function returned waits for its end.
func start(t *testing.T, ctx context.Context, args ...string) (*output, func() error) {
	t.Helper()
	out := &output{}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, out) }()
	return out, func() error {
		select {
		case err := <-ended:
			return err
		case <-time.After(30 * time.Second):
			t.Errorf("the phone does not end:\n%s", out)
			return context.DeadlineExceeded
		}
	}
}

func await(t *testing.T, out *output, text string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(out.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q in\n%s", text, out)
		}
	}
}

func TestCall(t *testing.T) {
	for _, c := range []struct {
		name, caller, callee  string // transports
		callerSays, calleeFor string
	}{
		{"caller hangs up", "udp", "tcp", "we hung up", "1m"},
		{"callee hangs up", "tcp", "udp", "the other side hung up", "400ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, dir := newPanel(t), t.TempDir()
			common := []string{"-server", p.addr(), "-domain", "example.test", "-password", secret}
			callee, calleeEnds := start(t, t.Context(), append(common, "-user", "bob", "-answer", "-transport", c.callee, "-duration", c.calleeFor,
				"-tone", "0", "-record", filepath.Join(dir, "heard.wav"))...)
			await(t, callee, "waiting for a call")
			callerFor := "400ms"
			if c.calleeFor == callerFor {
				callerFor = "1m"
			}
			caller, callerEnds := start(t, t.Context(), append(common, "-user", "alice", "-call", "bob", "-transport", c.caller, "-duration", callerFor)...)
			if err := callerEnds(); err != nil {
				t.Error(err)
			}
			if err := calleeEnds(); err != nil {
				t.Error(err)
			}
			for _, o := range []*output{caller, callee} {
				if !regexp.MustCompile(`sent [1-9]\d* packets, received [1-9]\d*, lost 0`).MatchString(o.String()) {
					t.Errorf("a phone says\n%s", o)
				}
			}
			if !strings.Contains(caller.String(), c.callerSays) || !strings.Contains(caller.String(), "180 Ringing") {
				t.Errorf("the caller says\n%s", caller)
			}
			b, err := os.ReadFile(filepath.Join(dir, "heard.wav"))
			if err != nil {
				t.Fatal(err)
			}
			heard, err := readWAV(b)
			if err != nil || len(heard) < 10*frame || tone(heard, 440) < 0.9 {
				t.Errorf("%d samples recorded, %.2f of it the tone: %v", len(heard), tone(heard, 440), err)
			}
		})
	}
}

// tone is the share of a sound's energy that one frequency has (Goertzel).
func tone(s []int16, hz float64) float64 {
	var a, b, energy float64
	k := 2 * math.Cos(2*math.Pi*hz/clock)
	for _, v := range s {
		a, b = float64(v)+k*a-b, a
		energy += float64(v) * float64(v)
	}
	return 2 * (a*a + b*b - k*a*b) / (energy * float64(len(s)))
}

func TestRefusals(t *testing.T) {
	p := newPanel(t)
	args := []string{"-server", p.addr(), "-domain", "example.test", "-user", "alice", "-wait", "2s"}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-password", "wrong", "-call", "bob"}, "registration: "},
		{[]string{"-password", secret, "-call", "nobody"}, "call to sip:nobody@example.test: 404 Not Found"},
		{[]string{"-password", secret, "-call", "sip:alice@example.test"}, "486"},
		{[]string{"-password", secret, "-answer", "-wait", "50ms"}, "nobody has called"},
	} {
		_, ends := start(t, t.Context(), append(args, c.args...)...)
		if err := ends(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.args, err, c.want)
		}
	}
}

// TestInterrupted: Ctrl-C ends the call, the registration and the program.
func TestInterrupted(t *testing.T) {
	p := newPanel(t)
	common := []string{"-server", p.addr(), "-domain", "example.test", "-password", secret, "-duration", "1m"}
	callee, calleeEnds := start(t, t.Context(), append(common, "-user", "bob", "-answer")...)
	await(t, callee, "waiting for a call")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	caller, callerEnds := start(t, ctx, append(common, "-user", "alice", "-call", "bob")...)
	await(t, caller, "in a call")
	await(t, callee, "in a call")
	time.Sleep(100 * time.Millisecond) // some packets
	cancel()
	if err := callerEnds(); err != nil {
		t.Error(err)
	}
	if err := calleeEnds(); err != nil || !strings.Contains(callee.String(), "the other side hung up") {
		t.Errorf("%v\n%s", err, callee)
	}
}

func TestMistakes(t *testing.T) {
	for _, args := range []string{"", "-user a", "-user a -answer -call b", "-user a -answer x", "-user a -answer -server nowhere", "-user a -answer -transport smoke",
		"-user a -answer -wav nowhere.wav", "-nonsense"} {
		if err := run(t.Context(), strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

func TestWAV(t *testing.T) {
	in := []int16{0, 1, -1, 32767, -32768}
	out, err := readWAV(writeWAV(in))
	if err != nil || len(out) != len(in) || out[4] != in[4] || out[3] != in[3] {
		t.Errorf("%v, %v", out, err)
	}
	b := writeWAV(in)
	for n := range b[:44] {
		if _, err := readWAV(b[:n]); err == nil {
			t.Errorf("%d octets are a recording", n)
		}
	}
	b[24]++ // another rate
	if _, err := readWAV(b); err == nil {
		t.Error("a rate that would need conversion")
	}
}
