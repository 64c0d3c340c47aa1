package panel

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/live"
)

func TestOverview(t *testing.T) {
	s := newSite(t)
	s.admin.get("/").want(http.StatusOK, "Nobody is calling.", "No phone is registered.", "No call is recorded yet.")
	s.busy()
	s.admin.get("/").want(http.StatusOK, "/calls/live?call_id=live-1", "1:05", "sip:phone-0@192.0.2.10", "/calls/1", "busy", "1 call in progress, 2 subscribers registered.")
	s.node.set(func(n *node) { n.err = errDown })
	s.admin.get("/").want(http.StatusOK, "No node answers", "/calls/1")
}

func TestCallPage(t *testing.T) {
	s := newSite(t)
	s.busy()
	a := s.admin.get("/calls/1").want(http.StatusOK,
		"Call from alice to bob", "2026-01-31 10:00:00", "stored-1", "192.0.2.10", "proxy-a", // facts
		"Caller's side: 0.01 EUR", "Charged time 1:00, price 0.01 EUR", "Demo", // price
		"4.21 good", "3.10 poor", "12 (0.4 %)", "300 (10.0 %)", "2.5 ms", "PCMA", // media
		"4 SIP messages between 2 addresses", "INVITE sip:bob@example.com SIP/2.0", "&#43;1.234 s", // signalling
	)
	checkPage(t, "call", a)
	rows := 0
	for n := range a.doc().Descendants() {
		if n.Data == "details" {
			rows++
		}
	}
	arrows := strings.Count(a.body, "<polygon ")
	if rows != 4 || arrows != 4 {
		t.Errorf("%d rows and %d arrows for 4 messages", rows, arrows)
	}
	s.admin.get("/calls/2").want(http.StatusOK, "busy", "486", "cost nothing", "not kept any more")
	s.node.set(func(n *node) { n.err = errDown })
	s.admin.get("/calls/1").want(http.StatusOK, "does not answer", "0.01 EUR")
}

func TestCallWithoutReadableFigures(t *testing.T) {
	s := newSite(t)
	c := s.record("odd", s.now)
	c.Media, c.Parties[0].Explain = json.RawMessage(`{"other":1}`), json.RawMessage(`[]`)
	c.Flags, c.Evidence = billing.FlagEvidence, "media-timeout"
	none := s.record("none", s.now.Add(-time.Second))
	none.Media = nil
	s.keep(c, none)
	s.admin.get("/calls/1").want(http.StatusOK, "&#34;other&#34;: 1", "No explanation was stored.", "media-timeout")
	s.admin.get("/calls/2").want(http.StatusOK, "has reported nothing")
}

func TestCallsOfMoreLegs(t *testing.T) {
	s := newSite(t)
	one, two := s.record("forked", s.now), s.record("forked", s.now)
	two.Leg, two.Key = 1, billing.NewLegKey("forked", "a", 1, billing.CallForward, two.Init)
	s.keep(one, two)
	a := s.admin.get("/calls/1").want(http.StatusOK, "All legs", `href="/calls/2"`)
	checkPage(t, "legs", a)
}

func TestLiveCall(t *testing.T) {
	s := newSite(t)
	s.busy()
	a := s.admin.get("/calls/live?call_id=live-1").want(http.StatusOK, "Call in progress", "talking", "4.21 good", "INVITE", "hx-get")
	checkPage(t, "live", a)
	s.admin.get("/calls/live?part=1&call_id=live-1").want(http.StatusOK, "talking").wantNot("<html", "<h1")
	for _, unknown := range []string{"", "?call_id=", "?call_id=nobody"} {
		s.admin.get("/calls/live" + unknown).want(http.StatusNotFound)
	}
	s.node.set(func(n *node) { n.calls = nil })
	s.admin.get("/calls/live?call_id=live-1").want(http.StatusOK, "This call has ended.", "in a moment")
	s.keep(s.record("live-1", s.now))
	s.admin.get("/calls/live?part=1&call_id=live-1").want(http.StatusOK, "This call has ended.", `href="/calls/3"`)
	s.node.set(func(n *node) { n.err = errDown })
	s.admin.get("/calls/live?call_id=live-1").want(http.StatusServiceUnavailable)
}

