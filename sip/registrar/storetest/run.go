package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/class5-go/class5/sip/registrar"
)

// Run runs all tests, each on an empty store that make gives. make cleans up
// by t.Cleanup.
func Run(t *testing.T, make func(t *testing.T) registrar.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, registrar.Store)
	}{
		{"empty", empty},
		{"keeps every field", everyField},
		{"keeps the order", order},
		{"appends to what Lookup is given", appends},
		{"an error of change alters nothing", changeFails},
		{"removes", removes},
		{"expires by the time given", expires},
		{"takes any name", names},
		{"counts and lists", lists},
		{"takes large records", large},
		{"loses no update", noLostUpdate},
		{"racing registers equal some serial order", serial},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, make(t)) })
	}
}

// start is the time all tests begin at: the real one, because a store may
// have a clock of its own, in whole milliseconds, because it keeps no more.
func start() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func full(now time.Time) registrar.Binding {
	return registrar.Binding{
		Contact: "sip:alice@192.0.2.1:5070;transport=tcp?Route=%3Csip:x%3E", Params: `;methods="INVITE, ACK";+sip.x`, Q: 700,
		CallID: "call@192.0.2.1", CSeq: 1<<31 - 1,
		Expires: now.Add(time.Hour), Registered: now.Add(-time.Hour), Updated: now,
		Instance: "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>", RegID: 3,
		Path: "<sip:p1.example.com;lr>, <sip:token@192.0.2.9;lr;ob>", UserAgent: "phone \x00\xff",
		Source: netip.MustParseAddrPort("[2001:db8::1]:5060"), Transport: "TCP", Edge: "lb1",
	}
}

func simple(contact string, expires time.Time) registrar.Binding {
	return registrar.Binding{Contact: contact, Q: 1000, CallID: "c", CSeq: 1, Expires: expires}
}

func put(t *testing.T, s registrar.Store, aor string, now time.Time, bs ...registrar.Binding) {
	t.Helper()
	err := s.Update(context.Background(), aor, now, func([]registrar.Binding) ([]registrar.Binding, error) { return bs, nil })
	if err != nil {
		t.Fatal(err)
	}
}

func lookup(t *testing.T, s registrar.Store, aor string, now time.Time) []registrar.Binding {
	t.Helper()
	bs, err := s.Lookup(context.Background(), nil, aor, now)
	if err != nil {
		t.Fatal(err)
	}
	return bs
}

func count(t *testing.T, s registrar.Store, now time.Time) int {
	t.Helper()
	n, err := s.Len(context.Background(), now)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func all(t *testing.T, s registrar.Store, now time.Time) map[string][]registrar.Binding {
	t.Helper()
	m := map[string][]registrar.Binding{}
	for rec, err := range s.All(context.Background(), now) {
		if err != nil {
			t.Fatal(err)
		}
		m[rec.AoR] = append([]registrar.Binding(nil), rec.Bindings...)
	}
	return m
}

func same(t *testing.T, got, want []registrar.Binding) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("bindings (-want +got):\n%s", diff)
	}
}

func empty(t *testing.T, s registrar.Store) {
	now := start()
	same(t, lookup(t, s, "sip:nobody@example.com", now), nil)
	if n := count(t, s, now); n != 0 {
		t.Errorf("%d records", n)
	}
	if m := all(t, s, now); len(m) != 0 {
		t.Errorf("records %v", m)
	}
	put(t, s, "sip:nobody@example.com", now) // removing nothing is no error
	if n, err := registrar.RemoveAll(context.Background(), s, "sip:nobody@example.com", now); n != 0 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
}

func everyField(t *testing.T, s registrar.Store) {
	now := start()
	bare := registrar.Binding{Contact: "sip:x", Expires: now.Add(time.Minute)}
	v4 := full(now)
	v4.Source = netip.MustParseAddrPort("192.0.2.1:65535")
	want := []registrar.Binding{full(now), bare, v4}
	put(t, s, "sip:alice@example.com", now, want...)
	same(t, lookup(t, s, "sip:alice@example.com", now), want)
	same(t, all(t, s, now)["sip:alice@example.com"], want)
	err := s.Update(context.Background(), "sip:alice@example.com", now, func(bs []registrar.Binding) ([]registrar.Binding, error) {
		same(t, bs, want)
		return bs, nil
	})
	if err != nil {
		t.Error(err)
	}
	same(t, lookup(t, s, "sip:alice@example.com", now), want)
}

