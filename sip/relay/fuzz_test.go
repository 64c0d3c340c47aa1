package relay

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// FuzzHandle gives any bytes to the relay on any listener. Whatever leaves is
// one message that reads as what it ought to be, goes to the right side and has
// the body that came.
func FuzzHandle(f *testing.F) {
	files, err := filepath.Glob("../wire/testdata/rfc4475/*.dat")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		msg, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(msg, byte(0))
	}
	for file, text := range flowFiles(f) {
		p := newPlayer(f, file, 1)
		p.seen = func(flow transport.Flow, msg []byte) { f.Add(bytes.Clone(msg), flow.Listener) }
		p.play(text)
	}
	ring, err := token.New(testKey)
	if err != nil {
		f.Fatal(err)
	}
	// What comes in may not be so long that nobody takes it with our lines added.
	limits := &wire.Limits{Headers: 240, Values: 60}
	a := testRelay(f, func(c *Config) { c.Ring, c.Limits = ring, limits })
	b := testRelay(f, func(c *Config) { c.Limits = limits })
	f.Fuzz(func(t *testing.T, msg []byte, listener byte) {
		name := testListeners[int(listener)%len(testListeners)].name
		flow := testFlow(t, name, "203.0.113.7:5060", 0)
		if flow.Local.Addr().Is6() {
			flow = testFlow(t, name, "[2001:db8::7]:5060", 0)
		}
		if flow.Protocol != transport.UDP {
			flow.Generation = testEpoch<<32 | 7
		}
		o := handle(t, a, flow, msg)
		if twin := handle(t, b, flow, msg); twin.Cause != o.Cause || twin.Flow != o.Flow || !bytes.Equal(twin.Data, o.Data) {
			t.Fatalf("two relays differ:\n%v %s\n%v %s", o.Cause, o.Data, twin.Cause, twin.Data)
		}
		var in, out wire.Message
		err := in.Parse(msg, limits)
		if flow.Protocol != transport.UDP {
			err = in.ParseStream(msg, limits)
		}
		switch {
		case err != nil && o.Cause != Malformed:
			t.Fatalf("%v but %v", err, o.Cause)
		case o.Data == nil:
			if o.Cause.Relayed() {
				t.Fatalf("%v without data", o.Cause)
			}
			return
		case o.Cause == Malformed: // what is copied into the answer is as it came
			if o.Status == 0 || !in.IsRequest() || in.Method() == wire.ACK {
				t.Fatalf("answered:\n%s\nwith\n%s", msg, o.Data)
			}
			return
		}
		if err := out.ParseStream(o.Data, nil); err != nil && o.Flow.Protocol != transport.UDP || out.Parse(o.Data, nil) != nil {
			t.Fatalf("%v: %v in\n%s", o.Cause, err, o.Data)
		}
		if !o.Cause.Relayed() {
			checkReply(t, &in, &out, o)
			return
		}
		checkRelayed(t, &in, &out, o, ring)
	})
}

// FuzzModes gives any bytes to relays with everything switched on. What leaves
// can be read, goes to the right side, and tells nothing that is reserved.
func FuzzModes(f *testing.F) {
	limits := &wire.Limits{Headers: 230, Values: 60}
	var relays []*Relay
	for _, config := range benchConfigs[1:] {
		relays = append(relays, testRelay(f, config.change, func(c *Config) { c.Limits = limits }))
	}
	for _, pattern := range []string{"testdata/flows/*.txt", "testdata/modes/*.txt"} {
		for file, text := range scripts(f, pattern) {
			change := modes(f)[strings.TrimSuffix(filepath.Base(file), ".txt")]
			if change == nil {
				change = func(*Config) {}
			}
			p := newPlayer(f, file, 1, change)
			p.seen = func(flow transport.Flow, msg []byte) { f.Add(bytes.Clone(msg), flow.Listener) }
			p.play(text)
		}
	}
	f.Fuzz(func(t *testing.T, msg []byte, listener byte) {
		name := testListeners[int(listener)%len(testListeners)].name
		flow := testFlow(t, name, "203.0.113.7:5060", 0)
		if flow.Local.Addr().Is6() {
			flow = testFlow(t, name, "[2001:db8::7]:5060", 0)
		}
		if flow.Protocol != transport.UDP {
			flow.Generation = testEpoch<<32 | 7
		}
		for _, r := range relays {
			o := handle(t, r, flow, msg)
			if o.Data == nil || o.Cause == Malformed {
				continue
			}
			var in, out wire.Message
			if in.Parse(msg, limits) != nil || out.Parse(o.Data, nil) != nil {
				t.Fatalf("%v of\n%s\nis\n%s", o.Cause, msg, o.Data)
			}
			if !o.Cause.Relayed() {
				checkReply(t, &in, &out, o)
				continue
			}
			toProxy := o.Cause == RequestIn || o.Cause == ResponseIn
			if !bytes.Equal(in.Body(), out.Body()) || testListeners[o.Flow.Listener].Internal != toProxy {
				t.Fatalf("%v to %v of\n%s\nis\n%s", o.Cause, o.Flow, msg, o.Data)
			}
			for i := range out.Len() {
				if name := out.At(i).Name; !toProxy && r.compat == CompatNGCP && ngcpReserved(name) {
					t.Fatalf("%v: %s passed\n%s", o.Cause, name, o.Data)
				}
			}
		}
	})
}

func checkReply(t *testing.T, in, out *wire.Message, o Outcome) {
	t.Helper()
	if !in.IsRequest() || in.Method() == wire.ACK || out.Status() != o.Status || out.ToTag() == nil ||
		!bytes.Equal(in.CallID(), out.CallID()) {
		t.Fatalf("%v: answer\n%s", o.Cause, o.Data)
	}
}

func checkRelayed(t *testing.T, in, out *wire.Message, o Outcome, ring *token.Ring) {
	t.Helper()
	fail := func(what string) {
		t.Helper()
		t.Fatalf("%v: %s\n%s", o.Cause, what, o.Data)
	}
	toProxy := o.Cause == RequestIn || o.Cause == ResponseIn
	switch {
	case !bytes.Equal(in.Body(), out.Body()):
		fail("body changed")
	case in.IsRequest() != out.IsRequest() || !bytes.Equal(in.RequestURI(), out.RequestURI()) || in.Status() != out.Status():
		fail("start line changed")
	case testListeners[o.Flow.Listener].Internal != toProxy:
		fail("wrong side")
	case o.Cause == RequestIn && o.Flow.Remote != proxyA:
		fail("not a proxy")
	}
	if o.Cause == RequestIn {
		if _, err := ParseEdge(ring, out); err != nil {
			fail(err.Error())
		}
	} else if out.Count(wire.HdrPEdge) != 0 {
		fail("P-Edge passed")
	}
	hops := -1
	if in.IsRequest() {
		hops = 1
		before, had := in.MaxForwards()
		if after, ok := out.MaxForwards(); !ok || had && after != before-1 || !had && after != 70 {
			fail("Max-Forwards")
		}
	}
	if values(in, wire.HdrVia)+hops != values(out, wire.HdrVia) {
		fail("Vias")
	}
}

func values(m *wire.Message, id wire.HeaderID) (n int) {
	for v := m.Values(id); v.Next(); {
		n++
	}
	return n
}
