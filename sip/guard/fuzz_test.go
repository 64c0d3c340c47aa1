package guard

import (
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/wire"
)

// FuzzURI holds the quick reading of URIs against that of package wire.
func FuzzURI(f *testing.F) {
	for _, s := range []string{"sip:alice@example.com", "sip:alice@192.168.1.7:5060;ob", "sip:a@b;transport=tcp", "sip:a@b:0", "sip:a@b:70000",
		"sip:a@b;;", "sip:a@b;x=", "sip:a@-b", "sip:a@b.", "sip:a@b..c", "sips:a@b", "tel:+43", "sip:a@b?x", "sip:a@b:", "sip:%61@b", "sip:a@1.2.3.4.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		user, host, ok := plainURI([]byte(s))
		if !ok {
			return
		}
		u, err := wire.ParseURI([]byte(s))
		if err != nil || string(u.User) != string(user) || string(u.Host) != string(host) {
			t.Fatalf("%q: %q at %q, but wire says %q at %q, %v", s, user, host, u.User, u.Host, err)
		}
	})
}

// FuzzBareURI holds the quick cut against the parser of package wire.
func FuzzBareURI(f *testing.F) {
	for _, s := range []string{"<sip:a@b>", `"x" <sip:a@b>;tag=1`, `"<\"\\" <sip:a@b>`, "sip:a@b;tag=1", "A B <sip:a@b;x>", "sip:a@b ;tag=3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := bareURI([]byte(s))
		n, err := wire.ParseNameAddr([]byte(s))
		if err == nil && string(n.URI) != string(got) {
			t.Fatalf("%q: %q, but wire says %q", s, got, n.URI)
		}
	})
}

// FuzzAgents holds the search against a plain one.
func FuzzAgents(f *testing.F) {
	words := DefaultUserAgents()
	a := newAgents(words)
	f.Add("Friendly-Scanner")
	f.Add("x sipvicioU sipvicious")
	f.Add("Example Phone/1.0")
	f.Fuzz(func(t *testing.T, s string) {
		low := strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}, s[:min(len(s), longestAgent)])
		want := false
		for _, w := range words {
			want = want || strings.Contains(low, w)
		}
		if got := a.match([]byte(s)); got != want || a.match([]byte(s)) != want {
			t.Fatalf("%q: %v, want %v", s, got, want)
		}
	})
}

// FuzzCredentials wants no panic, and values that lie in the text.
func FuzzCredentials(f *testing.F) {
	f.Add(`Digest username="alice", realm="example.com", nonce="n", uri="sip:x", response="r"`)
	f.Add(`Digest username="a\"b",realm=x`)
	f.Add(`Digest a="\`)
	f.Add("Bearer x")
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := readCredentials([]byte(s))
		if !ok {
			return
		}
		if !strings.Contains(s, string(c.username)) || !strings.Contains(s, string(c.realm)) {
			t.Fatalf("%q holds neither %q nor %q", s, c.username, c.realm)
		}
		seed := newSeed()
		seed.credentials(&c)
	})
}
