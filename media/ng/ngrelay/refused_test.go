package ngrelay

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// lines are numbered ones.
func lines(n int, line string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(line, "%", fmt.Sprint(i)) + "\r\n")
	}
	return b.String()
}

// TestRefused: what is more than a relay takes, or can do, is an error with its
// reason, and no port is left behind; what is just within the limits is taken.
func TestRefused(t *testing.T) {
	n := newNode(t, relay.Config{MaxStreams: 100})
	// A datagram is too small for the largest description.
	web := httptest.NewServer(ng.NewServer(NewHandler(n.Relay, Config{}), ng.Config{}).HTTPHandler())
	t.Cleanup(web.Close)
	c, err := ng.NewClient(ng.ClientConfig{URL: web.URL + "/ng", Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	free := n.Totals().PortsFree["127.0.0.1"]
	const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	const audio = "m=audio 4000 RTP/AVP 8\r\n"
	const ice = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
	const candidate = "a=candidate:% 1 UDP 1 192.0.2.1 4% typ host"
	var types []string
	for i := range 129 {
		types = append(types, fmt.Sprint(i%128))
	}
	long := head + audio
	for name, x := range map[string]struct {
		sdp    string
		t38    []string
		reason string
	}{
		"64 KiB":             {long + "a=x:" + strings.Repeat("y", 65536-len(long)-6) + "\r\n", nil, ""},
		"64 KiB and 1":       {long + "a=x:" + strings.Repeat("y", 65537-len(long)-6) + "\r\n", nil, "more than 65536 bytes"},
		"more than 64 media": {head + strings.Repeat(audio, 64), nil, ""},
		"65 media":           {head + strings.Repeat(audio, 65), nil, "more than 64 media"},
		"128 codecs":         {head + "m=audio 4000 RTP/AVP " + strings.Join(types[:128], " ") + "\r\n", nil, ""},
		"129 codecs":         {head + "m=audio 4000 RTP/AVP " + strings.Join(types, " ") + "\r\n", nil, "more than 128 formats"},
		"64 candidates":      {head + audio + ice + lines(64, candidate), nil, ""},
		"65 candidates":      {head + audio + ice + lines(65, candidate), nil, "more than 64 candidates"},
		"no description":     {"", nil, "sdp"},
		"not one":            {"INVITE sip:x SIP/2.0\r\n", nil, "sdp"},
		"T.38 as audio":      {head + "m=image 4000 udptl t38\r\n", []string{"decode"}, "no fax modem"},
		"T.38 as it comes":   {head + "m=image 4000 udptl t38\r\n", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, command := range []string{"offer", "publish"} {
				d := ng.Of("command", command, "call-id", name, "from-tag", "a", "sdp", x.sdp)
				if x.t38 != nil {
					d.Set("T.38", x.t38)
				}
				_, err := c.Do(t.Context(), d)
				if command == "publish" && x.reason == "" {
					continue // a publisher needs codecs that can be told apart, whatever their number
				}
				if err == nil != (x.reason == "") || err != nil && !strings.Contains(err.Error(), x.reason) {
					t.Errorf("%s: %v, want %q", command, err, x.reason)
				}
				if x.reason != "" && n.Count() != 0 {
					t.Errorf("%s: %d sessions", command, n.Count())
				}
			}
			_, _ = c.Do(t.Context(), ng.Of("command", "delete", "call-id", name))
			if now := n.Totals().PortsFree["127.0.0.1"]; now != free || n.Count() != 0 {
				t.Errorf("%d of %d ports, %d sessions", now, free, n.Count())
			}
		})
	}
}
