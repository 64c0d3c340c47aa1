package spool_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing/spool"
)

// TestWatermarks: above the high one no call begins until the log is below the
// low one, and what is in between is for calls that run.
func TestWatermarks(t *testing.T) {
	for _, policy := range []spool.Policy{spool.RefuseCalls, spool.Alarm} {
		l := open(t, spool.Config{FS: newDisk(1), SegmentSize: 60, MaxBytes: 2000, HighWater: 600, LowWater: 200, Policy: policy})
		refused := func() bool {
			err := l.Ready()
			if err != nil && !errors.Is(err, spool.ErrNearlyFull) {
				t.Fatal(err)
			}
			return err != nil
		}
		var ends []spool.Offset
		for l.Stats().Bytes <= 600 {
			if l.Stats().High || refused() {
				t.Fatalf("%s: refused at %+v", policy, l.Stats())
			}
			ends = append(ends, add(t, l, "one"))
		}
		ends = append(ends, add(t, l, "two"))
		if s := l.Stats(); !s.High || s.Alarms != 1 || refused() != (policy == spool.RefuseCalls) {
			t.Errorf("%s: %+v, refused %v", policy, s, refused())
		}
		for _, o := range ends {
			if err := l.Ack(o); err != nil {
				t.Fatal(err)
			}
			if s := l.Stats(); s.High != (s.Bytes >= 200) || refused() != (s.High && policy == spool.RefuseCalls) {
				t.Errorf("%s: %+v, refused %v", policy, s, refused())
			}
		}
		if l.Stats().High {
			t.Errorf("%s: still high: %+v", policy, l.Stats())
		}
		l.Close()
		if err := l.Ready(); !errors.Is(err, spool.ErrClosed) {
			t.Errorf("%v", err)
		}
	}
	if _, err := spool.Open(spool.Config{FS: newDisk(1), MaxBytes: 100, HighWater: 90, LowWater: 95}); err == nil {
		t.Error("the low watermark is above the high one")
	}
}

// TestHighAtOpen: a log that was left nearly full is so when it is opened.
func TestHighAtOpen(t *testing.T) {
	d := newDisk(1)
	l := open(t, spool.Config{FS: d})
	add(t, l, strings.Repeat("x", 500))
	l.Close()
	l = open(t, spool.Config{FS: d, MaxBytes: 600})
	if err := l.Ready(); !errors.Is(err, spool.ErrNearlyFull) {
		t.Errorf("%v", err)
	}
}

func TestPolicyNames(t *testing.T) {
	for _, p := range []spool.Policy{spool.RefuseCalls, spool.Alarm} {
		text, _ := p.MarshalText()
		var q spool.Policy
		if err := q.UnmarshalText(text); err != nil || q != p {
			t.Errorf("%s: %v, %v", text, q, err)
		}
	}
	var p spool.Policy
	if err := p.UnmarshalText([]byte("drop")); err == nil || spool.Policy(9).String() != "unknown(9)" {
		t.Error("a policy that is none")
	}
}
