package dialog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/sip/wire"
)

var t0 = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// parse reads a message written with plain line ends.
func parse(t interface{ Fatalf(string, ...any) }, text string) *wire.Message {
	m := new(wire.Message)
	text = strings.ReplaceAll(strings.TrimLeft(text, "\n"), "\n", "\r\n")
	if !strings.HasSuffix(text, "\r\n\r\n") {
		text += "\r\n"
	}
	if err := m.Parse([]byte(text), nil); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return m
}

const invite = `
INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1
Record-Route: <sip:lb-in.example.com;r2;lr>
Record-Route: <sip:tok@lb-out.example.com;r2;lr>
Max-Forwards: 69
From: Alice <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-1
CSeq: 7 INVITE
Contact: <sip:alice@192.0.2.9>
Content-Length: 0
`

func response(status int, cseq, tag, extra string) string {
	return fmt.Sprintf(`
SIP/2.0 %d Word
Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1
From: Alice <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>;tag=%s
Call-ID: call-1
CSeq: %s
Contact: <sip:bob@192.0.2.77:5070>
%sContent-Length: 0
`, status, tag, cseq, extra)
}

// request inside the dialog: from the caller when fromTag is a1.
func request(method string, cseq int, fromTag, toTag, extra string) string {
	return fmt.Sprintf(`
%s sip:x@192.0.2.77 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK%d
Max-Forwards: 69
From: <sip:f@example.com>;tag=%s
To: <sip:t@example.com>;tag=%s
Call-ID: call-1
CSeq: %d %s
%sContent-Length: 0
`, method, cseq, fromTag, toTag, cseq, method, extra)
}

type recorder struct{ opened, closed []*Record }

func (o *recorder) Opened(r *Record) { o.opened = append(o.opened, r) }
func (o *recorder) Closed(r *Record) { o.closed = append(o.closed, r) }

const self = "sip:192.0.2.50:5062;lr;did=d1"

func begin(t *testing.T, cfg Config) (*Tracker, *Record, *recorder) {
	t.Helper()
	o := &recorder{}
	cfg.Observer = o
	tr := New(cfg)
	r, err := tr.Begin(t0, "d1", self, parse(t, invite), "facts")
	if err != nil {
		t.Fatal(err)
	}
	return tr, r, o
}

const beyond = "Record-Route: <sip:lb2-out;r2;lr>\nRecord-Route: <sip:lb2-in;r2;lr>\nRecord-Route: <" + self + ">\nRecord-Route: <sip:lb-in.example.com;r2;lr>\n"

func TestAnsweredAndEnded(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		by             Side
	}{{"caller", "a1", "b1", Caller}, {"callee", "b1", "a1", Callee}} {
		tr, r, o := begin(t, Config{})
		tr.Response(t0.Add(time.Second), r, parse(t, response(180, "7 INVITE", "b1", "")))
		tr.Response(t0.Add(3*time.Second), r, parse(t, response(200, "7 INVITE", "b1", beyond)))
		tr.Response(t0.Add(4*time.Second), r, parse(t, response(200, "7 INVITE", "b1", beyond)))
		if len(o.opened) != 1 || r.State != Confirmed || !r.Ringing.Equal(t0.Add(time.Second)) {
			t.Fatalf("%s: opened %d times, %+v", c.name, len(o.opened), r)
		}
		bye := parse(t, request("BYE", 20, c.from, c.to, ""))
		if _, side, ok := tr.Request(t0.Add(63*time.Second), bye); !ok || side != c.by {
			t.Fatalf("%s: BYE not taken", c.name)
		}
		if _, _, ok := tr.Request(t0.Add(64*time.Second), bye); ok {
			t.Errorf("%s: a repeated BYE was taken", c.name)
		}
		tr.End(t0.Add(65*time.Second), r, CauseShutdown)
		if len(o.closed) != 1 || r.Cause != CauseBye || r.EndedBy != c.by || r.Duration(t0) != 60*time.Second {
			t.Errorf("%s: closed %d times, cause %v by %v, %v", c.name, len(o.closed), r.Cause, r.EndedBy, r.Duration(t0))
		}
		if tr.Len() != 0 || len(tr.due) != 0 {
			t.Errorf("%s: %d calls, %d deadlines left", c.name, tr.Len(), len(tr.due))
		}
	}
}

