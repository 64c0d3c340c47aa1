package panel

import (
	"net/url"
	"strings"
	"testing"

	"github.com/class5-go/class5/cluster/live"
)

// Messages come from strangers: whatever they hold can be drawn.
func FuzzLadder(f *testing.F) {
	f.Add("INVITE sip:bob@example.com SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n", "192.0.2.1:5060", "192.0.2.2:5060")
	f.Add("SIP/2.0 200 OK\r\ncseq :\t2 BYE\r\n\r\n", "a", "a")
	f.Add("", "", "")
	f.Add("\xff\xfe\n:", "\x00", "<")
	f.Fuzz(func(t *testing.T, data, from, to string) {
		l := drawLadder([]live.Message{{Data: data, From: from, To: to}, {Data: data, From: to, To: from}})
		if len(l.Rows) != 2 || len(l.Lanes) > 2 {
			t.Fatal(l)
		}
		for _, r := range l.Rows {
			if strings.ContainsAny(r.Label, "\r\n") {
				t.Errorf("label %q", r.Label)
			}
		}
	})
}

// No text leads away from the panel.
func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/calls?x=1#y", "//evil.example", `/\evil.example`, "https://evil.example", "/%2f/evil.example", "javascript:x", "/./x", ""} {
		f.Add(seed)
	}
	base := &url.URL{Scheme: "https", Host: "panel.example", Path: "/login"}
	f.Fuzz(func(t *testing.T, next string) {
		got := localPath(next)
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsRune(got, '\\') {
			t.Errorf("%q leads to %q", next, got)
		}
	})
}
