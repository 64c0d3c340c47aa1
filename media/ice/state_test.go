package ice_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ice"
)

// TestTakeOver moves agents at every stage of a call; the peer notices
// nothing.
func TestTakeOver(t *testing.T) {
	for _, lite := range []bool{false, true} {
		for _, after := range []time.Duration{0, 15 * time.Millisecond, 60 * time.Millisecond, 10 * time.Second} {
			w := newNetwork(t)
			a := w.join("a", ice.Config{Controlling: true}, host(1, "192.0.2.1:4000"), host(2, "192.0.2.1:4001"))
			b := w.join("b", ice.Config{Lite: lite}, host(1, "198.51.100.1:6000"), host(2, "198.51.100.1:6001"))
			w.signal(a, b, false, lite)
			w.run(after)
			before := b.Credentials(0)
			w.move(t, b)
			if b.Credentials(0) != before {
				t.Fatal("credentials changed")
			}
			sent := b.Stats().Requests
			w.until(2*time.Second, func() bool { return completed(a, b) })
			w.run(2 * time.Minute)
			if a.saw(ice.EventConsentLost) || b.saw(ice.EventConsentLost) || !w.agreed(a, b, 1) || !w.agreed(a, b, 2) || b.Stats().Requests == sent {
				t.Errorf("lite %v, after %v: lost", lite, after)
			}
			// Again, with the offer of a restart on its way.
			if _, err := a.Restart(0, w.now); err != nil {
				t.Fatal(err)
			}
			w.move(t, a)
			w.run(10 * time.Second)
			if !w.agreed(a, b, 1) {
				t.Error("the old pair is gone")
			}
			w.signal(a, b, false, lite)
			w.until(2*time.Second, func() bool { return completed(a, b) && w.agreed(a, b, 1) })
		}
	}
}

// TestOldRecord: the record is older than consent lasts; the peer is there.
func TestOldRecord(t *testing.T) {
	w := newNetwork(t)
	a := w.join("a", ice.Config{Controlling: true}, host(1, "192.0.2.1:4000"))
	b := w.join("b", ice.Config{}, host(1, "198.51.100.1:6000"))
	w.signal(a, b, false, false)
	w.run(time.Second)
	st := b.Export()
	w.run(10 * time.Minute)
	moved, err := ice.Import(ice.Config{}, st, w.now)
	if err != nil {
		t.Fatal(err)
	}
	b.Agent = moved
	if p, ok := b.Path(0, 1); !ok || !b.Admits(p.Local, p.Remote) {
		t.Error("no path after take-over")
	}
	w.run(time.Minute)
	if b.saw(ice.EventConsentLost) || !w.agreed(a, b, 1) {
		t.Error("consent was not renewed")
	}
	a.down = true
	if b.Agent, err = ice.Import(ice.Config{}, st, w.now); err != nil {
		t.Fatal(err)
	}
	w.run(11 * time.Second)
	if !b.saw(ice.EventConsentLost) {
		t.Error("a peer that is gone keeps its consent")
	}
}

func TestImportRefuses(t *testing.T) {
	a := connected(t)
	for name, change := range map[string]func(*ice.State){
		"version":         func(s *ice.State) { s.Version = 2 },
		"credentials":     func(s *ice.State) { s.Streams[0].Remote.Password = "" },
		"no credentials":  func(s *ice.State) { s.Streams[0].Remote = ice.Credentials{} },
		"peer":            func(s *ice.State) { s.Streams[0].Remote.Ufrag = "é" },
		"state":           func(s *ice.State) { s.Streams[0].State = 9 },
		"former":          func(s *ice.State) { s.Streams[0].Former = make([]ice.Generation, 1) },
		"generations":     func(s *ice.State) { s.Streams[0].Former = make([]ice.Generation, 5) },
		"flow":            func(s *ice.State) { s.Streams[0].Flows[0].Component = 3 },
		"former flow":     func(s *ice.State) { s.Streams[0].Flows[0].Former = 1 },
		"foreign socket":  func(s *ice.State) { s.Streams[0].Flows[0].Path.Local = stranger },
		"candidate":       func(s *ice.State) { s.Streams[0].Candidates[0].Component = 9 },
		"many candidates": func(s *ice.State) { s.Streams[0].Candidates = make([]ice.Candidate, 65) },
		"local":           func(s *ice.State) { s.Streams[0].Locals[0].Component = 0 },
		"many streams":    func(s *ice.State) { s.Streams = make([]ice.StreamExport, 65) },
	} {
		st := a.Export()
		change(&st)
		if _, err := ice.Import(ice.Config{}, st, epoch); !errors.Is(err, ice.ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzImport(f *testing.F) {
	a := connected(f)
	text, err := json.Marshal(a.Export())
	if err != nil || strings.Contains(string(text), "null") {
		f.Fatal(string(text), err)
	}
	f.Add(text)
	if _, err := a.Restart(0, epoch); err != nil {
		f.Fatal(err)
	}
	a.RemoveStream(1)
	text, _ = json.Marshal(a.Export())
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		var st ice.State
		if json.Unmarshal(text, &st) != nil {
			return
		}
		a, err := ice.Import(ice.Config{}, st, epoch)
		if err != nil {
			return
		}
		if _, err := ice.Import(ice.Config{}, a.Export(), epoch); err != nil {
			t.Fatalf("its own export is refused: %v", err)
		}
		for now, n := epoch, 0; n < 20; n++ {
			a.Advance(now)
			if now = a.Deadline(); now.IsZero() {
				break
			}
		}
	})
}