func TestUnanswered(t *testing.T) {
	for status, cause := range map[int]Cause{486: CauseRefused, 302: CauseRefused, 487: CauseCancelled, 603: CauseRefused} {
		tr, r, o := begin(t, Config{})
		tr.Response(t0, r, parse(t, response(100, "7 INVITE", "b1", "")))
		tr.Response(t0, r, parse(t, response(status, "7 INVITE", "b1", "")))
		tr.Response(t0, r, parse(t, response(200, "7 INVITE", "b1", "")))
		if len(o.opened) != 0 || len(o.closed) != 1 || r.Cause != cause || r.Status != status || tr.Len() != 0 {
			t.Errorf("%d: opened %d, closed %d, %v", status, len(o.opened), len(o.closed), r.Cause)
		}
	}
}

// TestTwoAnswers: both branches of a fork answer; the call lasts until both
// dialogs are gone.
func TestTwoAnswers(t *testing.T) {
	tr, r, o := begin(t, Config{})
	tr.Response(t0, r, parse(t, response(200, "7 INVITE", "b1", "")))
	tr.Response(t0.Add(time.Second), r, parse(t, response(200, "7 INVITE", "b2", "")))
	tr.Request(t0.Add(2*time.Second), parse(t, request("BYE", 8, "a1", "b1", "")))
	if len(o.closed) != 0 {
		t.Fatal("closed while the second dialog lives")
	}
	tr.Request(t0.Add(9*time.Second), parse(t, request("BYE", 9, "a1", "b2", "")))
	if len(o.opened) != 1 || len(o.closed) != 1 || r.Duration(t0) != 9*time.Second {
		t.Errorf("opened %d, closed %d, %v", len(o.opened), len(o.closed), r.Duration(t0))
	}
}

func TestForgedByeChangesNothing(t *testing.T) {
	tr, r, o := begin(t, Config{})
	tr.Response(t0, r, parse(t, response(200, "7 INVITE", "b1", "")))
	for _, tags := range [][2]string{{"a1", "zz"}, {"zz", "a1"}, {"b1", "zz"}, {"zz", "yy"}} {
		if _, _, ok := tr.Request(t0, parse(t, request("BYE", 99, tags[0], tags[1], ""))); ok {
			t.Errorf("BYE with tags %v was taken", tags)
		}
	}
	if len(o.closed) != 0 {
		t.Error("the call was ended by a forged BYE")
	}
}

func TestSessionTimer(t *testing.T) {
	tr, r, o := begin(t, Config{MaxDuration: -1})
	tr.Response(t0, r, parse(t, response(200, "7 INVITE", "b1", "Session-Expires: 90;refresher=uac\n")))
	if _, next, ok := tr.Advance(t0, nil); !ok || !next.Equal(t0.Add(90*time.Second)) {
		t.Fatalf("deadline %v, %v", next, ok)
	}
	// A refresh by the callee's UPDATE moves it.
	up := parse(t, request("UPDATE", 3, "b1", "a1", "Contact: <sip:bob@192.0.2.78>\n"))
	tr.Request(t0.Add(60*time.Second), up)
	ok := strings.Replace(response(200, "3 UPDATE", "a1", "x: 1800\n"), ";tag=a1\nTo", ";tag=b1\nTo", 1)
	tr.InDialogResponse(t0.Add(60*time.Second), up, parse(t, ok))
	if r.Session != 1800*time.Second || r.Legs[Callee].Target != "sip:bob@192.0.2.78" {
		t.Fatalf("refresh not taken: %+v", r)
	}
	expired, _, _ := tr.Advance(t0.Add(1859*time.Second), nil)
	if len(expired) != 0 {
		t.Fatal("expired too early")
	}
	expired, _, more := tr.Advance(t0.Add(1860*time.Second), nil)
	if len(expired) != 1 || more || len(o.closed) != 1 || r.Cause != CauseSessionExpired {
		t.Errorf("expired %d, closed %d, %v", len(expired), len(o.closed), r.Cause)
	}
}

func TestMaxDuration(t *testing.T) {
	tr, r, _ := begin(t, Config{MaxDuration: time.Hour})
	tr.Response(t0, r, parse(t, response(200, "7 INVITE", "b1", "Session-Expires: 7200\n")))
	if expired, _, _ := tr.Advance(t0.Add(time.Hour), nil); len(expired) != 1 || r.Cause != CauseMaxDuration {
		t.Errorf("cause %v", r.Cause)
	}
}

