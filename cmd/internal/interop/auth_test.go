//go:build interop

package interop

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/wire"
)

// TestCredentials: what does not prove who sends is refused, and the answer
// does not tell whether a user exists.
func TestCredentials(t *testing.T) {
	c := newCarrier(t).run(t, "--demo")
	wrong, nobody := c.alice, phone{user: "nobody", password: "x"}
	wrong.password = "x"
	for _, method := range []string{"REGISTER", "INVITE"} {
		challenge := map[string]int{"REGISTER": 401, "INVITE": 407}[method]
		uri := "sip:" + c.domain
		if method == "INVITE" {
			uri = "sip:bob@" + c.domain
		}
		to := func(user, domain string) string {
			if method == "INVITE" {
				return uri
			}
			return "sip:" + user + "@" + domain
		}
		ask := func(p phone) (int, *wire.Message) {
			return newAgent(t, "udp", c.sip, c.domain, p).proved(method, uri, to(p.user, c.domain))
		}
		check := func(name string, got int, want ...int) {
			t.Helper()
			for _, w := range want {
				if got == w {
					return
				}
			}
			t.Errorf("%s, %s: status %d, want %v", method, name, got, want)
		}

		a := newAgent(t, "udp", c.sip, c.domain, c.alice)
		status, first := a.ask(a.request(method, uri, to("alice", c.domain)))
		check("no credentials", status, challenge)
		a.challenged(first)
		header := a.credentials(challenge, method, uri)
		status, _ = a.ask(a.request(method, uri, to("alice", c.domain), header))
		check("right credentials", status, map[string]int{"REGISTER": 200, "INVITE": 480}[method])
		status, m := a.ask(a.request(method, uri, to("alice", c.domain), header))
		check("nonce count used before", status, challenge, 403)
		if m != nil && status == challenge && !strings.Contains(string(m.Bytes()), "nonce=") {
			t.Error("a replay gets no new nonce")
		}

		status, bad := ask(wrong)
		check("wrong password", status, challenge, 403)
		status, none := ask(nobody)
		check("unknown user", status, challenge, 403)
		if x, y := anonymous(bad, "alice"), anonymous(none, "nobody"); x != y {
			t.Errorf("%s: answers tell who exists:\n%s\n%s", method, x, y)
		}
		na := newAgent(t, "udp", c.sip, c.domain, nobody)
		_, none = na.ask(na.request(method, uri, to("nobody", c.domain)))
		if x, y := anonymous(first, "alice"), anonymous(none, "nobody"); x != y {
			t.Errorf("%s: challenges tell who exists:\n%s\n%s", method, x, y)
		}

		// Another's name with own credentials.
		b := newAgent(t, "udp", c.sip, c.domain, c.bob)
		from := "From: <sip:alice@" + c.domain + ">;tag=1"
		status, _ = b.proved(method, uri, to("alice", c.domain), from)
		check("From and To of another", status, 403)

		// A realm that is not ours, a nonce that is not ours or old.
		for what, edit := range map[string]func(string) string{
			"wrong realm":   func(s string) string { return strings.Replace(s, `realm="`+c.domain, `realm="example.com`, 1) },
			"foreign nonce": func(s string) string { return nonce.ReplaceAllString(s, `nonce="AAAA`) },
			"other uri":     func(s string) string { return strings.Replace(s, `uri="sip:`, `uri="sip:x`, 1) },
			"not Digest":    func(s string) string { return strings.Replace(s, "Digest ", "NoOneKnowsThisScheme ", 1) },
		} {
			d := newAgent(t, "udp", c.sip, c.domain, c.alice)
			_, m := d.ask(d.request(method, uri, to("alice", c.domain)))
			d.challenged(m)
			status, m = d.ask(d.request(method, uri, to("alice", c.domain), edit(d.credentials(challenge, method, uri))))
			check(what, status, challenge, 400)
			if what == "foreign nonce" && (m == nil || !strings.Contains(string(m.Bytes()), "stale=true")) {
				t.Errorf("%s: a nonce of nobody is not called stale", method)
			}
		}

		f := newAgent(t, "udp", c.sip, "example.net", c.alice)
		status, _ = f.ask(f.request(method, uri, to("alice", "example.net")))
		check("domain not served", status, map[string]int{"REGISTER": 404, "INVITE": 403}[method])
	}
}

var (
	nonce = regexp.MustCompile(`nonce="[^"]{4}`)
	ids   = regexp.MustCompile(`(?m)(nonce="[^"]*"|tag=[^;\r>]*|branch=[^;\r]*|^Call-ID: [^\r]*|127\.0\.0\.1:\d+|rport=\d+|^Date: [^\r]*)`)
)

// anonymous is a message without ids and without the name in it.
func anonymous(m *wire.Message, name string) string {
	if m == nil {
		return fmt.Sprint("no answer for ", name)
	}
	return strings.ReplaceAll(ids.ReplaceAllString(string(m.Bytes()), "ID"), "sip:"+name+"@", "sip:NAME@")
}
