package relay

import (
	"testing"

	"github.com/class5-go/class5/sip/wire"
)

// TestRoutesByText: a Route that is known by its text is read as any other, and
// what only looks like one is not.
func TestRoutesByText(t *testing.T) {
	r := testRelay(t)
	var s Scratch
	known := 0
	for _, user := range []string{"", "@", "EUIAywBxBxPE2IFrnsNRV9VXDg@", "a:b@", "a%40@", "a%4@", "a b@", "a[@", "-_@", "a@b@", "a;x@", "a.b@"} {
		for _, rest := range []string{
			"192.0.2.1:5060;r2;lr", "192.0.2.1:5060;lr", "10.0.0.1:5070;lr", "10.0.0.1:5070;lr;ob", "10.0.0.1:5070;r2;lr", "10.0.0.1:5070;r2;lr;x",
			"10.0.0.1:5070;r2;LR", "10.0.0.1:05070;r2;lr", "10.0.0.1:5071;r2;lr", "198.51.100.1:5060;r2;lr", "10.0.0.1:5070;r2;lr?x=y",
		} {
			for _, scheme := range []string{"sip:", "SIP:", "sips:", "tel:"} {
				uri := []byte(scheme + user + rest)
				var u, want wire.URI
				ok := want.Parse(uri) == nil && want.IsSIP()
				ours := ok && r.ours(&s, &want)
				if !r.written(uri, &u) {
					continue
				}
				known++
				if !ours || string(u.User) != string(want.User) || (u.User == nil) != (want.User == nil) || !u.IsSIP() || u.IsSIPS() {
					t.Errorf("%s is ours, user %q; want %v, user %q", uri, u.User, ours, want.User)
				}
			}
		}
	}
	if known < 10 {
		t.Errorf("%d known by their text", known)
	}
}
