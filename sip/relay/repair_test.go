package relay

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
	"pgregory.net/rapid"
)

var repairStart = time.Unix(1_700_000_000, 0)

// dueNow is what r sends at an age after repairStart.
func dueNow(r *Repair, age time.Duration) (sent []string) {
	r.Due(repairStart.Add(age), func() []byte { return nil }, func(m Resend) (Resend, bool) {
		sent = append(sent, string(m.Data))
		return m, true
	})
	return sent
}

func TestRepairSchedule(t *testing.T) {
	r := NewRepair(RepairConfig{})
	flow := testFlow(t, "int", proxyA.String(), 0)
	branch := []byte("z9hG4bK1")
	if !r.Add(repairStart, branch, wire.REGISTER, flow, []byte("register")) {
		t.Fatal("no room")
	}
	var at []time.Duration
	for age := time.Duration(0); age < time.Minute; age += 50 * time.Millisecond {
		for range dueNow(r, age) {
			at = append(at, age)
		}
	}
	if fmt.Sprint(at) != fmt.Sprint(ages) {
		t.Errorf("sent at %v, want %v", at, ages)
	}
	if st := r.Stats(); st.Entries != 0 || st.Bytes != 0 || st.Resent != uint64(len(ages)) || st.Overflow != 0 {
		t.Errorf("%+v", st)
	}
}

