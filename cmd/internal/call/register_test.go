package call

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/wire"
)

func TestRegister(t *testing.T) {
	w := newWorld(t)
	ok := w.register("bob", "sip:bob@192.0.2.20:5070")
	if ok.Status() != 200 || header(ok, wire.HdrPEdgeResult) != "auth=ok;user=bob@example.com;class=register" {
		t.Errorf("%d\n%s", ok.Status(), ok.Bytes())
	}
	if w.core.Stats.Changes.Load() != 1 {
		t.Error("no change told")
	}
	list, err := w.core.Bindings.Lookup(context.Background(), nil, "bob@example.com", w.now)
	if err != nil || len(list) != 1 || list[0].Source != phone || list[0].Edge != "edge" || list[0].Transport != "UDP" {
		t.Errorf("%+v %v", list, err)
	}
	if strings.Contains(string(w.all), "secret of") {
		t.Error("a password was sent")
	}
}

// broken is a location store that does not answer.
type broken struct{}

var errBroken = errors.New("broken")

func (broken) Update(context.Context, string, time.Time, func([]registrar.Binding) ([]registrar.Binding, error)) error {
	return errBroken
}

func (broken) Lookup(_ context.Context, dst []registrar.Binding, _ string, _ time.Time) ([]registrar.Binding, error) {
	return dst, errBroken
}
func (broken) Len(context.Context, time.Time) (int, error) { return 0, errBroken }
func (broken) All(context.Context, time.Time) iter.Seq2[registrar.Record, error] {
	return func(yield func(registrar.Record, error) bool) { yield(registrar.Record{}, errBroken) }
}

func TestRegisterRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		setup  func(w *world)
		to     string
		user   string // with whose credentials
		secret string
		status int
		told   string // to the edge
	}{
		{name: "no credentials", to: "sip:bob@example.com", status: 401},
		{name: "wrong password", to: "sip:bob@example.com", user: "bob", secret: "guess", status: 401, told: "auth=fail;user=bob@example.com;nonce=own;class=register"},
		{name: "unknown user", to: "sip:eve@example.com", user: "eve", secret: "guess", status: 401, told: "auth=fail;user=eve@example.com;nonce=own;class=register"},
		{name: "somebody else", to: "sip:bob@example.com", user: "carol", status: 403},
		{name: "foreign domain", to: "sip:bob@example.net", status: 404},
		{name: "no user", to: "sip:example.com", status: 400},
		{name: "no SIP address", to: "tel:+4930", status: 400},
		{name: "locked", to: "sip:bob@example.com", user: "bob", setup: func(w *world) { w.users["bob"].Locked = true }, status: 403},
		{name: "directory down", to: "sip:bob@example.com", user: "bob", setup: func(w *world) { w.down = errors.New("down") }, status: 503},
		{name: "store down", to: "sip:bob@example.com", user: "bob", setup: func(w *world) {
			reg, err := registrar.New(registrar.Config{}, broken{})
			if err != nil {
				t.Fatal(err)
			}
			w.core.Registrar, w.core.Bindings = reg, broken{}
		}, status: 503, told: "auth=ok;user=bob@example.com;class=register"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			r := request{
				method: "REGISTER", uri: "sip:example.com", from: "<" + c.to + ">;tag=r", to: "<" + c.to + ">", callID: "r", cseq: 1,
				fields: []string{"Contact: <sip:bob@192.0.2.20>;expires=60"},
			}
			w.receive(w.compose(r))
			out := w.take()
			if c.user != "" {
				if c.secret == "" {
					c.secret = "secret of " + c.user
				}
				login := digest.Client{User: c.user, Password: c.secret}
				value, err := login.Challenged(&out[0].Message)
				if err != nil {
					t.Fatal(err, value)
				}
				if c.setup != nil {
					c.setup(w)
				}
				r.cseq++
				r.fields = append(r.fields, "Authorization: "+string(login.AppendAuthorization(nil, "REGISTER", []byte(r.uri), nil)))
				w.receive(w.compose(r))
				out = w.take()
			}
			got := find(t, out, 0, c.status)
			if told := header(got, wire.HdrPEdgeResult); told != c.told {
				t.Errorf("the edge was told %q", told)
			}
		})
	}
}

// TestOutsideOfDialogs are the other requests.
func TestOutsideOfDialogs(t *testing.T) {
	for _, c := range []struct {
		method, uri string
		status      int
		fields      []string
	}{
		{method: "OPTIONS", uri: "sip:example.com", status: 200},
		{method: "OPTIONS", uri: "sip:ping@" + selfAddr.String(), status: 200}, // this element
		{method: "OPTIONS", uri: "sip:bob@example.com", status: 407},
		{method: "MESSAGE", uri: "sip:bob@example.com", status: 407},
		{method: "MESSAGE", uri: "sip:bob@example.com", status: 403, fields: []string{"Route: <sip:192.0.2.9;lr>"}},
		{method: "SUBSCRIBE", uri: "sip:bob@example.com", status: 489},
		{method: "PUBLISH", uri: "sip:bob@example.com", status: 489},
		{method: "BYE", uri: "sip:bob@example.com", status: 481},
		{method: "PRACK", uri: "sip:bob@example.com", status: 481},
		{method: "REFER", uri: "sip:bob@example.com", status: 405},
		{method: "DANCE", uri: "sip:bob@example.com", status: 501},
	} {
		t.Run(c.method, func(t *testing.T) {
			w := newWorld(t)
			r := request{method: c.method, uri: c.uri, from: alice, to: "<" + c.uri + ">", callID: "x", cseq: 1, fields: c.fields}
			w.receive(w.compose(r))
			find(t, w.take(), 0, c.status)
			w.receiveFrom(w.compose(r), phone)
			find(t, w.take(), 0, 403)
		})
	}
}

func TestMessage(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	send := func(callID string) []*sent {
		return w.authorised("alice", request{
			method: "MESSAGE", uri: "sip:bob@example.com", from: alice, to: "<sip:bob@example.com>", callID: callID, cseq: 1,
			body: "hello", fields: []string{"Content-Type: text/plain"},
		})
	}
	m := find(t, send("m1"), wire.MESSAGE, 0)
	if _, ok := m.Find("Proxy-Authorization"); ok || string(m.Body()) != "hello" {
		t.Errorf("forwarded\n%s", m.Bytes())
	}
	w.answer(m, 430, "edge", "")
	w.take()
	find(t, send("m2"), 0, 480)
}
