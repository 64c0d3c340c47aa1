package directory

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzText(f *testing.F) {
	for _, s := range []string{"Alice", "a\r\nb", "a\u202eb", "\xff", " a ", "😀", "\ufeff", "a\x00", strings.Repeat("ä", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ok := text(KindCustomer, "name", s, 0, maxName) == nil
		if ok && (!utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x00\u202e\u2066\u2028") || utf8.RuneCountInString(s) > maxName) {
			t.Errorf("%q was taken", s)
		}
		c := clean(s, 255)
		if len(c) > 255 || strings.ContainsAny(c, "\r\n\x00\u202e\u2066\u2028") || !utf8.ValidString(c) {
			t.Errorf("%q cleaned is %q", s, c)
		}
		if ok && len(s) <= 255 && c != s {
			t.Errorf("%q is fine and cleaned to %q", s, c)
		}
	})
}

// FuzzNames: what is taken as user name or domain stands in a SIP URI as it
// is, and reads back as one user and one host.
func FuzzNames(f *testing.F) {
	for _, s := range [][2]string{{"alice", "example.com"}, {"a;b", "[::1]"}, {"a@b", "a..b"}, {"%41", "EXAMPLE"}, {"", "1.2.3.4"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, user, domain string) {
		if username(user) == nil && strings.ContainsAny(user, "@:%\"<>\\ \t\r\n\x00") {
			t.Errorf("user %q was taken", user)
		}
		if domainName(domain) != nil {
			return
		}
		u, err := url.Parse("sip://" + domain + "/")
		if err != nil || u.Host != domain || strings.ToLower(domain) != domain {
			t.Errorf("domain %q was taken: %v", domain, err)
		}
	})
}

func FuzzCanonicalNumber(f *testing.F) {
	for _, s := range []string{"+43 (1) 234-567", "0043", "431", "+", "4-", "4+3", "1234567890123456", "٤٣١"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := CanonicalNumber(s)
		if err != nil {
			if !errors.Is(err, ErrInvalid) || n != "" {
				t.Errorf("%q: %q, %v", s, n, err)
			}
			return
		}
		if again, err := CanonicalNumber("+" + n); err != nil || again != n || len(n) < 3 || len(n) > 15 || strings.Trim(n, "0123456789") != "" {
			t.Errorf("%q became %q and then %q, %v", s, n, again, err)
		}
	})
}

func FuzzStoredHash(f *testing.F) {
	f.Add(dummyHash)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$2b$13$abc")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$$")
	f.Fuzz(func(t *testing.T, stored string) {
		if h, err := parseArgon(stored); err == nil && (h.memory > maxArgonMemory || h.passes > 64 || len(h.key) < 16) {
			t.Errorf("%q asks for %+v", stored, h)
		}
	})
}
