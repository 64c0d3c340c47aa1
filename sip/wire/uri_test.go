package wire

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestParseURI(t *testing.T) {
	for in, want := range map[string]URI{
		"sip:example.com":                 {Scheme: []byte("sip"), Host: []byte("example.com")},
		"SIPS:Alice@example.com:5061":     {Scheme: []byte("SIPS"), User: []byte("Alice"), Host: []byte("example.com"), Port: 5061},
		"sip:alice:secret@[2001:db8::1]":  {Scheme: []byte("sip"), User: []byte("alice"), Password: []byte("secret"), Host: []byte("[2001:db8::1]")},
		"sip:a:@h":                        {Scheme: []byte("sip"), User: []byte("a"), Password: []byte{}, Host: []byte("h")},
		"sip:h;lr;transport=tcp;x=%3b":    {Scheme: []byte("sip"), Host: []byte("h"), Params: Params(";lr;transport=tcp;x=%3b")},
		"sip:u@h?Subject=a%20b&to=x":      {Scheme: []byte("sip"), User: []byte("u"), Host: []byte("h"), Headers: []byte("Subject=a%20b&to=x")},
		"sip:u;p=v@h:1;q?b":               {Scheme: []byte("sip"), User: []byte("u;p=v"), Host: []byte("h"), Port: 1, Params: Params(";q"), Headers: []byte("b")},
		"sip:+1(2)-3&=$,?/@h;user=phone":  {Scheme: []byte("sip"), User: []byte("+1(2)-3&=$,?/"), Host: []byte("h"), Params: Params(";user=phone")},
		"sip:u@h;maddr=[2001:db8::2]":     {Scheme: []byte("sip"), User: []byte("u"), Host: []byte("h"), Params: Params(";maddr=[2001:db8::2]")},
		"sip:u@h;gr=urn:uuid:f81d;ob":     {Scheme: []byte("sip"), User: []byte("u"), Host: []byte("h"), Params: Params(";gr=urn:uuid:f81d;ob")},
		"tel:+1-201-555-0123":             {Scheme: []byte("tel"), User: []byte("+1-201-555-0123"), Opaque: []byte("+1-201-555-0123")},
		"tel:7042;phone-context=+1201":    {Scheme: []byte("tel"), User: []byte("7042"), Params: Params(";phone-context=+1201"), Opaque: []byte("7042;phone-context=+1201")},
		"urn:service:sos.fire":            {Scheme: []byte("urn"), Opaque: []byte("service:sos.fire")},
		"soap.beep://192.0.2.103:3002":    {Scheme: []byte("soap.beep"), Opaque: []byte("//192.0.2.103:3002")},
		"http://example.com/a?b=c;d,e@f#": {Scheme: []byte("http"), Opaque: []byte("//example.com/a?b=c;d,e@f#")},
	} {
		got, err := ParseURI([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		for _, part := range []struct {
			name      string
			got, want []byte
		}{
			{"scheme", got.Scheme, want.Scheme}, {"user", got.User, want.User}, {"password", got.Password, want.Password},
			{"host", got.Host, want.Host}, {"params", got.Params, want.Params}, {"headers", got.Headers, want.Headers},
			{"opaque", got.Opaque, want.Opaque},
		} {
			if string(part.got) != string(part.want) || (part.got == nil) != (part.want == nil) {
				t.Errorf("%s: %s %q, want %q", in, part.name, part.got, part.want)
			}
		}
		if got.Port != want.Port {
			t.Errorf("%s: port %d", in, got.Port)
		}
	}
}

func TestParseURIRefuses(t *testing.T) {
	for in, want := range map[string]Reason{
		"": ReasonURI, "sip": ReasonURI, "sip:": ReasonURI, ":a": ReasonURI, "1sip:a": ReasonURI, "<sip:a>": ReasonURI,
		"sip:@h": ReasonURI, "sip::p@h": ReasonURI, "sip:a@": ReasonHost, "sip:a@b@c": ReasonURI, "sip:a:b:c@h": ReasonURI,
		"sip:a b": ReasonURI, "sip:a ": ReasonURI, " sip:a": ReasonURI, "sip:a\r\n": ReasonURI, "sip:h :5060": ReasonURI,
		"sip:h:": ReasonHost, "sip:h:0": ReasonHost, "sip:h:65536": ReasonHost, "sip:h:5060x": ReasonURI, "sip:h:-1": ReasonHost,
		"sip:2001:db8::1": ReasonHost, "sip:[2001:db8::1": ReasonHost, "sip:[]": ReasonHost, "sip:[g]": ReasonHost,
		"sip:[::1]x": ReasonURI, "sip:h;": ReasonURI, "sip:h;;a": ReasonURI, "sip:h;a=": ReasonURI, "sip:h;=a": ReasonURI,
		"sip:h;a=\"b\"": ReasonURI, "sip:h?": ReasonURI, "sip:h?a b": ReasonURI, "sip:%4@h": ReasonEscape, "sip:a%zz@h": ReasonEscape,
		"sip:h;a=%": ReasonEscape, "sip:h?a=%1": ReasonEscape, "sip:h;lr;LR": ReasonDuplicateParam,
		"sip:h;maddr=a;maddr=b": ReasonDuplicateParam, "sip:h;transport=udp;transport=tcp": ReasonDuplicateParam,
		"tel:": ReasonURI, "tel:abc-xyz": ReasonURI, "tel:1+2": ReasonURI, "tel:1;": ReasonURI, "tel:1@h": ReasonURI,
		"urn:a b": ReasonURI, "urn:a>b": ReasonURI, "sip:a\x00@h": ReasonURI, "sip:a\"@h": ReasonURI,
	} {
		_, err := ParseURI([]byte(in))
		if e, ok := err.(*Error); !ok || e.Reason != want {
			t.Errorf("%q: %v, want %v", in, err, want)
		}
	}
}

// The examples of RFC 3261 19.1.4, and more.
func TestEqualURI(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
		{"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:a@b", "sips:a@b", false},
		{"sip:a@b", "sip:b", false},
		{"sip:a@b", "sip:a:@b", false},
		{"sip:a%40@b", "sip:a%40@b", true},
		{"sip:a;b@c", "sip:a%3Bb@c", false},
		{"sip:a@b;user=phone", "sip:a@b", false},
		{"sip:a@b;ttl=1", "sip:a@b", false},
		{"sip:a@b;maddr=1.2.3.4", "sip:a@b", false},
		{"sip:a@b;lr", "sip:a@b", true},
		{"sip:[2001:DB8::1]", "sip:[2001:db8::1]", true},
		{"sip:h;r=0;r", "sip:h;r;r=0", true},
		{"sip:h;r=0;r", "sip:h;r=0;r=1", false},
		{"tel:+1-201-555-0123", "tel:+12015550123", true},
		{"tel:+1-201-555-0123", "tel:12015550123", false},
		{"tel:1;a=b;c", "tel:1;c;a=B", true},
		{"tel:1;a=b", "tel:1", false},
		{"urn:service:sos", "urn:service:sos", true},
		{"urn:service:sos", "urn:service:SOS", false},
		{"urn:service:sos", "tel:1", false},
	} {
		a, err := ParseURI([]byte(c.a))
		b, err2 := ParseURI([]byte(c.b))
		if err != nil || err2 != nil {
			t.Fatal(c.a, err, c.b, err2)
		}
		if EqualURI(a, b) != c.want || EqualURI(b, a) != c.want {
			t.Errorf("%s, %s: want %v", c.a, c.b, c.want)
		}
	}
}

func TestEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"alice": "alice", "a b": "a%20b", "100%": "100%25", "a@b:c": "a%40b%3Ac", "*21#": "*21%23", "bø": "b%C3%B8",
		"\x00\r\n": "%00%0D%0A", "+1(2)": "+1(2)",
	} {
		got := string(AppendEscapedUser(nil, in))
		if got != want || Unescape([]byte(got)) != in {
			t.Errorf("%q: %q, back %q", in, got, Unescape([]byte(got)))
		}
	}
	if got := Unescape([]byte("%4%zz%")); got != "%4%zz%" {
		t.Errorf("%q", got)
	}
}

