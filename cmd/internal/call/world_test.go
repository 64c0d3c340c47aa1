package call

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/registrar/memstore"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

var (
	t0       = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	selfAddr = netip.MustParseAddrPort("127.0.0.1:5064")
	edgeAddr = netip.MustParseAddrPort("127.0.0.1:5062")
	phone    = netip.MustParseAddrPort("192.0.2.10:5060")
)

// fakes are what a core is joined to. They are set up before and read after.
type fakes struct {
	down   error // what the directory and the credentials answer
	users  map[string]*directory.Profile
	events []billing.Event
	full   error // what the recorder says to new calls

	offers, answers []string // what the relay was told
	asOffered       []relay.OfferRequest
	asAnswered      []relay.AnswerRequest
	early           []bool // of the answers
	begun           map[string]bool
	deleted         map[string]int
	live            map[string]bool
	mediaErr        map[string]error // by step
}

func (f *fakes) LocalDomain(_ context.Context, domain string) (bool, error) {
	return domain == "example.com", f.down
}

func (f *fakes) Subscriber(_ context.Context, user, domain string) (*directory.Profile, error) {
	p, ok := f.users[user]
	switch {
	case f.down != nil:
		return nil, f.down
	case !ok || domain != "example.com":
		return nil, directory.ErrNotFound
	}
	return p, nil
}

func (f *fakes) Destination(_ context.Context, user, number, _ string) (routing.Destination, error) {
	if f.down != nil {
		return routing.Destination{}, f.down
	}
	if user == "9999" {
		return routing.Destination{Application: "announce"}, nil
	}
	for name, p := range f.users {
		if name == user || slices.Contains(p.Numbers, number) && number != "" {
			return routing.Destination{Subscriber: &routing.Subscriber{
				Username: p.Username, Domain: p.Domain, Number: p.Number(), Locked: p.Locked,
			}}, nil
		}
	}
	return routing.Destination{}, routing.ErrNotFound
}

func (f *fakes) HA1(_ context.Context, dst, user []byte, realm string, a digest.Algorithm) ([]byte, error) {
	switch {
	case f.down != nil:
		return dst, f.down
	case f.users[string(user)] == nil:
		return dst, digest.ErrUnknownUser
	}
	return append(dst, digest.HA1(a, string(user), realm, "secret of "+string(user))...), nil
}

func (f *fakes) Record(_ context.Context, e *billing.Event) error {
	f.events = append(f.events, *e)
	return nil
}
func (f *fakes) Note(e *billing.Event) { f.events = append(f.events, *e) }
func (f *fakes) Ready() error          { return f.full }

func (f *fakes) Offer(_ context.Context, r relay.OfferRequest) ([]byte, error) {
	if err := f.mediaErr["offer"]; err != nil {
		return nil, err
	}
	f.live[r.CallID], f.begun[r.CallID] = true, true
	f.asOffered = append(f.asOffered, r)
	f.offers = append(f.offers, fmt.Sprintf("%s>%s %s from %v", r.FromTag, r.ToTag, r.SDP, r.Source))
	return append([]byte("relayed "+r.ViaBranch), r.SDP...), nil
}

func (f *fakes) Answer(_ context.Context, r relay.AnswerRequest) ([]byte, error) {
	if err := f.mediaErr["answer"]; err != nil {
		return nil, err
	}
	if !f.live[r.CallID] {
		return nil, relay.ErrUnknownCall
	}
	f.asAnswered = append(f.asAnswered, r)
	f.answers = append(f.answers, fmt.Sprintf("%s<%s %s from %v", r.FromTag, r.ToTag, r.SDP, r.Source))
	f.early = append(f.early, r.Early)
	return append([]byte("relayed "), r.SDP...), nil
}

func (f *fakes) Delete(_ context.Context, r relay.DeleteRequest) (relay.Report, error) {
	if !f.live[r.CallID] {
		return relay.Report{}, relay.ErrUnknownCall
	}
	delete(f.live, r.CallID)
	f.deleted[r.CallID]++
	return relay.Report{CallID: r.CallID}, nil
}

// kinds are the events so far, without the proof that a call was alive at its
// end, which is written while a relay elsewhere is asked for the figures.
func (w *world) kinds() string {
	w.settle()
	var list []string
	for i, e := range w.events {
		next := slices.IndexFunc(w.events[i+1:], func(n billing.Event) bool { return n.CallID == e.CallID && n.Leg == e.Leg })
		if w.core.Beside != nil && e.Kind == billing.EventInterim && next >= 0 && w.events[i+1+next].Kind == billing.EventStop {
			continue
		}
		s := e.Kind.String()
		if e.Kind == billing.EventFail {
			s += fmt.Sprint(e.Code)
		}
		if e.Evidence != "" {
			s += "(" + e.Evidence + ")"
		}
		list = append(list, s)
	}
	return strings.Join(list, " ")
}

