package ngrelay

import (
	"strings"
	"testing"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// TestCreateByProtocol: two parties that the relay itself made offers to are
// connected, and one of them to a third that came by an offer.
func TestCreateByProtocol(t *testing.T) {
	n := newNode(t, relay.Config{})
	c := n.client(t)
	do := func(pairs ...any) ng.Dict {
		t.Helper()
		reply, err := c.Do(t.Context(), ng.Of(pairs...))
		if err != nil || reply.Str("warning") != "" {
			t.Fatalf("%v: %v, %s", pairs[1], err, reply.Str("warning"))
		}
		return reply
	}
	a, b, x, y := newParty(t), newParty(t), newParty(t), newParty(t)
	toA := do("command", "create")
	call, tag := toA.Str("call-id"), toA.Str("from-tag")
	if sdp := toA.Str("sdp"); call == "" || tag == "" || !strings.Contains(sdp, "RTP/AVP 8 0\r\n") || !strings.Contains(sdp, "a=sendrecv") || strings.Contains(sdp, "192.0.2.1") {
		t.Fatalf("%v", toA)
	}
	toB := do("command", "create", "call-id", call, "from-tag", "b", "medias", ng.List{ng.Of("type", "audio", "codecs", ng.List{"PCMA"}), ng.Of("type", "video", "codecs", ng.List{"VP8"})})
	if sdp := toB.Str("sdp"); !strings.Contains(sdp, "RTP/AVP 8\r\n") || !strings.Contains(sdp, "m=video") || !strings.Contains(sdp, "VP8/90000") {
		t.Fatalf("%v", toB)
	}
	do("command", "create answer", "call-id", call, "from-tag", tag, "sdp", a.sdp())
	do("command", "create answer", "call-id", call, "from-tag", "b", "sdp", b.sdp()+"m=video 0 RTP/AVP 96\r\n")
	do("command", "connect", "call-id", call, "from-tag", tag, "to-tag", "b")
	a.send(t, []byte(toA.Str("sdp")), 1, 5)
	b.receive(t, 5)
	b.send(t, []byte(toB.Str("sdp")), 2, 7)
	a.receive(t, 7)

	// Two others in the same session, by an offer; then a talks to one of them.
	toY := do("command", "offer", "call-id", call, "from-tag", "x", "sdp", x.sdp()).Str("sdp")
	toX := do("command", "answer", "call-id", call, "from-tag", "x", "to-tag", "y", "sdp", y.sdp()).Str("sdp")
	x.send(t, []byte(toX), 3, 3)
	y.receive(t, 3)
	do("command", "connect", "call-id", call, "from-tag", tag, "to-tag", "y")
	a.send(t, []byte(toA.Str("sdp")), 4, 5)
	y.receive(t, 5)
	y.send(t, []byte(toY), 5, 6)
	a.receive(t, 6)
	do("command", "delete", "call-id", call, "delete-delay", 0)
	if n.Count() != 0 {
		t.Error("the call is still there")
	}
}

// TestCreateRefused: what cannot be created or connected says why, and leaves
// nothing.
func TestCreateRefused(t *testing.T) {
	n := newNode(t, relay.Config{})
	c := n.client(t)
	a, b := newParty(t), newParty(t)
	for _, pairs := range [][]any{
		{"command", "offer", "call-id", "x", "from-tag", "a", "sdp", a.sdp()},
		{"command", "answer", "call-id", "x", "from-tag", "a", "to-tag", "b", "sdp", b.sdp()},
		{"command", "create", "call-id", "x", "from-tag", "c"},
	} {
		if _, err := c.Do(t.Context(), ng.Of(pairs...)); err != nil {
			t.Fatal(err)
		}
	}
	for want, pairs := range map[string][]any{
		"tag of a party that was not": {"command", "create", "call-id", "x", "from-tag", "a"},
		"list of dictionaries":        {"command", "create", "medias", ng.List{"audio"}},
		"a list is needed":            {"command", "create", "medias", "audio"},
		`media "coffee"`:              {"command", "create", "medias", ng.List{ng.Of("type", "coffee", "codecs", ng.List{"PCMA"})}},
		"0 codecs":                    {"command", "create", "medias", ng.List{ng.Of("type", "audio")}},
		"twice":                       {"command", "create", "medias", ng.List{ng.Of("type", "audio", "codecs", ng.List{"PCMA", "PCMA"})}},
		`codec "PCMA\r\na=x"`:         {"command", "create", "medias", ng.List{ng.Of("type", "audio", "codecs", ng.List{"PCMA\r\na=x"})}},
		"Unknown call-id":             {"command", "create answer", "call-id", "x", "from-tag", "a", "sdp", a.sdp()},
		"No from-tag":                 {"command", "create answer", "call-id", "x", "sdp", a.sdp()},
		"call-id":                     {"command", "connect", "call-id", "x", "from-tag", "a", "to-tag", "b", "to-call-id", "y"},
		"No to-tag":                   {"command", "connect", "call-id", "x", "from-tag", "a"},
		"No from-tag in message":      {"command", "connect", "call-id", "x", "to-tag", "a", "flags", ng.List{"directional"}},
		`no party "zz"`:               {"command", "connect", "call-id", "x", "from-tag", "zz", "to-tag", "a", "flags", ng.List{"directional"}},
		"hears nobody":                {"command", "unsubscribe", "call-id", "x", "from-tag", "b", "to-tag", "a", "flags", ng.List{"directional"}},
		"one party":                   {"command", "connect", "call-id", "x", "from-tag", "a", "to-tag", "a"},
		"both send and receive":       {"command", "connect", "call-id", "x", "from-tag", "a", "to-tag", "c"},
	} {
		if _, err := c.Do(t.Context(), ng.Of(pairs...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", pairs, err, want)
		}
	}
	for call, want := range map[string]string{"x": "ng: Tag not found: ", "nix": "ng: Unknown call-id"} {
		if _, err := c.Do(t.Context(), ng.Of("command", "connect", "call-id", call, "from-tag", "a", "to-tag", "bz")); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", call, err)
		}
	}
	if n.Count() != 1 {
		t.Errorf("%d calls", n.Count())
	}
}
