package transaction

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// alarm notes when it went off.
type alarm struct {
	t     timer
	id    int
	log   *[]int
	again func(*alarm)
}

func (a *alarm) expire(time.Time) {
	*a.log = append(*a.log, a.id)
	if a.again != nil {
		a.again(a)
	}
}

// TestWheelAgainstSort compares the wheel with a sorted list under random
// settings, stops and steps of time.
func TestWheelAgainstSort(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := new(wheel)
		w.init()
		var log []int
		alarms := make([]*alarm, 40)
		due := map[int]int64{} // by alarm: tick
		for i := range alarms {
			alarms[i] = &alarm{id: i, log: &log}
			alarms[i].t.owner = alarms[i]
		}
		now := int64(0)
		for range rapid.IntRange(1, 200).Draw(rt, "steps") {
			i := rapid.IntRange(0, len(alarms)-1).Draw(rt, "alarm")
			switch rapid.IntRange(0, 3).Draw(rt, "action") {
			case 0, 1:
				// All magnitudes, so that every level is used.
				ahead := rapid.Int64Range(-10, 1<<rapid.IntRange(0, 40).Draw(rt, "bits")).Draw(rt, "ahead")
				at := now + ahead*tick/4
				w.set(&alarms[i].t, at)
				due[i] = min(max((at+tick-1)/tick, now/tick+1), now/tick+maxHorizon)
			case 2:
				w.stop(&alarms[i].t)
				delete(due, i)
			case 3:
				now += rapid.Int64Range(0, 1<<rapid.IntRange(0, 45).Draw(rt, "step bits")).Draw(rt, "step")
				checkAdvance(rt, w, now, due, &log)
			}
			if w.count != len(due) {
				rt.Fatalf("%d timers run, the wheel counts %d", len(due), w.count)
			}
		}
	})
}

func checkAdvance(rt *rapid.T, w *wheel, now int64, due map[int]int64, log *[]int) {
	var want []int
	for i, at := range due {
		if at <= now/tick {
			want = append(want, i)
		}
	}
	if _, begin, ok := w.soonest(); ok != (len(due) > 0) || ok && begin > earliest(due) {
		rt.Fatalf("soonest is %d, %v; the earliest deadline is %d", begin, ok, earliest(due))
	}
	*log = (*log)[:0]
	w.advance(now, epoch)
	got := slices.Clone(*log)
	for k := 1; k < len(got); k++ {
		if due[got[k-1]] > due[got[k]] {
			rt.Fatalf("fired out of order: %v", got)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		rt.Fatalf("fired %v, want %v", got, want)
	}
	for _, i := range want {
		delete(due, i)
	}
}

func earliest(due map[int]int64) int64 {
	first := int64(0)
	for _, at := range due {
		if first == 0 || cmp.Less(at, first) {
			first = at
		}
	}
	return first
}

// TestWheelRearmsInsideAdvance: a timer that always wants to fire at once
// fires once a tick and does not hold the wheel.
func TestWheelRearmsInsideAdvance(t *testing.T) {
	w := new(wheel)
	w.init()
	var log []int
	a := &alarm{log: &log}
	a.t.owner = a
	a.again = func(a *alarm) { w.set(&a.t, 0) }
	w.set(&a.t, 0)
	w.advance(10*tick, epoch)
	if len(log) != 10 {
		t.Errorf("fired %d times in 10 ticks", len(log))
	}
	w.stop(&a.t)
	w.stop(&a.t)
	if w.count != 0 {
		t.Errorf("%d timers left", w.count)
	}
}

// TestTimer runs the timers of a layer's user.
func TestTimer(t *testing.T) {
	w := newWorld(t)
	var fired []time.Duration
	x := expirerFunc(func(now time.Time) { fired = append(fired, now.Sub(epoch)) })
	var timer Timer
	w.layer.Start(&timer, epoch.Add(time.Hour), x)
	w.layer.Start(&timer, epoch.Add(time.Second), x)
	if next, ok := w.layer.Next(); !ok || next.After(epoch.Add(time.Second)) {
		t.Errorf("Next is %v, %v", next, ok)
	}
	w.layer.Advance(epoch.Add(999 * time.Millisecond))
	w.layer.Advance(epoch.Add(1001 * time.Millisecond))
	w.layer.Start(&timer, epoch.Add(2*time.Second), x)
	w.layer.Stop(&timer)
	if _, ok := w.layer.Advance(epoch.Add(time.Minute)); ok {
		t.Error("a timer is left")
	}
	if len(fired) != 1 || fired[0] != 1001*time.Millisecond {
		t.Errorf("fired at %v", fired)
	}
}

type expirerFunc func(time.Time)

func (f expirerFunc) Expire(now time.Time) { f(now) }

// TestClockGoesBack: timers wait for the old time.
func TestClockGoesBack(t *testing.T) {
	w := newWorld(t)
	w.receive(composeRequest(&optionsCommand), udpFlow)
	w.layer.Advance(epoch.Add(-time.Hour))
	w.layer.Advance(epoch.Add(time.Second))
	if s := w.servers[0].State(); s != Trying {
		t.Errorf("state %v", s)
	}
	w.layer.Advance(epoch.Add(time.Hour))
	if s := w.servers[0].State(); s != Terminated {
		t.Errorf("state %v", s)
	}
}

func BenchmarkWheel(b *testing.B) {
	w := new(wheel)
	w.init()
	var log []int
	alarms := make([]alarm, 100_000)
	for i := range alarms {
		alarms[i].t.owner, alarms[i].log = &alarms[i], &log
		w.set(&alarms[i].t, int64(i)*tick/3)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.set(&alarms[i%len(alarms)].t, int64(i%64000)*tick/2)
	}
}
