package call

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/wire"
)

// keyboard is the Keys of a world.
type keyboard struct {
	played []relay.PlayDTMFRequest
	taken  []string
	secret bool
	err    error
}

func (k *keyboard) PlayDTMF(_ context.Context, r relay.PlayDTMFRequest) error {
	if k.err == nil {
		k.played = append(k.played, r)
	}
	return k.err
}

func (k *keyboard) TakeDTMF(_ context.Context, by relay.Selector, take bool) error {
	if !take {
		return fmt.Errorf("nobody gives digits back")
	}
	k.taken = append(k.taken, by.Tag)
	return nil
}

func (k *keyboard) SecretDTMF(context.Context, relay.Selector) (bool, error) { return k.secret, nil }

// keys are those played, in order.
func (k *keyboard) keys() (s string) {
	for _, r := range k.played {
		s += r.Digits
	}
	return s
}

const allKeys = "0123456789*#ABCD"

// typed is a world whose parties say digits so.
func typed(t testing.TB, ways map[string]Digits) (*world, *keyboard) {
	w, k := newWorld(t), &keyboard{}
	w.core.Keys = k
	w.core.Digits.Subscribers = map[string]Digits{}
	for name, d := range ways {
		w.core.Digits.Subscribers[name+"@example.com"] = d
	}
	w.register("bob", "sip:bob@192.0.2.20:5070")
	return w, k
}

// info is an INFO with a digit in the dialog.
func (x *talk) info(from dialog.Side, kind, body string, fields ...string) {
	x.w.t.Helper()
	fields = append(fields, "Content-Type: "+kind)
	if from == dialog.Caller {
		x.caller("INFO", body, fields...)
	} else {
		x.callee("INFO", body, fields...)
	}
}

