package billing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/class5-go/class5/billing"
)

var sameAddr = cmpopts.EquateComparable(netip.Addr{})

func stop() billing.Event {
	return billing.Event{
		Kind: billing.EventStop, CallID: "f81d4fae@10.0.0.7", FromTag: "1928301774", ToTag: "a6c85cf",
		Init: 1_780_000_000_000, Start: 1_780_000_004_000, At: 1_780_000_064_250,
		Caller: billing.Endpoint{Subscriber: "7", Account: "c1", User: "alice", Domain: "example.org", Number: "43199001"},
		Callee: billing.Endpoint{User: "bob", Domain: "example.org", Number: "43199002", Dialled: "9002"},
		Source: netip.MustParseAddr("192.0.2.7"), Node: "p1", Code: 200,
		Media: json.RawMessage(`{"lost":3}`),
	}
}

// change applies f to a good stop event.
func change(f func(*billing.Event)) billing.Event {
	e := stop()
	f(&e)
	return e
}

func TestValidate(t *testing.T) {
	for name, e := range map[string]billing.Event{
		"no kind":            change(func(e *billing.Event) { e.Kind = 0 }),
		"kind of the future": change(func(e *billing.Event) { e.Kind = 99 }),
		"type":               change(func(e *billing.Event) { e.Type = 99 }),
		"no Call-ID":         change(func(e *billing.Event) { e.CallID = "" }),
		"negative leg":       change(func(e *billing.Event) { e.Leg = -1 }),
		"leg":                change(func(e *billing.Event) { e.Leg = 1 << 16 }),
		"no init":            change(func(e *billing.Event) { e.Init = 0 }),
		"no time":            change(func(e *billing.Event) { e.At = 0 }),
		"before 1970":        change(func(e *billing.Event) { e.Start = -1 }),
		"code of a stop":     change(func(e *billing.Event) { e.Code = 486 }),
		"code of a fail":     change(func(e *billing.Event) { e.Kind = billing.EventFail }),
		"control character":  change(func(e *billing.Event) { e.FromTag = "a\x00b" }),
		"no UTF-8":           change(func(e *billing.Event) { e.Caller.User = "\xff" }),
		"long":               change(func(e *billing.Event) { e.CallID = strings.Repeat("x", 1025) }),
		"media":              change(func(e *billing.Event) { e.Media = json.RawMessage(`{`) }),
		"much media":         change(func(e *billing.Event) { e.Media = json.RawMessage(`"` + strings.Repeat("x", 1<<15) + `"`) }),
		"zone":               change(func(e *billing.Event) { e.Source = netip.MustParseAddr("fe80::1%eth0") }),
	} {
		if err := e.Validate(); !errors.Is(err, billing.ErrEvent) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := e.MarshalBinary(); !errors.Is(err, billing.ErrEvent) {
			t.Errorf("%s: encoded, %v", name, err)
		}
	}
	e := stop()
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
}

// TestKey: the key depends on what names the leg and on nothing else.
func TestKey(t *testing.T) {
	e := stop()
	key, id := e.Key(), e.ID()
	for name, o := range map[string]billing.Event{
		"node":   change(func(e *billing.Event) { e.Node = "p1-standby" }),
		"time":   change(func(e *billing.Event) { e.At++ }),
		"to tag": change(func(e *billing.Event) { e.ToTag = "" }),
	} {
		if o.Key() != key || o.ID() != id {
			t.Errorf("%s changes the key or the id", name)
		}
	}
	seen := map[billing.LegKey]string{key: "the first"}
	for name, o := range map[string]billing.Event{
		"Call-ID":           change(func(e *billing.Event) { e.CallID += "x" }),
		"border":            change(func(e *billing.Event) { e.CallID += e.FromTag[:1]; e.FromTag = e.FromTag[1:] }),
		"tag":               change(func(e *billing.Event) { e.FromTag += "x" }),
		"leg":               change(func(e *billing.Event) { e.Leg = 1 }),
		"type":              change(func(e *billing.Event) { e.Type = billing.CallForward }),
		"Call-ID used anew": change(func(e *billing.Event) { e.Init++ }),
	} {
		if was, dup := seen[o.Key()]; dup {
			t.Errorf("%s has the key of %s", name, was)
		}
		seen[o.Key()] = name
	}
	interim := change(func(e *billing.Event) { e.Kind, e.Seq = billing.EventInterim, 1 })
	next := change(func(e *billing.Event) { e.Kind, e.Seq = billing.EventInterim, 2 })
	if interim.ID() == next.ID() || interim.ID() == id || interim.Key() != key {
		t.Error("interims are not told apart")
	}
	var back billing.LegKey
	text, _ := key.Value()
	if err := back.Scan(text); err != nil || back != key {
		t.Errorf("SQL: %v became %v, %v", key, back, err)
	}
	if err := back.Scan("00"); err == nil {
		t.Error("a short key was taken")
	}
	if err := back.Scan([]byte(strings.Repeat("x", 32))); err == nil {
		t.Error("a key of no digits was taken")
	}
}

