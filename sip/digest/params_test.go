package digest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

const digits32 = "0123456789abcdef0123456789ABCDEF"

func TestParseAuthorization(t *testing.T) {
	const rest = `nonce="n", uri="sip:x", response="` + digits32 + `"`
	tests := []struct {
		name, in string
		err      error
		want     Authorization
	}{
		{"as sipp sends it", `Digest username="u",realm="r",cnonce="6b8b4567",nc=00000001,qop=auth,uri="sip:127.0.0.1:5060",nonce="x",response="` + digits32 + `",algorithm=MD5`, nil,
			Authorization{Username: []byte("u"), Realm: []byte("r"), URI: []byte("sip:127.0.0.1:5060"), Count: 1, QOP: QOPAuth, Algorithm: MD5}},
		{"quoted algorithm and qop", `digest  USERNAME = "u" , Realm="r",` + rest + `,algorithm="md5",response2=x,qop="auth",nc=0000000A,cnonce="c"`, nil,
			Authorization{Username: []byte("u"), Realm: []byte("r"), URI: []byte("sip:x"), Algorithm: MD5, QOP: QOPAuth, Count: 10}},
		{"md5 by default, no qop", `Digest username="u", realm="r", ` + rest, nil,
			Authorization{Username: []byte("u"), Realm: []byte("r"), URI: []byte("sip:x"), Algorithm: MD5}},
		{"folded", "Digest username=\"u\",\r\n realm=\"r\",\r\n\t" + rest, nil,
			Authorization{Username: []byte("u"), Realm: []byte("r"), URI: []byte("sip:x"), Algorithm: MD5}},
		{"escapes stay", `Digest username="a\"b", realm="r\\", ` + rest, nil,
			Authorization{Username: []byte(`a\"b`), Realm: []byte(`r\\`), URI: []byte("sip:x"), Algorithm: MD5}},
		{"empty user", `Digest username="", realm="r", ` + rest, nil,
			Authorization{Username: []byte{}, Realm: []byte("r"), URI: []byte("sip:x"), Algorithm: MD5}},
		{"other scheme", `Basic dXNlcjpw`, ErrScheme, Authorization{}},
		{"rfc 4475 regaut01", `NoOneKnowsThisScheme opaque-data=here`, ErrScheme, Authorization{}},
		{"scheme alone", `Digest`, ErrScheme, Authorization{}},
		{"nothing behind", `Digest `, ErrSyntax, Authorization{}},
		{"no response", `Digest username="u", realm="r", nonce="n", uri="sip:x"`, ErrMissing, Authorization{}},
		{"twice the user", `Digest username="u", realm="r", Username="v", ` + rest, ErrDuplicate, Authorization{}},
		{"twice an empty realm", `Digest username="u", realm="", realm="", ` + rest, ErrDuplicate, Authorization{}},
		{"open quote", `Digest username="u`, ErrSyntax, Authorization{}},
		{"backslash at the end", `Digest username="u\`, ErrSyntax, Authorization{}},
		{"comma at the end", `Digest username="u",`, ErrSyntax, Authorization{}},
		{"two commas", `Digest username="u",,realm="r", ` + rest, ErrSyntax, Authorization{}},
		{"text behind a quote", `Digest username="u"x, realm="r", ` + rest, ErrSyntax, Authorization{}},
		{"line end in quotes", "Digest username=\"u\r\n v\", realm=\"r\", " + rest, ErrSyntax, Authorization{}},
		{"no value", `Digest username=, realm="r", ` + rest, ErrSyntax, Authorization{}},
		{"unknown algorithm", `Digest username="u", realm="r", algorithm=MD5-sess, ` + rest, ErrAlgorithm, Authorization{}},
		{"unknown qop", `Digest username="u", realm="r", qop=auth-conf, nc=00000001, cnonce="c", ` + rest, ErrQOP, Authorization{}},
		{"response too short for its algorithm", `Digest username="u", realm="r", algorithm=SHA-256, ` + rest, ErrSyntax, Authorization{}},
		{"response not hexadecimal", `Digest username="u", realm="r", nonce="n", uri="sip:x", response="` + strings.Repeat("g", 32) + `"`, ErrSyntax, Authorization{}},
		{"nc of seven digits", `Digest username="u", realm="r", qop=auth, nc=0000001, cnonce="c", ` + rest, ErrSyntax, Authorization{}},
		{"nc zero", `Digest username="u", realm="r", qop=auth, nc=00000000, cnonce="c", ` + rest, ErrSyntax, Authorization{}},
		{"qop without cnonce", `Digest username="u", realm="r", qop=auth, nc=00000001, ` + rest, ErrMissing, Authorization{}},
		{"too many parameters", `Digest username="u", realm="r", ` + strings.Repeat("x=y, ", maxParams) + rest, ErrSyntax, Authorization{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var a Authorization
			if err := a.Parse([]byte(tt.in)); !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if tt.err != nil {
				return
			}
			if !bytes.Equal(a.Username, tt.want.Username) || !bytes.Equal(a.Realm, tt.want.Realm) || !bytes.Equal(a.URI, tt.want.URI) {
				t.Errorf("got %q %q %q", a.Username, a.Realm, a.URI)
			}
			if a.Algorithm != tt.want.Algorithm || a.QOP != tt.want.QOP || a.Count != tt.want.Count {
				t.Errorf("got %v %v %v", a.Algorithm, a.QOP, a.Count)
			}
		})
	}
}

func TestParseChallenge(t *testing.T) {
	tests := []struct {
		name, in string
		err      error
		want     Challenge
	}{
		{"modern", `Digest realm="r", nonce="n", algorithm=SHA-512-256, qop="auth, auth-int", stale=TRUE, opaque=""`, nil,
			Challenge{Algorithm: SHA512256, Auth: true, Integrity: true, Stale: true, Opaque: []byte{}}},
		{"unknown qop beside a known one", `Digest realm="r", nonce="n", qop="x,auth"`, nil, Challenge{Algorithm: MD5, Auth: true}},
		{"old", `Digest realm="r",nonce="n",domain="sip:x"`, nil, Challenge{Algorithm: MD5}},
		{"only unknown qop", `Digest realm="r", nonce="n", qop="x"`, ErrQOP, Challenge{}},
		{"qop of nonsense", `Digest realm="r", nonce="n", qop="(auth"`, ErrSyntax, Challenge{}},
		{"unknown algorithm", `Digest realm="r", nonce="n", algorithm=SHA-3`, ErrAlgorithm, Challenge{}},
		{"no nonce", `Digest realm="r"`, ErrMissing, Challenge{}},
		{"empty nonce", `Digest realm="r", nonce=""`, ErrMissing, Challenge{}},
		{"two nonces", `Digest realm="r", nonce="n", nonce="m"`, ErrDuplicate, Challenge{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c Challenge
			if err := c.Parse([]byte(tt.in)); !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if tt.err == nil && (c.Algorithm != tt.want.Algorithm || c.Auth != tt.want.Auth ||
				c.Integrity != tt.want.Integrity || c.Stale != tt.want.Stale || (c.Opaque == nil) != (tt.want.Opaque == nil)) {
				t.Errorf("got %+v", c)
			}
		})
	}
}

func FuzzAuthorization(f *testing.F) {
	f.Add([]byte(`Digest username="u",realm="r",cnonce="6b8b4567",nc=00000001,qop=auth,uri="sip:127.0.0.1:5060",nonce="x",response="` + digits32 + `",algorithm=MD5`))
	f.Add([]byte("Digest username=\"a\\\"b\",\r\n realm=\"r\", nonce=n, uri=\"sip:x\", response=" + digits32))
	f.Add([]byte(`Digest `))
	f.Add([]byte(`NoOneKnowsThisScheme opaque-data=here`))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var a Authorization
		err := a.Parse(b)
		if !bytes.Equal(before, b) {
			t.Fatal("input altered")
		}
		if err != nil {
			return
		}
		// What was understood, written down again, must be understood alike.
		again := []byte("Digest username=\"" + string(a.Username) + "\", realm=\"" + string(a.Realm) + "\", nonce=\"" + string(a.Nonce) +
			"\", uri=\"" + string(a.URI) + "\", response=" + string(a.Response) + ", algorithm=" + a.Algorithm.String())
		if a.QOP != QOPNone {
			again = append(again, ", qop="+a.QOP.String()+", nc="+string(a.NC)+", cnonce=\""+string(a.CNonce)+"\""...)
		}
		var c Authorization
		if err := c.Parse(again); err != nil {
			t.Fatalf("%v for %q", err, again)
		}
		if !bytes.Equal(a.Username, c.Username) || !bytes.Equal(a.Realm, c.Realm) || !bytes.Equal(a.URI, c.URI) || a.Count != c.Count {
			t.Fatalf("%+v became %+v", a, c)
		}
	})
}

func FuzzChallenge(f *testing.F) {
	f.Add([]byte(`Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth, auth-int", stale=TRUE, opaque=""`))
	f.Add([]byte(`Digest realm="r", nonce="n", qop="(auth"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Challenge
		if err := c.Parse(b); err != nil {
			return
		}
		cl := Client{User: "u", Password: "p"}
		if err := cl.Accept(b); err != nil {
			t.Fatal(err)
		}
		var a Authorization
		value := cl.AppendAuthorization(nil, "INVITE", []byte("sip:x"), nil)
		if err := a.Parse(value); err != nil {
			t.Fatalf("%v for %q", err, value)
		}
	})
}
