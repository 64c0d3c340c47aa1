package live

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type node struct {
	name  string
	calls []Call
	down  bool
}

var errDown = errors.New("down")

func (n node) err() error {
	if n.down {
		return errDown
	}
	return nil
}

func (n node) Calls(_ context.Context, limit int) ([]Call, error) {
	c := n.calls
	if limit > 0 && len(c) > limit {
		c = c[:limit]
	}
	return c, n.err()
}

func (n node) Registrations(_ context.Context, prefix string, _ int) ([]Registration, error) {
	return []Registration{{AoR: prefix + n.name, Q: 1000}}, n.err()
}

func (n node) Ladder(_ context.Context, callID string) ([]Message, error) {
	for _, c := range n.calls {
		if c.CallID == callID {
			return []Message{{Node: n.name, At: c.Invited, Data: "INVITE"}}, n.err()
		}
	}
	return nil, ErrNotFound
}

func (n node) Media(_ context.Context, callID string) (json.RawMessage, error) {
	for _, c := range n.calls {
		if c.CallID == callID {
			return json.RawMessage(`{"node":"` + n.name + `"}`), n.err()
		}
	}
	return nil, ErrNotFound
}

func (n node) Counts(context.Context) (Counts, error) {
	if n.down {
		return Counts{Missing: []string{n.name}}, errDown
	}
	return Counts{Calls: len(n.calls), Registrations: 7}, nil
}

func (n node) Version(context.Context) (uint64, error) { return 40, n.err() }

var at = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func call(id string, second int) Call {
	return Call{ID: id, CallID: id, State: "early", Invited: at.Add(time.Duration(second) * time.Second)}
}

func TestOverHTTP(t *testing.T) {
	src := node{name: "p1", calls: []Call{call("a", 2), call("b", 1)}}
	srv := httptest.NewServer(Handler(src, "a long enough secret"))
	defer srv.Close()
	c := NewClient(srv.URL+"/", "a long enough secret", srv.Client())
	ctx := t.Context()

	calls, err := c.Calls(ctx, 1)
	if diff := cmp.Diff(src.calls[:1], calls); diff != "" || err != nil {
		t.Errorf("calls: %v %s", err, diff)
	}
	regs, err := c.Registrations(ctx, "x&=", 5)
	if err != nil || len(regs) != 1 || regs[0].AoR != "x&=p1" {
		t.Errorf("registrations: %v %v", regs, err)
	}
	if l, err := c.Ladder(ctx, "a"); err != nil || len(l) != 1 || l[0].Data != "INVITE" {
		t.Errorf("ladder: %v %v", l, err)
	}
	if _, err := c.Ladder(ctx, "zzz"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown call: %v", err)
	}
	if m, err := c.Media(ctx, "b"); err != nil || string(m) != `{"node":"p1"}` {
		t.Errorf("media: %s %v", m, err)
	}
	if n, err := c.Counts(ctx); err != nil || n.Calls != 2 || n.Registrations != 7 {
		t.Errorf("counts: %+v %v", n, err)
	}
	if v, err := c.Version(ctx); err != nil || v != 40 {
		t.Errorf("version: %d %v", v, err)
	}
}

func TestSecret(t *testing.T) {
	srv := httptest.NewServer(Handler(node{}, "right"))
	defer srv.Close()
	for _, secret := range []string{"", "wrong", "righ", "rightt"} {
		if _, err := NewClient(srv.URL, secret, srv.Client()).Calls(t.Context(), 0); err == nil {
			t.Errorf("secret %q opens", secret)
		}
	}
	open := httptest.NewServer(Handler(node{}, ""))
	defer open.Close()
	if _, err := NewClient(open.URL, "", open.Client()).Calls(t.Context(), 0); err == nil {
		t.Error("a handler without a secret is open")
	}
}

func TestJoin(t *testing.T) {
	up := node{name: "p1", calls: []Call{call("a", 1)}}
	also := node{name: "p2", calls: []Call{call("b", 2), call("a", 3)}}
	down := node{name: "p3", down: true}
	ctx := t.Context()

	j := Join(down, up, also)
	calls, err := j.Calls(ctx, 2)
	if err != nil || len(calls) != 2 || calls[0].Invited != at.Add(3*time.Second) {
		t.Errorf("calls: %v %v", calls, err)
	}
	if l, err := j.Ladder(ctx, "a"); err != nil || len(l) != 2 || l[0].Node != "p1" {
		t.Errorf("ladder: %v %v", l, err)
	}
	if _, err := j.Ladder(ctx, "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown call: %v", err)
	}
	if r, err := j.Registrations(ctx, "", 0); err != nil || r[0].AoR != "p1" {
		t.Errorf("registrations: %v %v", r, err)
	}
	if m, err := j.Media(ctx, "b"); err != nil || string(m) != `{"node":"p2"}` {
		t.Errorf("media: %s %v", m, err)
	}
	if c, err := j.Counts(ctx); err != nil || c.Calls != 3 || c.Registrations != 7 || len(c.Missing) != 1 {
		t.Errorf("counts: %+v %v", c, err)
	}
	before, _ := Join(up, also).Version(ctx)
	if after, err := j.Version(ctx); err != nil || after != before {
		t.Errorf("version %d, %d: %v", before, after, err)
	}
	if _, err := Join(down, down).Calls(ctx, 0); !errors.Is(err, errDown) {
		t.Errorf("all down: %v", err)
	}
}