func genEvent() *rapid.Generator[billing.Event] {
	return rapid.Custom(func(t *rapid.T) billing.Event {
		text := rapid.String()
		ms := rapid.Int64Range(1, 1<<45)
		end := rapid.Custom(func(t *rapid.T) billing.Endpoint {
			return billing.Endpoint{
				Subscriber: text.Draw(t, "subscriber"), Account: text.Draw(t, "account"), User: text.Draw(t, "user"),
				Domain: text.Draw(t, "domain"), Number: text.Draw(t, "number"), Dialled: text.Draw(t, "dialled"),
			}
		})
		e := billing.Event{
			Kind: billing.EventKind(rapid.IntRange(1, 5).Draw(t, "kind")), Type: billing.CallType(rapid.IntRange(0, 7).Draw(t, "type")),
			Seq: rapid.Uint32().Draw(t, "seq"), CallID: "c" + text.Draw(t, "call-id"), FromTag: text.Draw(t, "from"), ToTag: text.Draw(t, "to"),
			Leg: rapid.IntRange(0, 1<<16-1).Draw(t, "leg"), Init: billing.Millis(ms.Draw(t, "init")), Start: billing.Millis(ms.Draw(t, "start")),
			At: billing.Millis(ms.Draw(t, "at")), Caller: end.Draw(t, "caller"), Callee: end.Draw(t, "callee"),
			Node: text.Draw(t, "node"), Code: 200, Evidence: text.Draw(t, "evidence"),
		}
		if e.Kind == billing.EventFail {
			e.Code = rapid.IntRange(300, 699).Draw(t, "code")
		}
		if rapid.Bool().Draw(t, "addressed") {
			e.Source, _ = netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "source"))
		}
		if rapid.Bool().Draw(t, "media") {
			e.Media, _ = json.Marshal(text.Draw(t, "figures"))
		}
		e.Sanitize()
		return e
	})
}

func TestEventCodecs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := genEvent().Draw(t, "event")
		bin, err := e.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var b, j billing.Event
		if err := b.UnmarshalBinary(bin); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &j); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(e, b, sameAddr); d != "" {
			t.Fatal("binary:", d)
		}
		if d := cmp.Diff(e, j, sameAddr); d != "" {
			t.Fatal("JSON:", d)
		}
		clear(bin)
		if d := cmp.Diff(e, b, sameAddr); d != "" {
			t.Fatal("the event keeps bytes of its encoding:", d)
		}
	})
}

