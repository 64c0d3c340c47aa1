package ngrelay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// TestSubscribeByProtocol: copies of both parties reach a subscriber, and end.
func TestSubscribeByProtocol(t *testing.T) {
	n := newNode(t, relay.Config{})
	c := n.client(t)
	a, b, x, y := newParty(t), newParty(t), newParty(t), newParty(t)
	do := func(pairs ...any) ng.Dict {
		t.Helper()
		reply, err := c.Do(t.Context(), ng.Of(append(pairs, "call-id", "x")...))
		if err != nil || reply.Str("warning") != "" {
			t.Fatalf("%v: %v, %s", pairs[1], err, reply.Str("warning"))
		}
		return reply
	}
	toB := do("command", "offer", "from-tag", "a", "sdp", a.sdp(), "label", "caller").Str("sdp")
	toA := do("command", "answer", "from-tag", "a", "to-tag", "b", "sdp", b.sdp()).Str("sdp")
	s := do("command", "subscribe request", "flags", []string{"all", "SIPREC"})
	if f := s.Strings("from-tags"); len(f) != 2 || f[0] != "a" || f[1] != "b" || s.Str("to-tag") == "" || s.Str("from-tag") != "" {
		t.Errorf("%v", s)
	}
	if got := fmt.Sprint(s.Value("tag-medias")); !strings.Contains(got, "audio") || !strings.Contains(got, "sendrecv") {
		t.Errorf("%s", got)
	}
	labels, _ := s.Dict("media-labels")
	if first, _ := labels.Dict("1"); first.Str("label") != "caller" || first.Str("tag") != "a" || first.Str("mode") != "sendrecv" {
		t.Errorf("%v", labels)
	}
	second := strings.Split(y.sdp(), "\r\n")
	do("command", "subscribe answer", "to-tag", s.Str("to-tag"), "sdp", x.sdp()+strings.Join(second[5:], "\r\n"))
	a.send(t, []byte(toA), 1, 5)
	b.receive(t, 5)
	x.receive(t, 5)
	b.send(t, []byte(toB), 2, 7)
	a.receive(t, 7)
	y.receive(t, 7)
	do("command", "unsubscribe", "to-tag", s.Str("to-tag"))
	if s := do("command", "subscribe request", "from-tags", []string{"b"}); s.Str("from-tag") != "b" {
		t.Errorf("%v", s)
	}
	do("command", "delete", "from-tag", "a", "to-tag", "b", "delete-delay", 0)
	if n.Count() != 0 {
		t.Error("a subscriber keeps the call")
	}
}

// TestPublishByProtocol: who publishes is heard by who subscribes.
func TestPublishByProtocol(t *testing.T) {
	n := newNode(t, relay.Config{})
	c := n.client(t)
	p, x := newParty(t), newParty(t)
	reply, err := c.Do(t.Context(), ng.Of("command", "publish", "call-id", "x", "from-tag", "p", "sdp", p.sdp()+"a=sendonly\r\n"))
	if err != nil || !strings.Contains(reply.Str("sdp"), "a=recvonly") {
		t.Fatalf("%v, %v", reply, err)
	}
	s, err := c.Do(t.Context(), ng.Of("command", "subscribe request", "call-id", "x", "from-tag", "p"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), ng.Of("command", "subscribe answer", "call-id", "x", "to-tag", s.Str("to-tag"), "sdp", x.sdp()+"a=recvonly\r\n")); err != nil {
		t.Fatal(err)
	}
	p.send(t, []byte(reply.Str("sdp")), 1, 5)
	x.receive(t, 5)
	if _, err := c.Do(t.Context(), ng.Of("command", "unsubscribe", "call-id", "x", "to-tag", "p")); err == nil {
		t.Error("a publisher is no subscriber")
	}
}
