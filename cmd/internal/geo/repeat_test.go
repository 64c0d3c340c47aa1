package geo

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/ng/ngrelay"
	media "github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/relay"
)

// TestRepeatedElsewhere: a message that is repeated through the other edge of a
// pair is carried out again by the relay, to which that is another client, and
// still is what it was. Here the relay forgets its answers at once.
func TestRepeatedElsewhere(t *testing.T) {
	r, err := media.New(media.Config{Interfaces: []media.Interface{
		{Name: "pub", Addr: netip.MustParseAddr("127.0.0.1")}, {Name: "priv", Addr: netip.MustParseAddr("127.0.0.2")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	server := ng.NewServer(ngrelay.NewHandler(r, ngrelay.Config{}), ng.Config{CacheFor: time.Nanosecond})
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range []func() error{func() error { return r.Run(ctx) }, func() error { return server.ServeUDP(ctx, conn) }} {
		wg.Go(func() {
			if err := run(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { stop(); wg.Wait() })
	url := "udp://" + conn.LocalAddr().String()
	edges := []*edge{newEdge(t, nil, url), newEdge(t, nil, url)}

	party := func(host string) string {
		return "v=0\r\no=- 1 1 IN IP4 " + host + "\r\ns=-\r\nc=IN IP4 " + host + "\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
	}
	var mark relay.Decision
	for _, s := range []struct {
		inward      bool
		start, tags string
		body        string
	}{
		{in, "INVITE", "a", party("203.0.113.7")},
		{out, "183 INVITE", "a b", party("192.0.2.9")},
		{out, "200 INVITE", "a b", party("192.0.2.9")},
	} {
		var first string
		for i, e := range append(edges, edges...) {
			m := message(t, s.start, s.tags, s.body)
			var body string
			var d relay.Decision
			if m.IsRequest() {
				d, body = e.request(leg(s.inward, "z1", relay.Decision{}), m)
				mark = d
			} else {
				d.Status, body = e.response(leg(s.inward, "z1", mark), m)
			}
			if d.Status != 0 || strings.Contains(body, "203.0.113.7") || strings.Contains(body, "192.0.2.9") {
				t.Fatalf("%s: %d with\n%s", s.start, d.Status, body)
			}
			if i == 0 {
				first = body
			}
			if body != first {
				t.Errorf("%s: first\n%s\nthen\n%s", s.start, first, body)
			}
		}
	}
	if st := server.Stats(); st.Repeated != 0 || st.Errors != 0 || r.Count() != 1 {
		t.Errorf("%+v, %d sessions", st, r.Count())
	}
	for _, e := range append(edges, edges...) {
		if status, _ := e.response(leg(out, "z2", mark), message(t, "200 BYE", "a b", "")); status != 0 {
			t.Errorf("%d", status)
		}
		e.settled()
	}
	if r.Count() != 0 {
		t.Errorf("%d sessions are left", r.Count())
	}
}
