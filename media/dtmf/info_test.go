package dtmf_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/dtmf"
)

func TestInfoForms(t *testing.T) {
	for _, c := range []struct {
		kind, body, digit string
		ms                int
	}{
		{"application/dtmf-relay", "Signal=5\r\nDuration=250\r\n", "5", 250},
		{"application/dtmf-relay", "Signal= *\nDuration= 100", "*", 100},
		{"Application/DTMF-Relay; charset=utf-8", "signal = b", "B", 160},
		{"application/dtmf-relay", "Duration=0\r\nSignal=11\r\n", "#", 160},
		{"application/dtmf-relay", "Signal=1\r\nDuration=99999999\r\n", "1", 10000},
		{"application/dtmf", "9", "9", 160},
		{"application/dtmf", " 10\r\n", "*", 160},
		{"application/dtmf", "Signal=3\r\nDuration=80", "3", 80},
	} {
		d, err := dtmf.ParseInfo(c.kind, []byte(c.body))
		if got := heard([]dtmf.Digit{d}); err != nil || got != c.digit || d.Duration.Milliseconds() != int64(c.ms) {
			t.Errorf("%s %q: %q %v, %v", c.kind, c.body, got, d.Duration, err)
		}
	}
	if d, err := dtmf.ParseInfo("application/dtmf-relay", []byte("Signal=hf")); err != nil || d.Event != dtmf.Flash {
		t.Error(err)
	}
	for _, c := range [][2]string{
		{"text/plain", "5"}, {"application/dtmf", ""}, {"application/dtmf", "x"}, {"application/dtmf", "17"},
		{"application/dtmf-relay", "Duration=5"}, {"application/dtmf-relay", "Signal="}, {"application/dtmf-relay", "Signal=5\nDuration=-1"},
		{"application/dtmf-relay", strings.Repeat("Signal=5\n", 100)},
	} {
		_, err := dtmf.ParseInfo(c[0], []byte(c[1]))
		if !errors.Is(err, dtmf.ErrInfo) || strings.Contains(err.Error(), "=5") {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// TestEveryDigitRoundTheWay: INFO to RFC 4733 to tones and back.
func TestEveryDigitRoundTheWay(t *testing.T) {
	for _, kind := range []string{dtmf.TypeRelay, dtmf.TypePlain} {
		for _, c := range []byte(all) {
			body, err := dtmf.FormatInfo(kind, dtmf.Digit{Event: event(t, c), Duration: 100 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			d, err := dtmf.ParseInfo(kind, body)
			if err != nil {
				t.Fatal(err)
			}
			var s dtmf.Sender
			s.Begin(d.Event, d.Volume, 0)
			p, err := dtmf.ParsePayload(s.End(800).Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			g := dtmf.NewGenerator(8000)
			g.Start(p.Event, p.Volume)
			pcm := append(g.Append(nil, int(p.Duration)), make([]int16, 800)...)
			if got := heard(detect(t, 8000, pcm)); got != string(c) {
				t.Errorf("%s: %q", kind, got)
			}
		}
	}
	if _, err := dtmf.FormatInfo("text/plain", dtmf.Digit{}); !errors.Is(err, dtmf.ErrInfo) {
		t.Error(err)
	}
	if _, err := dtmf.FormatInfo(dtmf.TypePlain, dtmf.Digit{Event: 40}); !errors.Is(err, dtmf.ErrInfo) {
		t.Error(err)
	}
}

func FuzzInfo(f *testing.F) {
	f.Add("application/dtmf-relay", []byte("Signal=5\r\nDuration=160\r\n"))
	f.Add("application/dtmf", []byte("#"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		d, err := dtmf.ParseInfo(kind, body)
		if err != nil {
			return
		}
		if d.Duration <= 0 || d.Duration > 10*time.Second {
			t.Fatal(d.Duration)
		}
		if again, err := dtmf.FormatInfo(dtmf.TypeRelay, d); err == nil {
			if got, err := dtmf.ParseInfo(dtmf.TypeRelay, again); err != nil || got.Event != d.Event {
				t.Fatalf("%q became %q", body, again)
			}
		} else if _, digit := d.Event.Digit(); digit {
			t.Fatal(err)
		}
	})
}

func TestReport(t *testing.T) {
	r := dtmf.Report{CallID: `a"b`, SourceTag: "x", Tags: []string{"x", "y"}, Time: time.Unix(1700000000, 5), Source: netip.MustParseAddr("192.0.2.7"),
		Digit: dtmf.Digit{Event: event(t, '#'), Ended: true, Duration: 160 * time.Millisecond, Volume: 8}}
	want := `{"callid":"a\"b","source_tag":"x","tags":["x","y"],"type":"DTMF","timestamp":1700000000,` +
		`"source_ip":"192.0.2.7","event":11,"duration":160,"volume":8}`
	got := string(r.AppendJSON(nil))
	if got != want || !json.Valid([]byte(got)) {
		t.Error(got)
	}
	back, err := dtmf.ParseReport([]byte(got))
	if err != nil || back.CallID != r.CallID || back.SourceTag != "x" || back.Digit != r.Digit || len(back.Tags) != 2 || back.Time.Unix() != 1700000000 {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestForeignReports(t *testing.T) {
	// As rtpengine writes it: with another order and fields of its own.
	d, err := dtmf.ParseReport([]byte(`{"callid":"c","source_tag":"a","source_label":"","tags":["a"],"type":"DTMF","timestamp":1,"source_ip":"::1","event":0,"duration":90,"volume":-10,"new":[]}`))
	if err != nil || d.Digit.Event != 0 || d.Digit.Duration != 90*time.Millisecond || d.Digit.Volume != 10 || !d.Digit.Ended {
		t.Errorf("%+v, %v", d, err)
	}
	for _, bad := range []string{
		"", "5", "[]", `{"callid":"c","source_tag":"a","type":"DTMF"}`, `{"callid":"c","source_tag":"a","type":"DTMF","event":300}`,
		`{"callid":"c","source_tag":"a","type":"DTMF","event":-1}`, `{"source_tag":"a","type":"DTMF","event":5}`, `{"callid":"c","type":"DTMF","event":5}`,
		`{"callid":"c","source_tag":"a","type":"QOS","event":5}`, "{\"callid\":\"\x9f\",\"source_tag\":\"a\",\"type\":\"DTMF\",\"event\":5}", `{"callid":"c","source_tag":"a","type":"DTMF","event":5,"duration":-1}`, strings.Repeat(" ", 9000),
	} {
		if _, err := dtmf.ParseReport([]byte(bad)); !errors.Is(err, dtmf.ErrReport) {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"callid":"c","source_tag":"a","tags":["a","b"],"type":"DTMF","timestamp":1700000000,"source_ip":"192.0.2.7","event":11,"duration":160,"volume":8}`))
	f.Add([]byte(`{"callid":"c","source_tag":"a","type":"DTMF","event":16,"duration":4294967295,"volume":-2147483648}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := dtmf.ParseReport(b)
		if err != nil {
			return
		}
		if r.Digit.Duration < 0 || r.Digit.Duration > 10*time.Second || r.Digit.Volume > 63 || r.CallID == "" || r.SourceTag == "" {
			t.Fatalf("%+v", r)
		}
		text := r.AppendJSON(nil)
		if len(text) > 8192 { // escapes make it longer
			return
		}
		again, err := dtmf.ParseReport(text)
		if err != nil || again.Digit != r.Digit || again.CallID != r.CallID {
			t.Fatalf("%+v became %+v, %v", r, again, err)
		}
	})
}