func TestQuotes(t *testing.T) {
	for _, text := range []string{"", "Alice", `a "b" \c`, "Ålice, <sip:x>"} {
		quoted := AppendQuote(nil, text)
		if got := UnquoteDisplay(quoted); got != text {
			t.Errorf("%q: %q", text, got)
		}
	}
	for in, want := range map[string]string{
		"\"a\r\n b\"": "a b", "\"a \r\n\t b\"": "a b", "A.  B\r\n C": "A. B C", `"`: `"`, "": "",
	} {
		if got := UnquoteDisplay([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := string(AppendUnfolded([]byte("x"), []byte("a\r\n\t b\\\x00"))); got != "xa b\\\x00" {
		t.Errorf("unfolded %q", got)
	}
	if got := string(AppendPlain([]byte("\x01"), []byte("a\r\n\t b\\\x00\t\\\x7f"))); got != "\x01a b\\ \t\\ " {
		t.Errorf("plain %q", got)
	}
	if got := string(Unquote([]byte(`"a\"b"`))); got != `a\"b` {
		t.Errorf("%q", got)
	}
}

func TestParseAddr(t *testing.T) {
	for _, in := range []string{
		"192.0.2.1", "2001:DB8::1", "[2001:db8::1]", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
		"::ffff:192.0.2.1", "1:2:3:4:5:6:1.2.3.4", "0.0.0.0", "255.255.255.255",
		"", "example.com", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4:1", ":", ":::", "1:::2", "1::2::3", ":1::", "1:",
		"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4::", "::1%eth0", "1::2:3:4:5:6:7:8",
		"::1.2.3", "[1.2.3.4", "1..2.3",
	} {
		want, err := netip.ParseAddr(strings.Trim(in, "[]"))
		if strings.ContainsAny(in, "%") || strings.Count(in, "[") != strings.Count(in, "]") {
			want, err = netip.Addr{}, errors.ErrUnsupported
		}
		got, ok := ParseAddr([]byte(in))
		if ok != (err == nil) || got != want.Unmap() {
			t.Errorf("%q: %v %v, want %v %v", in, got, ok, want, err)
		}
	}
}