// sent is a message that the core sent.
type sent struct {
	wire.Message
	to transport.Flow
}

// world is a core with its fakes and a clock.
type world struct {
	*fakes
	t     testing.TB
	core  *Core
	now   time.Time
	out   []*sent
	all   []byte // everything sent
	view  wire.Message
	count int
	login map[string]*digest.Client
	lost  func() bool // drops what is sent
	over  string      // transport of the phones, UDP when empty

	asked []errand // of a relay elsewhere, not answered yet
	slow  bool     // it answers when the test says so
}

// errand is a question that waits beside the shard.
type errand struct {
	callID string
	work   func(context.Context)
	done   func(time.Time)
}

// elsewhere runs all tests of the package with a relay that is asked beside the
// shard and answers when what asked it is through.
var elsewhere = flag.Bool("elsewhere", false, "the relay is not in the process")

func TestElsewhere(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), exe, "-elsewhere", "-test.failfast", "-test.skip=^TestElsewhere$").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func newWorld(t testing.TB) *world {
	f := &fakes{users: map[string]*directory.Profile{}, begun: map[string]bool{}, deleted: map[string]int{}, live: map[string]bool{}, mediaErr: map[string]error{}}
	for i, name := range []string{"alice", "bob", "carol"} {
		f.users[name] = &directory.Profile{
			SubscriberID: int64(i + 1), CustomerID: int64(i + 101), Username: name, Domain: "example.com", Numbers: []string{fmt.Sprint(4930100 + i)},
		}
	}
	w := &world{fakes: f, t: t, now: t0, login: map[string]*digest.Client{}}
	store := memstore.New()
	reg, err := registrar.New(registrar.Config{ReplaceOldest: true}, store)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := digest.NewServer(digest.Config{Keys: digest.RandomKeys(), Credentials: f, Algorithms: []digest.Algorithm{digest.MD5}}, t0)
	if err != nil {
		t.Fatal(err)
	}
	flow := transport.Flow{Protocol: transport.UDP, Local: selfAddr}
	w.core = New(&Shared{
		Node: "test", Self: selfAddr, Edge: w.edge, Resolve: proxy.Numeric(flow),
		Registrar: reg, Bindings: store, Digest: auth, Directory: f, Router: routing.New(f),
		Apps: map[string]string{"announce": "sip:announce@127.0.0.1:5066"}, Media: f, Events: f, Calls: &dialog.Registry{},
		Sign:   func(dst, id, callID []byte) []byte { return fmt.Appendf(dst, "%x", string(id)+string(callID)) },
		Verify: func(sig, id, callID []byte) bool { return string(sig) == fmt.Sprintf("%x", string(id)+string(callID)) },
		Log:    slog.New(asked{t: t}), Stats: NewStats(),
	}, w.capture)
	if *elsewhere {
		w.besides()
	}
	return w
}

// asked is a log that has the test fail when a description was to pass for which
// the relay was not asked before.
type asked struct {
	slog.Handler
	t testing.TB
}

func (asked) Enabled(context.Context, slog.Level) bool { return true }

func (h asked) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok && errors.Is(err, errNotAsked) {
			h.t.Errorf("%s: %v", r.Message, err)
		}
		return true
	})
	return nil
}

// besides has the relay asked beside the shard.
func (w *world) besides() {
	w.core.Beside = func(callID string, work func(context.Context), done func(time.Time)) {
		w.asked = append(w.asked, errand{callID, work, done})
	}
}

// settle has the relay answer what it was asked.
func (w *world) settle() {
	for !w.slow && len(w.asked) > 0 {
		w.reply(0)
	}
}

// reply has the relay answer one question.
func (w *world) reply(i int) {
	q := w.asked[i]
	w.asked = slices.Delete(w.asked, i, i+1)
	q.work(context.Background())
	q.done(w.now)
}

func (w *world) edge(_ *wire.Message, from transport.Flow) (Source, error) {
	if from.Remote != edgeAddr {
		return Source{}, errors.New("not an edge")
	}
	return Source{Addr: phone, Transport: cmp.Or(w.over, "UDP"), Edge: "edge"}, nil
}

func (w *world) capture(to transport.Flow, b []byte) error {
	w.all = append(w.all, b...)
	if w.lost != nil && w.lost() {
		return nil
	}
	s := &sent{to: to}
	if err := s.Parse(bytes.Clone(b), nil); err != nil {
		w.t.Fatalf("sent what cannot be read: %v\n%s", err, b)
	}
	w.out = append(w.out, s)
	return nil
}