func (w *world) counted(result string) float64 {
	w.t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(w.core.Stats.Digits)
	families, err := reg.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// TestInfoPasses: nobody asked for anything else.
func TestInfoPasses(t *testing.T) {
	w, k := typed(t, nil)
	x := w.call("1")
	x.info(dialog.Caller, "application/dtmf-relay", "Signal=5\r\nDuration=100\r\n")
	if s := find(t, w.take(), wire.INFO, 0); string(s.Body()) != "Signal=5\r\nDuration=100\r\n" {
		t.Errorf("the INFO is\n%s", s.Bytes())
	}
	x.info(dialog.Caller, "application/dtmf-relay", "nonsense") // not ours to judge
	find(t, w.take(), wire.INFO, 0)
	k.secret = true
	x.info(dialog.Callee, "application/dtmf", "5")
	x.info(dialog.Callee, "text/plain", "5")
	if got := w.lines(); got != "200 INFO, INFO sip:alice@192.0.2.10:5060" || len(k.played) > 0 || w.counted("blocked") != 1 {
		t.Errorf("secret digits: %s", got)
	}
	if w.core.b2bua.Len() != 0 || w.asOffered[0].Options.InjectDTMF {
		t.Error("the call is not one that passes")
	}
}

// TestInfoBecomesMedia: every digit of a side that says them by INFO is played
// once, in order, with its length; what is no digit passes or is refused.
func TestInfoBecomesMedia(t *testing.T) {
	for name, ways := range map[string]map[string]Digits{
		"the sender says them so": {"alice": DigitsInfo}, "the receiver wants none": {"bob": DigitsRTP},
	} {
		t.Run(name, func(t *testing.T) {
			w, k := typed(t, ways)
			x := w.talkative("1")
			if !w.asOffered[0].Options.InjectDTMF {
				t.Error("the relay was not told that digits come")
			}
			for _, c := range allKeys {
				x.info(dialog.Caller, "Application/DTMF-Relay;x=y", fmt.Sprintf("Signal=%c\r\nDuration=100\r\n", c))
				if got := w.lines(); got != "200 INFO" {
					t.Fatalf("sent %s", got)
				}
				w.advance(time.Second)
			}
			if k.keys() != allKeys || w.counted("played") != float64(len(allKeys)) {
				t.Errorf("played %d digits, not those pressed", len(k.played))
			}
			for _, r := range k.played {
				if r.Tag != "a" || r.CallID == "" || r.Duration != 100*time.Millisecond || !r.Pressed || r.Volume != 10 {
					t.Fatalf("asked for %+v", r.Selector)
				}
			}
			for ms, want := range map[int]time.Duration{1: 40 * time.Millisecond, 250: 250 * time.Millisecond, 99999: 6 * time.Second} {
				w.advance(20 * time.Second)
				x.info(dialog.Caller, "application/dtmf-relay", fmt.Sprintf("Signal=1\r\nDuration=%d\r\n", ms))
				if got := k.played[len(k.played)-1].Duration; got != want {
					t.Errorf("%d ms: %v", ms, got)
				}
			}
			w.take()
			played := len(k.played)
			for _, c := range []struct{ kind, body, field, want string }{
				{"application/dtmf-relay", "Signal=x", "", "400 INFO"},
				{"application/dtmf", "", "", "400 INFO"},
				{"application/dtmf", "5", "Content-Encoding: gzip", "415 INFO"},
				{"application/dtmf", "hf", "", "INFO"},
				{"application/media_control+xml", "<x/>", "", "INFO"},
				{"application/dtmf", "5", "Info-Package: dtmf", "INFO"},
			} {
				var fields []string
				if c.field != "" {
					fields = append(fields, c.field)
				}
				x.info(dialog.Caller, c.kind, c.body, fields...)
				if got := w.lines(); !strings.HasPrefix(got, c.want) {
					t.Errorf("%s %q: sent %s, want %s", c.kind, c.body, got, c.want)
				}
			}
			if len(k.played) != played {
				t.Error("what is no digit was played")
			}
			k.err = relay.ErrPlay
			x.info(dialog.Caller, "application/dtmf", "5")
			k.err = context.DeadlineExceeded
			x.info(dialog.Caller, "application/dtmf", "5")
			if got := w.lines(); got != "480 INFO, 503 INFO" {
				t.Errorf("sent %s", got)
			}
			k.err = nil
			for range 200 {
				x.info(dialog.Caller, "application/dtmf-relay", "Signal=1\r\nDuration=250\r\n")
			}
			if n := len(k.played) - played; n > 70 || !strings.HasSuffix(w.lines(), "503 INFO") {
				t.Errorf("%d digits wait to be played", n)
			}
			w.core.Close(w.now)
		})
	}
}

// talkative makes an answered call from alice to bob whichever way it runs.
func (w *world) talkative(callID string) *talk {
	w.t.Helper()
	inv := find(w.t, w.dial(callID, "bob", "offer"), wire.INVITE, 0)
	w.answer(inv, 200, "b", "answer")
	ok := find(w.t, w.take(), 0, 200)
	x := &talk{w: w, callID: callID, cseq: 100, route: route(w.t, ok)}
	if w.core.b2bua.Len() == 0 {
		x.ack("b", 2, "")
		w.take()
		return x
	}
	x.inv, x.ok = inv, ok
	n, _ := ok.CSeq()
	x.cseq = int(n) - 1
	x.caller("ACK", "")
	w.take()
	return x
}

// TestMediaBecomesInfo: digits heard from one side are told to the one that
// wants INFO, one at a time and each once, and taken out of the media.
func TestMediaBecomesInfo(t *testing.T) {
	for name, to := range map[string]dialog.Side{"alice": dialog.Caller, "bob": dialog.Callee} {
		t.Run(name, func(t *testing.T) {
			w, k := typed(t, map[string]Digits{name: DigitsInfo})
			x := w.talkative("1")
			w.take()
			from := to.Other()
			tags := [2]string{dialog.Caller: "a", dialog.Callee: string(x.ok.ToTag())}
			if len(k.taken) != 1 || k.taken[0] != tags[from] {
				t.Fatalf("taken from %q of %v", k.taken, tags)
			}
			id := w.asOffered[0].CallID
			press := func(c byte, secret bool) {
				e, _ := dtmf.ParseDigit(c)
				w.core.Dialled(w.now, id, tags[from], dtmf.Digit{Event: e, Duration: 80 * time.Millisecond}, secret)
				w.core.Dialled(w.now, id, tags[from], dtmf.Digit{Event: e, Ended: true, Duration: 80 * time.Millisecond}, secret)
			}
			for i := range len(allKeys) {
				press(allKeys[i], false)
			}
			var told string
			for range len(allKeys) {
				out := w.take()
				if len(out) != 1 || out[0].Method() != wire.INFO {
					t.Fatalf("%d messages at once", len(out))
				}
				d, err := dtmf.ParseInfo(header(out[0], wire.HdrContentType), out[0].Body())
				if err != nil || d.Duration != 80*time.Millisecond {
					t.Fatalf("%v\n%s", err, out[0].Bytes())
				}
				c, _ := d.Event.Digit()
				told += string(c)
				w.answer(out[0], 200, "", "")
			}
			if told != allKeys || len(w.take()) != 0 || w.counted("told") != float64(len(allKeys)) {
				t.Errorf("told %d digits, not those pressed", len(told))
			}
			press('1', true)
			w.core.Dialled(w.now, id, tags[to], dtmf.Digit{Ended: true}, false) // of the side itself
			w.core.Dialled(w.now, id, "z", dtmf.Digit{Ended: true}, false)
			w.core.Dialled(w.now, "other", tags[from], dtmf.Digit{Ended: true}, false)
			if got := w.lines(); got != "" || w.counted("blocked") != 1 {
				t.Errorf("sent %s", got)
			}
			for range 100 {
				press('7', false)
			}
			refused := w.take()
			w.answer(refused[0], 405, "", "")
			press('8', false)
			if got := w.lines(); got != "" || w.counted("lost") != 101 {
				t.Errorf("sent %q to who takes no digits, %v lost", got, w.counted("lost"))
			}
			// The other way digits become media, and the call ends in the middle of one.
			x.info(to, "application/dtmf", "9")
			if got := w.lines(); got != "200 INFO" || k.keys() != "9" {
				t.Errorf("sent %s", got)
			}
			x.caller("BYE", "")
			press('5', false)
			for _, s := range w.take() {
				if s.IsRequest() && s.Method() == wire.BYE {
					w.answer(s, 200, "", "")
				} else if s.Method() == wire.INFO {
					t.Error("a digit after the end")
				}
			}
			if len(w.core.informed) != 0 {
				t.Error("the call is not forgotten")
			}
			w.ended()
		})
	}
}

// TestRandomInforms: whatever a party answers, and whenever it does, it is told
// of digits in the order in which they came, of each once at most, of one at a
// time, and of none after the end.
func TestRandomInforms(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w, _ := typed(t, map[string]Digits{"alice": DigitsInfo})
		inv := find(t, w.dial("1", "bob", "offer"), wire.INVITE, 0)
		w.answer(inv, 200, "b", "answer")
		ok := find(t, w.take(), 0, 200)
		n, _ := ok.CSeq()
		x := &talk{w: w, callID: "1", cseq: int(n) - 1, route: route(t, ok), inv: inv, ok: ok}
		var open *sent
		var pressed, told []int
		acked, ended := false, false
		look := func() {
			for _, s := range w.take() {
				if !s.IsRequest() || s.Method() != wire.INFO {
					continue
				}
				d, err := dtmf.ParseInfo(header(s, wire.HdrContentType), s.Body())
				if err != nil {
					rt.Fatal(err)
				}
				ms := int(d.Duration / time.Millisecond)
				if open != nil && string(open.Bytes()) == string(s.Bytes()) {
					continue // asked for again
				}
				if open != nil || ended || !acked {
					rt.Fatalf("told with another open %v, ended %v, acknowledged %v", open != nil, ended, acked)
				}
				open, told = s, append(told, ms)
			}
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"press", "press", "press", "ack", "answer", "answer", "refuse", "wait", "wait long", "bye"}).Draw(rt, "do") {
			case "press": // told apart by their lengths
				pressed = append(pressed, 50+len(pressed))
				w.core.Dialled(w.now, w.asOffered[0].CallID, string(ok.ToTag()), dtmf.Digit{Ended: true, Duration: time.Duration(pressed[len(pressed)-1]) * time.Millisecond}, false)
			case "ack":
				if !acked && !ended {
					acked = true
					x.caller("ACK", "")
				}
			case "answer", "refuse":
				if s := open; s != nil {
					open = nil
					w.answer(s, rapid.SampledFrom([]int{200, 200, 480, 405}).Draw(rt, "status"), "", "")
				}
			case "wait":
				w.advance(100 * time.Millisecond)
			case "wait long":
				if !acked {
					continue
				}
				look()
				open = nil // it has no answer
				w.advance(40 * time.Second)
				for _, s := range w.take() {
					if s.Method() == wire.INFO {
						d, _ := dtmf.ParseInfo(header(s, wire.HdrContentType), s.Body())
						if ms := int(d.Duration / time.Millisecond); len(told) == 0 || told[len(told)-1] != ms {
							told, open = append(told, ms), s
						}
					}
				}
			case "bye":
				if acked {
					ended = true
					x.caller("BYE", "")
				}
			}
			look()
		}
		at := 0
		for _, ms := range told {
			for at < len(pressed) && pressed[at] != ms {
				at++
			}
			if at++; at > len(pressed) {
				rt.Fatalf("pressed %v, told %v", pressed, told)
			}
		}
		w.core.Close(w.now)
		w.advance(time.Minute)
		if len(w.core.informed) != 0 {
			rt.Error("a call is not forgotten")
		}
	})
}