// TestRepairOnce: what nothing confirms is asked about for two seconds, and gone
// when it has been sent.
func TestRepairOnce(t *testing.T) {
	flow, udp := testFlow(t, "inttcp", proxyA.String(), 7), testFlow(t, "int", proxyA.String(), 0)
	for name, c := range map[string]struct {
		ends time.Duration // of the connection
		want string
	}{"at once": {0, "[500ms]"}, "later": {1500 * time.Millisecond, "[2s]"}, "late": {3 * time.Second, "[]"}} {
		t.Run(name, func(t *testing.T) {
			r := NewRepair(RepairConfig{})
			if !r.WatchOnce(repairStart, []byte("z9hG4bK1"), wire.BYE, flow, proxyA, []byte("200")) {
				t.Fatal("no room")
			}
			at := []time.Duration{}
			for age := time.Duration(0); age < time.Minute; age += 50 * time.Millisecond {
				r.Due(repairStart.Add(age), func() []byte { return nil }, func(m Resend) (Resend, bool) {
					if age < c.ends {
						return m, false
					}
					at = append(at, age)
					m.Flow, m.Target = udp, netip.AddrPort{}
					return m, true
				})
			}
			if fmt.Sprint(at) != c.want {
				t.Errorf("sent at %v, want %v", at, c.want)
			}
			if st := r.Stats(); st.Entries != 0 || st.Bytes != 0 || st.Resent != uint64(len(at)) || st.Overflow != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

func TestRepairForgets(t *testing.T) {
	r := NewRepair(RepairConfig{})
	flow := testFlow(t, "int", proxyA.String(), 0)
	branch := []byte("z9hG4bK1")
	r.Add(repairStart, branch, wire.INVITE, flow, []byte("invite"))
	r.Add(repairStart, branch, wire.CANCEL, flow, []byte("cancel"))
	r.Seen(branch, wire.INVITE)
	r.Seen(branch, wire.BYE)
	if got := dueNow(r, time.Second); fmt.Sprint(got) != "[cancel]" {
		t.Errorf("%q", got)
	}
	// Late looks send once, not once for each age missed.
	if got := dueNow(r, 10*time.Second); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

func TestRepairWord(t *testing.T) {
	r := NewRepair(RepairConfig{})
	flow := testFlow(t, "int", proxyA.String(), 0)
	branch := []byte("z9hG4bK1")
	if _, _, ok := r.Word(branch, wire.INVITE, nil); ok {
		t.Error("a word from nobody")
	}
	r.Keep(repairStart, branch, wire.INVITE, flow, []byte("180"))
	r.Keep(repairStart, branch, wire.INVITE, flow, bytes.Repeat([]byte("200 "), 1000))
	r.Seen(branch, wire.INVITE) // is about what was added, not about the last word
	if got := dueNow(r, wordLife-time.Second); got != nil {
		t.Errorf("sent unasked: %q", got)
	}
	got, msg, ok := r.Word(branch, wire.INVITE, nil)
	if !ok || got != flow || !bytes.Equal(msg, bytes.Repeat([]byte("200 "), 1000)) {
		t.Errorf("%v %v, %d octets", ok, got, len(msg))
	}
	dueNow(r, wordLife)
	if _, _, ok := r.Word(branch, wire.INVITE, nil); ok || r.Stats().Entries != 0 {
		t.Error("kept for too long")
	}
}

func TestRepairOverflow(t *testing.T) {
	r := NewRepair(RepairConfig{Entries: 4, Bytes: 4 * chunkSize})
	flow := testFlow(t, "int", proxyA.String(), 0)
	add := func(i, size int) bool {
		return r.Add(repairStart, fmt.Appendf(nil, "b%d", i), wire.INVITE, flow, bytes.Repeat([]byte{byte('a' + i)}, size))
	}
	r.Keep(repairStart, []byte("word"), wire.INVITE, flow, []byte("x"))
	for i := range 4 {
		if !add(i, 10) {
			t.Fatal(i)
		}
	}
	if _, _, ok := r.Word([]byte("word"), wire.INVITE, nil); ok {
		t.Error("the last word is to go first")
	}
	if add(4, 4*chunkSize+1) || add(5, 0) {
		t.Error("took what it can't hold")
	}
	if !add(6, 3*chunkSize) {
		t.Error("no room made")
	}
	if got := dueNow(r, time.Second); len(got) != 2 || got[0][0] != 'd' || got[1][0] != 'g' {
		t.Errorf("%.5q", got)
	}
	if st := r.Stats(); st.Overflow != 1+3+2 {
		t.Errorf("%+v", st)
	}
}

func TestRepeats(t *testing.T) {
	r := NewRepair(RepairConfig{Repeats: 64})
	a, b := testFlow(t, "tcp", "203.0.113.7:1000", 1), testFlow(t, "tcp", "203.0.113.7:1000", 2)
	msg, branch := []byte("BYE"), []byte("z9hG4bK1")
	for _, c := range []struct {
		flow transport.Flow
		msg  string
		age  time.Duration
		want bool
	}{
		{a, "BYE", 0, false}, {a, "BYE", 0, true}, {b, "BYE", 0, false}, {a, "BYE ", 0, false},
		{a, "BYE", 31 * time.Second, true}, {a, "BYE", 32 * time.Second, false}, {a, "BYE", 63 * time.Second, true},
	} {
		if got := r.Repeats(repairStart.Add(c.age), branch, wire.BYE, c.flow, []byte(c.msg)); got != c.want {
			t.Errorf("%q at %v: %v", c.msg, c.age, got)
		}
	}
	for i := range 10_000 { // what does not fit any more passes
		r.Repeats(repairStart.Add(100*time.Second), fmt.Append(nil, i), wire.BYE, a, fmt.Append(nil, i))
	}
	if r.Repeats(repairStart.Add(100*time.Second), branch, wire.BYE, a, msg) {
		t.Error("seen in a table long overwritten")
	}
}

// TestAsked: what a client asks for again is answered again, and nobody else's
// answers are.
func TestAsked(t *testing.T) {
	r := NewRepair(RepairConfig{Repeats: 64})
	a := testFlow(t, "tcp", "203.0.113.7:1000", 1)
	one, two := []byte("z9hG4bK1"), []byte("z9hG4bK2")
	repeats := func(branch []byte, method wire.Method, msg string) bool {
		return r.Repeats(repairStart, branch, method, a, []byte(msg))
	}
	repeats(one, wire.INVITE, "180")
	repeats(one, wire.INVITE, "486")
	repeats(one, wire.CANCEL, "200")
	repeats(two, wire.INVITE, "486 two")
	r.Asked(one, wire.INVITE)
	for _, c := range []struct {
		branch []byte
		method wire.Method
		msg    string
		want   bool
	}{
		{one, wire.INVITE, "180", false}, {one, wire.INVITE, "486", false}, {one, wire.INVITE, "486", true},
		{one, wire.CANCEL, "200", true}, {two, wire.INVITE, "486 two", true},
	} {
		if got := repeats(c.branch, c.method, c.msg); got != c.want {
			t.Errorf("%s %v %s: %v", c.branch, c.method, c.msg, got)
		}
	}
}

// TestRepairModel holds the shards' lists against maps.
func TestRepairModel(t *testing.T) {
	flow, other := testFlow(t, "int", proxyA.String(), 0), testFlow(t, "inttcp", proxyA.String(), 7)
	rapid.Check(t, func(t *rapid.T) {
		const entries = 6
		r := NewRepair(RepairConfig{Entries: entries, Bytes: 64 * chunkSize})
		model := map[string]string{} // everything that may be held, as last written
		now := repairStart
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				branch := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}).Draw(t, "branch")
				msg := string(bytes.Repeat([]byte(branch), rapid.IntRange(1, 5*chunkSize).Draw(t, "size")))
				if rapid.Bool().Draw(t, "word") {
					r.Keep(now, []byte(branch), wire.INVITE, flow, []byte(msg))
				} else {
					r.Add(now, []byte(branch), wire.INVITE, flow, []byte(msg))
				}
				model[branch] = msg
			},
			"seen": func(t *rapid.T) {
				r.Seen([]byte(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "branch")), wire.INVITE)
			},
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
				change := rapid.IntRange(-1, 5*chunkSize).Draw(t, "changed") // what is sent becomes another text
				r.Due(now, func() []byte { return nil }, func(m Resend) (Resend, bool) {
					name := string(m.Data[:1])
					if model[name] != string(m.Data) {
						t.Fatalf("%d octets of %q", len(m.Data), name)
					}
					if change > 0 && m.Flow == flow {
						m.Flow, m.Data = other, bytes.Repeat([]byte(name), change)
						model[name] = string(m.Data)
					}
					return m, change >= 0
				})
			},
			"": func(t *rapid.T) {
				held := 0
				for branch, want := range model {
					if _, msg, ok := r.Word([]byte(branch), wire.INVITE, nil); ok {
						held++
						if string(msg) != want {
							t.Fatalf("%q has %d octets, want %d", branch, len(msg), len(want))
						}
					}
				}
				if st := r.Stats(); st.Entries != held || held > entries || held == 0 && st.Bytes != 0 {
					t.Fatalf("%d found, %+v", held, st)
				}
			},
		})
	})
}