func TestByeBothWays(t *testing.T) {
	tr, r, _ := begin(t, Config{})
	if _, err := r.AppendBye(nil, Caller, "SIP/2.0/UDP p;branch=z9hG4bKx", ""); err == nil {
		t.Error("BYE of an early dialog")
	}
	tr.Response(t0, r, parse(t, response(200, "7 INVITE", "b1", beyond)))
	b, err := r.AppendBye(nil, Callee, "SIP/2.0/UDP p;branch=z9hG4bKx", `SIP;cause=408;text="no media"`)
	if err != nil {
		t.Fatal(err)
	}
	m := new(wire.Message)
	if err := m.Parse(b, nil); err != nil {
		t.Fatal(err)
	}
	var routes []string
	for v := m.Values(wire.HdrRoute); v.Next(); {
		routes = append(routes, string(v.Value()))
	}
	n, _ := m.CSeq()
	if got := strings.Join(routes, " "); got != "<sip:lb2-in;r2;lr> <sip:lb2-out;r2;lr>" || n != 8 ||
		string(m.RequestURI()) != "sip:bob@192.0.2.77:5070" || string(m.FromTag()) != "a1" || string(m.ToTag()) != "b1" {
		t.Errorf("towards the callee:\n%s", b)
	}
	b, err = r.AppendBye(nil, Caller, "SIP/2.0/UDP p;branch=z9hG4bKy", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Parse(b, nil); err != nil {
		t.Fatal(err)
	}
	first, _ := m.First(wire.HdrRoute)
	if string(first.Value) != "<sip:lb-in.example.com;r2;lr>" || string(m.FromTag()) != "b1" || string(m.RequestURI()) != "sip:alice@192.0.2.9" {
		t.Errorf("towards the caller:\n%s", b)
	}
}

func TestLimits(t *testing.T) {
	tr, _, _ := begin(t, Config{MaxCalls: 1})
	if _, err := tr.Begin(t0, "d2", self, parse(t, invite), nil); err != ErrExists {
		t.Errorf("same call: %v", err)
	}
	other := strings.Replace(invite, "call-1", "call-2", 1)
	if _, err := tr.Begin(t0, "d2", self, parse(t, other), nil); err != ErrFull {
		t.Errorf("one too many: %v", err)
	}
}

// TestAnyOrder: whatever comes in whatever order, a record is opened at most
// once, closed at most once, never closed before it is opened when it was
// answered, and nothing is left when it is over.
func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := &recorder{}
		tr := New(Config{Observer: o})
		r, err := tr.Begin(t0, "d", self, parse(t, invite), nil)
		if err != nil {
			t.Fatal(err)
		}
		now := t0
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "wait")) * time.Second)
			tag := rapid.SampledFrom([]string{"b1", "b2"}).Draw(t, "tag")
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				tr.Response(now, r, parse(t, response(180, "7 INVITE", tag, "")))
			case 1:
				tr.Response(now, r, parse(t, response(200, "7 INVITE", tag, "Session-Expires: 1800\n")))
			case 2:
				tr.Response(now, r, parse(t, response(486, "7 INVITE", tag, "")))
			case 3:
				tr.Request(now, parse(t, request("BYE", 8, "a1", tag, "")))
			case 4:
				tr.Request(now, parse(t, request("BYE", 8, tag, "a1", "")))
			case 5:
				tr.Advance(now, nil)
			}
		}
		tr.End(now, r, CauseShutdown)
		if len(o.closed) != 1 || len(o.opened) > 1 || (len(o.opened) == 1) == r.Answered.IsZero() {
			t.Fatalf("opened %d, closed %d", len(o.opened), len(o.closed))
		}
		if tr.Len() != 0 || len(tr.due) != 0 || r.Duration(now) < 0 {
			t.Fatalf("%d calls, %d deadlines left", tr.Len(), len(tr.due))
		}
	})
}

func TestRegistry(t *testing.T) {
	var g Registry
	g.Put(Call{ID: "1", Invited: t0})
	g.Put(Call{ID: "2", Invited: t0.Add(time.Second)})
	before := g.Version()
	g.Put(Call{ID: "1", Invited: t0, State: "confirmed"})
	if g.Version() == before || g.Len() != 2 {
		t.Error("an update is not a change, or made a call")
	}
	if l := g.List(1); len(l) != 1 || l[0].ID != "2" {
		t.Errorf("%+v", l)
	}
	g.Remove("2")
	if l := g.List(0); len(l) != 1 || l[0].State != "confirmed" {
		t.Errorf("%+v", l)
	}
}