// TestBothSayInfo: then nothing is to be turned.
func TestBothSayInfo(t *testing.T) {
	w, k := typed(t, map[string]Digits{"alice": DigitsInfo, "bob": DigitsInfo})
	x := w.call("1")
	x.info(dialog.Caller, "application/dtmf", "5")
	if got := w.lines(); !strings.HasPrefix(got, "INFO") || len(k.played)+len(k.taken) > 0 {
		t.Errorf("sent %s", got)
	}
}

// TestBlockedDigits: nobody learns what is pressed, whatever the other wants.
func TestBlockedDigits(t *testing.T) {
	w, k := typed(t, map[string]Digits{"alice": DigitsBlock})
	x := w.call("1")
	if len(k.taken) != 1 || k.taken[0] != "a" {
		t.Errorf("taken from %q", k.taken)
	}
	x.info(dialog.Caller, "application/dtmf", "5")
	if got := w.lines(); got != "200 INFO" || len(k.played) > 0 || w.counted("blocked") != 1 {
		t.Errorf("sent %s", got)
	}
	x.info(dialog.Callee, "application/dtmf", "5")
	if got := w.lines(); !strings.HasPrefix(got, "INFO") {
		t.Errorf("the other's: %s", got)
	}
}

// TestDigitsWaitForTheirTurn: a relay elsewhere is asked for one digit after the
// other, and what is not answered at the end of the call hurts nobody.
func TestDigitsWaitForTheirTurn(t *testing.T) {
	w, k := typed(t, map[string]Digits{"bob": DigitsRTP})
	if w.core.Beside == nil {
		w.besides()
	}
	x := w.call("1")
	w.slow = true
	for _, c := range "159" {
		x.info(dialog.Caller, "application/dtmf", string(c))
	}
	if got := w.lines(); strings.Contains(got, "200") || len(w.asked) != 1 {
		t.Errorf("%d asked at once, sent %s", len(w.asked), got)
	}
	w.reply(0)
	x.caller("BYE", "")
	w.slow = false
	w.settle()
	if got := w.lines(); !strings.Contains(got, "200 INFO") || !strings.HasPrefix(k.keys(), "1") || len(k.keys()) > 2 {
		t.Errorf("%d played, sent %s", len(k.keys()), got)
	}
}

func TestDigitPolicy(t *testing.T) {
	for d := DigitsPass; d <= DigitsBlock; d++ {
		if got, err := ParseDigits(d.String()); got != d || err != nil {
			t.Errorf("%v: %v, %v", d, got, err)
		}
	}
	if _, err := ParseDigits("tone"); err == nil {
		t.Error("tone is a way")
	}
}

// TestDigitsNotLogged: no digit is in what is logged, sent or counted.
func TestDigitsNotLogged(t *testing.T) {
	var b strings.Builder
	w, k := typed(t, map[string]Digits{"bob": DigitsRTP})
	w.core.Log = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	x := w.call("1")
	k.err = relay.ErrPlay
	x.info(dialog.Caller, "application/dtmf-relay", "Signal=D\r\nDuration=77\r\n")
	x.info(dialog.Caller, "application/dtmf-relay", "Signal=DD\r\n")
	if b.Len() == 0 || strings.Contains(b.String(), "=D") || strings.Contains(b.String(), "Signal") {
		t.Errorf("logged %s", b.String())
	}
}