func TestRepairDoesNotAllocate(t *testing.T) {
	r := NewRepair(RepairConfig{Entries: 64, Bytes: 1 << 20, Repeats: 64})
	flow := testFlow(t, "int", proxyA.String(), 0)
	msg, buf := bytes.Repeat([]byte("x"), 3000), make([]byte, 0, 4096)
	branches := make([][]byte, 256)
	for i := range branches {
		branches[i] = fmt.Appendf(nil, "z9hG4bK%d", i)
	}
	now := repairStart
	round := func() {
		for i, b := range branches {
			now = now.Add(10 * time.Millisecond)
			r.Add(now, b, wire.REGISTER, flow, msg)
			r.Keep(now, b, wire.BYE, flow, msg)
			r.Repeats(now, b, wire.BYE, flow, b)
			r.Asked(b, wire.BYE)
			r.Word(b, wire.BYE, buf)
			if i%2 == 0 {
				r.Seen(b, wire.REGISTER)
			}
		}
		r.Due(now, func() []byte { return buf }, func(m Resend) (Resend, bool) { return m, true })
	}
	round()
	if n := testing.AllocsPerRun(10, round); n > 2 && !raceEnabled { // the two closures
		t.Errorf("%v allocations for %d messages", n, len(branches))
	}
}

func BenchmarkRepair(b *testing.B) {
	r := NewRepair(RepairConfig{})
	flow := testFlow(b, "int", proxyA.String(), 0)
	msg, branch := bytes.Repeat([]byte("x"), 1000), []byte("z9hG4bK-524287-1---b1b3b1c7b9f6f0a5")
	b.Run("Add and Seen", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Add(repairStart, branch, wire.REGISTER, flow, msg)
			r.Seen(branch, wire.REGISTER)
		}
	})
	b.Run("Repeats", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Repeats(repairStart, branch, wire.BYE, flow, msg)
		}
	})
}