func TestEventVersions(t *testing.T) {
	e := stop()
	bin, err := e.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	bin[0] = 3
	if err := e.UnmarshalBinary(bin); !errors.Is(err, billing.ErrVersion) {
		t.Errorf("binary: %v", err)
	}
	if err := e.UnmarshalBinary(nil); !errors.Is(err, billing.ErrVersion) {
		t.Errorf("nothing: %v", err)
	}
	if err := json.Unmarshal([]byte(`{"v":3,"kind":"stop"}`), &e); !errors.Is(err, billing.ErrVersion) {
		t.Errorf("JSON: %v", err)
	}
	bin[0] = 2
	for cut := 1; cut < len(bin); cut++ {
		if err := e.UnmarshalBinary(bin[:cut]); !errors.Is(err, billing.ErrEvent) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	// The first version had no Refer and no peers: three empty texts less.
	end := len(bin) - 1 - len(stop().Media)
	first := append(append([]byte{1}, bin[1:end-3]...), bin[end:]...)
	var old billing.Event
	if err := old.UnmarshalBinary(first); err != nil || old.ID() != e.ID() {
		t.Errorf("the first version: %v", err)
	}
	if err := e.UnmarshalBinary(append(bin, 0)); !errors.Is(err, billing.ErrEvent) {
		t.Errorf("more than an event: %v", err)
	}
}

func TestSanitize(t *testing.T) {
	long := strings.Repeat("ü", 600)
	for in, want := range map[string]string{
		"plain":      "plain",
		"Zoë":        "Zoë",
		"a\x00\xffb": "a%00%FFb",
		"\x7f":       "%7F",
	} {
		e := billing.Event{CallID: in}
		e.Sanitize()
		if e.CallID != want {
			t.Errorf("%q became %q, want %q", in, e.CallID, want)
		}
	}
	a, b := billing.Event{CallID: long + "a"}, billing.Event{CallID: long + "b"}
	a.Sanitize()
	b.Sanitize()
	if len(a.CallID) > 1024 || a.CallID == b.CallID || a.Key() == b.Key() {
		t.Errorf("two long Call-IDs became %q and %q", a.CallID, b.CallID)
	}
	again := a
	if again.Sanitize(); again.CallID != a.CallID {
		t.Errorf("twice is not once: %q", again.CallID)
	}
	hostile := billing.Event{Kind: billing.EventAttempt, CallID: "\x00", Init: 1, At: 1, Media: json.RawMessage("{"), Source: netip.MustParseAddr("fe80::1%eth0")}
	hostile.Sanitize()
	if err := hostile.Validate(); err != nil {
		t.Error(err)
	}
}

func TestStatusOf(t *testing.T) {
	for code, want := range map[int]string{
		200: "ok", 202: "ok", 486: "busy", 480: "noanswer", 487: "cancel", 408: "timeout", 404: "offline", 403: "other", 603: "other",
	} {
		if got := billing.StatusOf(code).String(); got != want {
			t.Errorf("%d: %s, want %s", code, got, want)
		}
	}
}

func TestMillis(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 7_900_000, time.FixedZone("", 7200))
	m := billing.MillisOf(at)
	if got := m.Time(); !got.Equal(at.Truncate(time.Millisecond)) || got.Location() != time.UTC {
		t.Errorf("%v became %v", at, got)
	}
	if billing.MillisOf(time.Time{}) != 0 || !billing.Millis(0).Time().IsZero() {
		t.Error("no time is 0")
	}
	if billing.Span(1500*time.Millisecond) != 1500 || billing.Millis(1500).Duration() != 1500*time.Millisecond {
		t.Error("spans")
	}
}

func TestCDRJSON(t *testing.T) {
	c := billing.CDR{
		Key: billing.LegKey{1}, Revision: 2, Generation: 1, CallID: "x", Type: billing.CallForwardBusy, Status: billing.StatusOK, Code: 200,
		Init: 1, Start: 2, End: 3, Duration: 1, Flags: billing.FlagEvidence | billing.FlagLate, Evidence: "restart", Source: netip.MustParseAddr("2001:db8::1"),
		Parties: []billing.Party{{Side: billing.SideCallee, Role: billing.RoleCustomer, Account: "c1", Direction: billing.In,
			Amount: billing.NewAmount(-5, eur), Charged: 1000, Tariff: billing.Hash{9}, Explain: json.RawMessage(`{"a":1}`)}},
	}
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back billing.CDR
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c, back, sameAddr, cmpopts.EquateComparable(billing.Amount{})); d != "" {
		t.Error(d)
	}
	for _, want := range []string{`"flags":["evidence","late"]`, `"type":"cfb"`, `"direction":"in"`, `"amount":"-0.000005 EUR"`} {
		if !bytes.Contains(raw, []byte(want)) {
			t.Errorf("%s is not in %s", want, raw)
		}
	}
	if err := json.Unmarshal([]byte(`{"flags":["odd"]}`), &back); err == nil {
		t.Error("an unknown flag was taken")
	}
	if err := json.Unmarshal([]byte(`{"status":""}`), &back); err == nil {
		t.Error("an empty status was taken")
	}
}

func FuzzEvent(f *testing.F) {
	e := stop()
	bin, err := e.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bin)
	f.Add([]byte{1, 2})
	text, _ := json.Marshal(e)
	f.Add(text)
	f.Fuzz(func(t *testing.T, b []byte) {
		var e, again billing.Event
		if e.UnmarshalBinary(b) == nil {
			out, err := e.MarshalBinary()
			if err != nil || !bytes.Equal(out, b) {
				t.Fatalf("% x became % x, %v", b, out, err)
			}
		} else if json.Unmarshal(b, &e) != nil {
			return
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		second, err := json.Marshal(again)
		if err != nil || !bytes.Equal(text, second) {
			t.Fatalf("%s became %s, %v", text, second, err)
		}
	})
}

func BenchmarkEventAppendBinary(b *testing.B) {
	e := stop()
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.AppendBinary(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEventUnmarshalBinary(b *testing.B) {
	e := stop()
	bin, _ := e.MarshalBinary()
	b.ReportAllocs()
	for b.Loop() {
		if err := e.UnmarshalBinary(bin); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKey(b *testing.B) {
	e := stop()
	b.ReportAllocs()
	for b.Loop() {
		e.Key()
	}
}
