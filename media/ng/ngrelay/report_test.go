package ngrelay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// TestQueryTells: who hears whom, in which codec, under which keys and which
// way, in the words of the protocol.
func TestQueryTells(t *testing.T) {
	n := newNode(t, relay.Config{})
	c := n.client(t)
	a, b, x := newParty(t), newParty(t), newParty(t)
	do := func(pairs ...any) ng.Dict {
		t.Helper()
		reply, err := c.Do(t.Context(), ng.Of(append(pairs, "call-id", "x")...))
		if err != nil {
			t.Fatalf("%v: %v", pairs[1], err)
		}
		return reply
	}
	do("command", "offer", "from-tag", "a", "sdp", a.sdp(), "transport-protocol", "RTP/SAVP")
	secure := strings.Replace(b.sdp(), "RTP/AVP", "RTP/SAVP", 1) + "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:" + strings.Repeat("A", 40) + "\r\na=recvonly\r\n"
	toA := do("command", "answer", "from-tag", "a", "to-tag", "b", "sdp", secure).Str("sdp")
	do("command", "subscribe request", "from-tag", "a", "to-tag", "s")
	do("command", "subscribe answer", "to-tag", "s", "sdp", x.sdp()+"a=recvonly\r\n")
	a.send(t, []byte(toA), 1, 5)
	b.receive(t, 5)
	began := time.Now().UnixMicro()
	q := do("command", "query")
	created, _ := q.Int("created")
	fraction, _ := q.Int("created_us")
	if at := created*1_000_000 + fraction; fraction < 0 || fraction >= 1_000_000 || at > began || at < began-time.Minute.Microseconds() {
		t.Errorf("created %d and %d us, it is %d", created, fraction, began)
	}
	tags, _ := q.Dict("tags")
	for tag, want := range map[string]map[string]string{
		"a": {"subscriptions": "[{b offer/answer}]", "subscribers": "[{b offer/answer} {s pub/sub}]", "codec": "PCMA/8000", "flags": "[initialized send recv]", "suite": ""},
		"b": {"subscriptions": "[{a offer/answer}]", "subscribers": "[{a offer/answer}]", "codec": "", "flags": "[initialized send SDES]", "suite": "AES_CM_128_HMAC_SHA1_80"},
		"s": {"subscriptions": "[{a pub/sub}]", "subscribers": "[]", "codec": "", "flags": "[initialized send]", "suite": ""},
	} {
		d, _ := tags.Dict(tag)
		media := dicts(d, "medias")[0]
		got := map[string]string{"codec": media.Str("codec"), "flags": fmt.Sprint(media.Strings("flags")), "suite": dicts(media, "streams")[0].Str("crypto suite")}
		for _, key := range []string{"subscriptions", "subscribers"} {
			var who []string
			for _, s := range dicts(d, key) {
				who = append(who, "{"+s.Str("tag")+" "+s.Str("type")+"}")
			}
			got[key] = fmt.Sprint(who)
		}
		for key, v := range want {
			if got[key] != v {
				t.Errorf("%s of %s: %q, want %q", key, tag, got[key], v)
			}
		}
	}
	set, err := ng.NewNodes(ng.NodesConfig{Nodes: []ng.Node{{ClientConfig: ng.ClientConfig{URL: n.url, Timeout: 5 * time.Second}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	r, err := NewRemote(set).Query(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range r.Legs {
		if l.Connected == (l.Tags[0] == "s") || l.Subscriber != (l.Tags[0] == "s") || l.Tags[0] == "a" && fmt.Sprint(l.HeardBy) != "[b s]" {
			t.Errorf("read again: %+v", l)
		}
	}
}