// receive gives a message to the core, as from the edge.
func (w *world) receive(text string) { w.receiveFrom(text, edgeAddr) }

func (w *world) receiveFrom(text string, remote netip.AddrPort) {
	w.t.Helper()
	if err := w.view.Parse([]byte(text), nil); err != nil {
		w.t.Fatalf("%v\n%s", err, text)
	}
	w.core.Receive(w.now, &w.view, transport.Flow{Protocol: transport.UDP, Local: selfAddr, Remote: remote})
	clear(w.view.Bytes()) // it was lent
	w.settle()
}

// take returns what was sent since the last time.
func (w *world) take() []*sent {
	w.settle()
	out := w.out
	w.out = nil
	return out
}

// lines are what was sent, in short.
func (w *world) lines() string {
	var list []string
	for _, s := range w.take() {
		_, method := s.CSeq()
		line := fmt.Sprintf("%d %s", s.Status(), method)
		if s.IsRequest() {
			line = fmt.Sprintf("%s %s", s.MethodName(), s.RequestURI())
		}
		list = append(list, line)
	}
	return strings.Join(list, ", ")
}

// find returns the first request of a method, or the response of a status.
func find(t testing.TB, list []*sent, method wire.Method, status int) *sent {
	t.Helper()
	for _, s := range list {
		if s.IsRequest() && s.Method() == method || !s.IsRequest() && status != 0 && s.Status() == status {
			return s
		}
	}
	t.Fatalf("neither %v nor %d was sent: %d messages", method, status, len(list))
	return nil
}

func (w *world) advance(d time.Duration) {
	end := w.now.Add(d)
	for range 100_000 {
		next, ok := w.core.Advance(w.now)
		w.settle()
		if !ok || next.After(end) {
			w.now = end
			w.core.Advance(end)
			w.settle()
			return
		}
		if next.After(w.now) {
			w.now = next
		}
	}
	w.t.Fatal("the core never rests")
}

// request composes a request. Fields are further header lines.
type request struct {
	method, uri      string
	from, to         string // with tags
	callID           string
	cseq             int
	body             string
	fields           []string
	branch, forwards string
}

func (w *world) compose(r request) string {
	w.count++
	if r.branch == "" {
		r.branch = fmt.Sprint("z9hG4bKt", w.count)
	}
	if r.forwards == "" {
		r.forwards = "69"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s\r\nVia: SIP/2.0/UDP %s;branch=%sc\r\nMax-Forwards: %s\r\n",
		r.method, r.uri, edgeAddr, r.branch, phone, r.branch, r.forwards)
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nP-Edge: secret\r\n", r.from, r.to, r.callID, r.cseq, r.method)
	for _, f := range r.fields {
		b.WriteString(f + "\r\n")
	}
	if r.body != "" && !strings.Contains(strings.Join(r.fields, "\n"), "Content-Type") {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.body), r.body)
	return b.String()
}

// authorised sends a request until it has credentials, and returns what came of it.
func (w *world) authorised(user string, r request) []*sent {
	w.t.Helper()
	for range 2 {
		field := "Proxy-Authorization: "
		if r.method == "REGISTER" {
			field = "Authorization: "
		}
		again := r
		if c := w.login[user]; c != nil && c.Ready() {
			again.fields = append(slices.Clone(r.fields), field+string(c.AppendAuthorization(nil, r.method, []byte(r.uri), nil)))
		}
		again.branch = fmt.Sprint("z9hG4bKa", r.callID, w.count)
		w.receive(w.compose(again))
		out := w.take()
		if len(out) == 0 || out[0].Status() != 401 && out[0].Status() != 407 {
			return out
		}
		if r.method == "INVITE" {
			ack := again
			ack.method, ack.body, ack.to = "ACK", "", header(out[0], wire.HdrTo)
			w.receive(w.compose(ack))
		}
		w.login[user] = &digest.Client{User: user, Password: "secret of " + user}
		if _, err := w.login[user].Challenged(&out[0].Message); err != nil {
			return out
		}
		r.cseq++
	}
	w.t.Fatalf("%s was not let in", user)
	return nil
}

func header(s *sent, id wire.HeaderID) string {
	h, _ := s.First(id)
	return string(h.Value)
}

// register binds a contact of a user and returns the status.
func (w *world) register(user, contact string, fields ...string) *sent {
	w.t.Helper()
	w.count++
	out := w.authorised(user, request{
		method: "REGISTER", uri: "sip:example.com", from: "<sip:" + user + "@example.com>;tag=r", to: "<sip:" + user + "@example.com>",
		callID: fmt.Sprint("reg-", user, contact), cseq: w.count * 10,
		fields: append([]string{"Contact: <" + contact + ">;expires=3600", "Path: <sip:flow1@" + edgeAddr.String() + ";lr>", "Supported: path"}, fields...),
	})
	return out[0]
}

