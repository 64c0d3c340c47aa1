package ngrelay

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// injector is what has injections, here or elsewhere.
type injector interface {
	Inject(ctx context.Context, req relay.InjectRequest) error
	StopInject(ctx context.Context, req relay.InjectRequest) error
}

// TestInjectByProtocol: begun and ended by commands, by the client's methods
// and by those of the relay itself, with the reason where it cannot be.
func TestInjectByProtocol(t *testing.T) {
	n := newNode(t, relay.Config{})
	c := n.client(t)
	a, b, p := newParty(t), newParty(t), newParty(t)
	for _, m := range []ng.Dict{
		ng.Of("command", "offer", "call-id", "x", "from-tag", "a", "sdp", a.sdp()),
		ng.Of("command", "answer", "call-id", "x", "from-tag", "a", "to-tag", "b", "sdp", b.sdp()),
		ng.Of("command", "publish", "call-id", "x", "from-tag", "p", "sdp", p.sdp()+"a=sendonly\r\n"),
	} {
		if _, err := c.Do(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		command, to, source string
		reason              string
	}{
		{"inject stop", "b", "p", `relay: description does not fit the session: "p" is not mixed into what "b" hears`},
		{"inject start", "", "p", "No to-tag in message"},
		{"inject start", "b", "", "No source-tag in message"},
		{"inject start", "b", "z", `Tag not found: relay: unknown call: bridge: no such offer, tag or branch: no party "z"`},
		{"inject start", "b", "p", ""},
		{"inject start", "b", "p", `relay: description does not fit the session: "p" is mixed into what "b" hears already`},
		{"inject stop", "b", "p", ""},
	} {
		d := ng.Of("command", x.command, "call-id", "x")
		set(&d, "to-tag", x.to)
		set(&d, "source-tag", x.source)
		reply, err := c.Do(t.Context(), d)
		reason := ""
		if e := (*ng.ReplyError)(nil); errors.As(err, &e) {
			reason = e.Reason
		}
		if reason != x.reason || reply.Str("warning") != "" {
			t.Errorf("%s %s %s: %q %s", x.command, x.to, x.source, reason, reply.Str("warning"))
		}
	}
	if _, err := c.Do(t.Context(), ng.Of("command", "inject start", "call-id", "y", "to-tag", "b", "source-tag", "p")); err == nil || err.Error() == "" {
		t.Error("an unknown session")
	}
	set, err := ng.NewNodes(ng.NodesConfig{Nodes: []ng.Node{{ClientConfig: ng.ClientConfig{URL: n.url, Timeout: 5 * time.Second}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	req := relay.InjectRequest{CallID: "x", ToTag: "a", SourceTag: "p"}
	for _, r := range []injector{NewRemote(set), n.Relay} {
		if err := r.Inject(t.Context(), req); err != nil {
			t.Error(err)
		}
		if err := r.Inject(t.Context(), relay.InjectRequest{CallID: "y", ToTag: "a", SourceTag: "p"}); !errors.Is(err, relay.ErrUnknownCall) {
			t.Error(err)
		}
		if err := r.StopInject(t.Context(), req); err != nil {
			t.Error(err)
		}
	}
}