func order(t *testing.T, s registrar.Store) {
	now := start()
	var want []registrar.Binding
	for i := range 5 {
		want = append(want, simple(fmt.Sprintf("sip:%d@x", 9-i), now.Add(time.Minute)))
		err := s.Update(context.Background(), "a", now, func(bs []registrar.Binding) ([]registrar.Binding, error) {
			return append(bs, want[i]), nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	same(t, lookup(t, s, "a", now), want)
}

func appends(t *testing.T, s registrar.Store) {
	now := start()
	b := simple("sip:b@x", now.Add(time.Minute))
	put(t, s, "a", now, b)
	first := simple("sip:first@x", now)
	got, err := s.Lookup(context.Background(), []registrar.Binding{first}, "a", now)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, []registrar.Binding{first, b})
}

func changeFails(t *testing.T, s registrar.Store) {
	now := start()
	b := simple("sip:b@x", now.Add(time.Minute))
	put(t, s, "a", now, b)
	wrong := errors.New("no")
	err := s.Update(context.Background(), "a", now, func(bs []registrar.Binding) ([]registrar.Binding, error) {
		bs[0].Contact = "sip:c@x" // lent, so it may be scribbled on
		return bs, wrong
	})
	if err != wrong { //nolint:errorlint // as it is, says the interface
		t.Errorf("error %v", err)
	}
	same(t, lookup(t, s, "a", now), []registrar.Binding{b})
}

func removes(t *testing.T, s registrar.Store) {
	now := start()
	ctx := context.Background()
	flow := full(now)
	plain := simple("sip:b@x", now.Add(time.Minute))
	put(t, s, "a", now, flow, plain)
	for _, step := range []struct {
		key   registrar.Key
		found bool
		left  []registrar.Binding
	}{
		{registrar.Key{Contact: "sip:none@x"}, false, []registrar.Binding{flow, plain}},
		{flow.Key(), true, []registrar.Binding{plain}},
		{flow.Key(), false, []registrar.Binding{plain}},
		{plain.Key(), true, nil},
	} {
		found, err := registrar.Remove(ctx, s, "a", step.key, now)
		if found != step.found || err != nil {
			t.Errorf("%v: %v, %v", step.key, found, err)
		}
		same(t, lookup(t, s, "a", now), step.left)
	}
	if n := count(t, s, now); n != 0 {
		t.Errorf("%d records", n)
	}
	put(t, s, "a", now, flow, plain)
	if n, err := registrar.RemoveAll(ctx, s, "a", now); n != 2 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	same(t, lookup(t, s, "a", now), nil)
}

func expires(t *testing.T, s registrar.Store) {
	now := start()
	short, long := simple("sip:s@x", now.Add(time.Minute)), simple("sip:l@x", now.Add(time.Hour))
	put(t, s, "a", now, long, short)
	put(t, s, "b", now, short)
	for _, step := range []struct {
		at      time.Duration
		a, b    []registrar.Binding
		records int
	}{
		{0, []registrar.Binding{long, short}, []registrar.Binding{short}, 2},
		{time.Minute - time.Millisecond, []registrar.Binding{long, short}, []registrar.Binding{short}, 2},
		{time.Minute, []registrar.Binding{long}, nil, 1},
		{time.Hour, nil, nil, 0},
	} {
		at := now.Add(step.at)
		same(t, lookup(t, s, "a", at), step.a)
		same(t, lookup(t, s, "b", at), step.b)
		if n := count(t, s, at); n != step.records {
			t.Errorf("%v: %d records, want %d", step.at, n, step.records)
		}
		if m := all(t, s, at); len(m) != step.records {
			t.Errorf("%v: %d records listed, want %d", step.at, len(m), step.records)
		}
		if step.at == time.Minute {
			err := s.Update(context.Background(), "a", at, func(bs []registrar.Binding) ([]registrar.Binding, error) {
				same(t, bs, []registrar.Binding{long})
				long.CSeq++
				bs[0].CSeq++
				return bs, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			same(t, lookup(t, s, "a", at), []registrar.Binding{long})
		}
	}
}

func names(t *testing.T, s registrar.Store) {
	now := start()
	list := []string{"sip:null-%00-null@example.com", "sip:{x}@[2001:db8::1]", "sip:ä*?[a]@example.com", "sip:example.com", "x", strings.Repeat("n", 512)}
	for i, name := range list {
		b := simple("sip:b@x", now.Add(time.Minute))
		b.CSeq = uint32(i)
		put(t, s, name, now, b)
	}
	if m := all(t, s, now); len(m) != len(list) {
		t.Errorf("%d records", len(m))
	}
	for i, name := range list {
		if bs := lookup(t, s, name, now); len(bs) != 1 || bs[0].CSeq != uint32(i) {
			t.Errorf("%q: %v", name, bs)
		}
	}
}

func lists(t *testing.T, s registrar.Store) {
	now := start()
	const records = 700
	for i := range records {
		b := simple("sip:b@x", now.Add(time.Minute))
		b.CSeq = uint32(i)
		put(t, s, fmt.Sprintf("sip:user%d@example.com", i), now, b)
	}
	if n := count(t, s, now); n != records {
		t.Errorf("%d records, want %d", n, records)
	}
	m := all(t, s, now)
	for i := range records {
		if bs := m[fmt.Sprintf("sip:user%d@example.com", i)]; len(bs) != 1 || bs[0].CSeq != uint32(i) {
			t.Fatalf("user%d: %v", i, bs)
		}
	}
	n := 0
	for _, err := range s.All(context.Background(), now) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("stopped after %d", n)
	}
}

func large(t *testing.T, s registrar.Store) {
	now := start()
	var want []registrar.Binding
	for i := range 40 {
		b := full(now)
		b.RegID = uint32(i)
		b.Params = ";x=" + strings.Repeat("y", 600*i)
		want = append(want, b)
	}
	put(t, s, "a", now, want...)
	same(t, lookup(t, s, "a", now), want)
}