const alice = "<sip:alice@example.com>;tag=a"

// dial sends alice's INVITE and returns what was forwarded.
func (w *world) dial(callID, to, body string, fields ...string) []*sent {
	w.t.Helper()
	return w.authorised("alice", request{
		method: "INVITE", uri: "sip:" + to + "@example.com", from: alice, to: "<sip:" + to + "@example.com>", callID: callID, cseq: 1, body: body,
		fields: append([]string{"Contact: <sip:alice@" + phone.String() + ">", "Record-Route: <sip:a@" + edgeAddr.String() + ";lr>"}, fields...),
	})
}

// answer responds to a request that was sent to a phone.
func (w *world) answer(to *sent, status int, tag, body string, fields ...wire.Field) {
	w.t.Helper()
	fields = append([]wire.Field{{ID: wire.HdrContact, Value: []byte("<sip:" + tag + "@192.0.2.20:5070>")}}, fields...)
	if body != "" {
		fields = append(fields, wire.Body("application/sdp", []byte(body)))
	}
	b, err := wire.AppendResponse(nil, &to.Message, status, "", tag, fields...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.receive(string(b))
}

// route is our own Record-Route in a message that was sent.
func route(t testing.TB, s *sent) string {
	t.Helper()
	for v := s.Values(wire.HdrRecordRoute); v.Next(); {
		if bytes.Contains(v.Value(), []byte(";did=")) {
			return "Route: " + string(v.Value())
		}
	}
	t.Fatalf("no Record-Route of ours in\n%s", s.Bytes())
	return ""
}

// talk is a call that was answered.
type talk struct {
	w             *world
	callID, route string
	cseq          int
	inv, ok       *sent // of a call through the B2BUA, whose dialogs have tags of ours
}

// call makes an answered call from alice to bob, whose tag is b.
func (w *world) call(callID string) *talk {
	w.t.Helper()
	inv := find(w.t, w.dial(callID, "bob", "offer"), wire.INVITE, 0)
	w.answer(inv, 200, "b", "answer")
	x := &talk{w: w, callID: callID, cseq: 100}
	x.route = route(w.t, find(w.t, w.take(), 0, 200))
	x.ack("b", 2, "")
	w.take()
	return x
}

func (x *talk) ack(tag string, cseq int, body string) {
	x.w.t.Helper()
	x.w.receive(x.w.compose(request{
		method: "ACK", uri: "sip:" + tag + "@192.0.2.20:5070", from: alice, to: "<sip:bob@example.com>;tag=" + tag,
		callID: x.callID, cseq: cseq, body: body, fields: []string{x.route},
	}))
}

// caller sends a request of alice in the dialog, callee one of bob.
func (x *talk) caller(method, body string, fields ...string) {
	x.w.t.Helper()
	x.cseq++
	to := "<sip:bob@example.com>;tag=b"
	if x.ok != nil {
		to = header(x.ok, wire.HdrTo)
	}
	x.w.receive(x.w.compose(request{
		method: method, uri: "sip:b@192.0.2.20:5070", from: alice, to: to, callID: x.callID, cseq: x.cseq, body: body,
		fields: append([]string{x.route, "Contact: <sip:alice@" + phone.String() + ">"}, fields...),
	}))
}

func (x *talk) callee(method, body string, fields ...string) {
	x.w.t.Helper()
	x.cseq++
	to := alice
	if x.inv != nil {
		to = header(x.inv, wire.HdrFrom)
	}
	x.w.receive(x.w.compose(request{
		method: method, uri: "sip:alice@" + phone.String(), from: "<sip:bob@example.com>;tag=b", to: to, callID: x.callID, cseq: x.cseq, body: body,
		fields: append([]string{x.route, "Route: <sip:a@" + edgeAddr.String() + ";lr>", "Contact: <sip:b@192.0.2.20:5070>"}, fields...),
	}))
}

// ended checks that nothing is left of any call.
func (w *world) ended() {
	w.t.Helper()
	w.settle()
	if len(w.asked) > 0 || w.core.Busy() {
		w.t.Errorf("%d questions are not answered", len(w.asked))
	}
	if n := w.core.calls.Len(); n != 0 {
		w.t.Errorf("%d records left", n)
	}
	if n := w.core.Calls.Len(); n != 0 {
		w.t.Errorf("%d calls shown", n)
	}
	if len(w.live) != 0 {
		w.t.Errorf("%d media sessions left", len(w.live))
	}
	for id, n := range w.deleted {
		if n != 1 {
			w.t.Errorf("media of %s deleted %d times", id, n)
		}
	}
}