func TestCallList(t *testing.T) {
	s := newSite(t)
	s.busy()
	var many []billing.CDR
	for i := range 60 {
		many = append(many, s.record(fmt.Sprintf("many-%d", i), s.now.Add(-time.Duration(i+200)*time.Minute)))
	}
	s.keep(many...)
	for query, want := range map[string]int{
		"": 50, "?status=busy": 1, "?call_id=stored-1": 1, "?call_id=nobody": 0, "?number=%2B1202555": 50, "?subscriber_id=1&status=busy": 1,
		"?from=2026-01-31T10:30": 1, "?from=2026-01-31T09:30&to=2026-01-31T10:30": 1, "?customer_id=9": 0, "?from=yesterday": 0,
	} {
		if got := rows(s.admin.get("/calls" + query).want(http.StatusOK)); got != want {
			t.Errorf("%s lists %d calls, want %d", query, got, want)
		}
	}
	s.admin.get("/calls?from=yesterday").want(http.StatusOK, "Not a time such as", "The search was not understood.")
	next := find(s.admin.get("/calls?status=ok").doc(), func(n *html.Node) bool { return attr(n, "rel") == "next" })
	a := s.admin.get(attr(next, "href")).want(http.StatusOK, "First page")
	if rows(a) != 11 || !strings.Contains(attr(next, "href"), "status=ok") {
		t.Error("second page:", rows(a), attr(next, "href"))
	}
}

func rows(a answer) (n int) {
	for d := range a.doc().Descendants() {
		if d.Data == "a" && strings.HasPrefix(attr(d, "href"), "/calls/") {
			n++
		}
	}
	return n
}

func TestRegistrationsOfOneSubscriber(t *testing.T) {
	s := newSite(t)
	s.busy()
	s.admin.get("/subscribers/1").want(http.StatusOK, "sip:phone-0@").wantNot("sip:phone-1@") // alice@example.com.au
	s.admin.get("/subscribers/1/registrations").want(http.StatusOK, "sip:phone-0@").wantNot("<html")
	s.admin.get("/subscribers/99/registrations").want(http.StatusNotFound)
	s.admin.get("/subscribers/x/registrations").want(http.StatusNotFound)
}

// What phones and people write must come out as text wherever it is shown.
func TestHostileValues(t *testing.T) {
	s := newSite(t)
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`
	sub, err := s.store.Subscribers().Find(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	sub.DisplayName = evil
	if _, err = s.store.Subscribers().Update(t.Context(), sub); err != nil {
		t.Fatal(err)
	}
	c := s.record(evil, s.now)
	c.Caller.User, c.Callee.User, c.Callee.Dialled, c.Node, c.Evidence, c.Parties[0].Zone = evil, evil, evil, evil, evil, evil
	c.Caller.Subscriber, c.Parties[0].Account, c.Media = "", evil, json.RawMessage(`{"x":"</pre><script>alert(1)</script>"}`)
	s.keep(c)
	s.node.set(func(n *node) {
		n.calls = []live.Call{{CallID: evil, Caller: evil, Callee: evil, Node: evil, Invited: s.now}}
		n.regs = []live.Registration{{AoR: sub.AoR(), Contact: evil, UserAgent: evil, Source: evil, Transport: evil, Expires: s.now}}
		n.ladder[evil] = []live.Message{{At: s.now, From: evil, To: "b", Protocol: evil, Node: evil, Data: evil + "\r\n\r\n" + evil}, {At: s.now, From: "b", To: evil, Data: ""}}
		n.media[evil] = c.Media
	})
	running := find(s.admin.get("/").doc(), func(n *html.Node) bool { return strings.HasPrefix(attr(n, "href"), "/calls/live") })
	paths := []string{"/", "/calls", "/calls/1", "/subscribers", "/subscribers/1", "/subscribers/1/delete", attr(running, "href"), "/calls?number=" + `%22%3E%3Cscript%3E`, "/subscribers?username=%22%3E%3Cscript%3E"}
	for _, path := range paths {
		a := s.admin.get(path).want(http.StatusOK).wantNot("<script>", "<img", "onerror=alert(1)>")
		checkPage(t, path, a)
	}
}

func TestLadderIsBounded(t *testing.T) {
	var many []live.Message
	for i := range maxMessages + 7 {
		many = append(many, live.Message{From: "a", To: "b", Data: fmt.Sprintf("SIP/2.0 %d Wörter über Wörter über Wörter über Wörter\r\nCSeq: 1 INVITE\r\n\r\n", 100+i%600)})
	}
	l := drawLadder(many)
	if len(l.Rows) != maxMessages || l.Left != 7 || len(l.Lanes) != 2 {
		t.Error(len(l.Rows), l.Left, len(l.Lanes))
	}
	if drawLadder(nil).Rows != nil {
		t.Error("messages out of nothing")
	}
	for _, r := range l.Rows {
		if r.Y > l.Bottom || r.X1 > l.Width || r.X2 > l.Width {
			t.Fatal("an arrow outside of the drawing")
		}
	}
}
