package wire

import (
	"fmt"
	"strings"
	"testing"
)

func TestViewOfHeaders(t *testing.T) {
	m := mustParse(t, []byte(editText))
	if m.Len() != 15 || !m.IsRequest() || m.Method() != INVITE || m.Status() != 0 || m.ReasonPhrase() != nil {
		t.Errorf("%d headers, %v", m.Len(), m.Method())
	}
	wantText(t, "method", m.MethodName(), "INVITE")
	wantText(t, "Request-URI", m.RequestURI(), "sip:bob@example.com")
	wantText(t, "body", m.Body(), "body")
	var lines strings.Builder
	for i := range m.Len() {
		lines.Write(m.At(i).Line)
	}
	_, head, _ := strings.Cut(editText, "\r\n")
	wantText(t, "lines", []byte(lines.String()), strings.TrimSuffix(head, "\r\nbody"))
	h := m.At(11)
	if h.ID != HdrOther || string(h.Name) != "x-internal" || string(h.Value) != "2" {
		t.Errorf("%v %q %q", h.ID, h.Name, h.Value)
	}
	if id, name := m.NameAt(11); id != HdrOther || string(name) != "x-internal" {
		t.Errorf("%v %q", id, name)
	}
	if mustParse(t, with()).HasPrivate() || !mustParse(t, withLine("p-x: y")).HasPrivate() || !mustParse(t, withLine("P-Edge : y")).HasPrivate() {
		t.Error("headers that begin with P-")
	}
	if n := m.Count(HdrVia); n != 2 {
		t.Errorf("%d Via lines", n)
	}
	if m.Count(HdrPath) != 0 || m.Count(250) != 0 {
		t.Error("headers that are not there")
	}
	if _, ok := m.First(HdrPath); ok {
		t.Error("Path found")
	}
	for name, want := range map[string]string{"T": "<sip:bob@example.com>", "call-id": "c1", "X-INTERNAL": "1", "content-type": "text/plain"} {
		h, ok := m.Find(name)
		if !ok || string(h.Value) != want {
			t.Errorf("Find(%q) = %q, %v", name, h.Value, ok)
		}
	}
	for _, name := range []string{"", "X-Intern", "Expires", "z"} {
		if h, ok := m.Find(name); ok {
			t.Errorf("Find(%q) = %q", name, h.Value)
		}
	}
}

func TestFirstNameAddr(t *testing.T) {
	m := mustParse(t, withLine("Contact: *\r\nRoute: \"A\" <sip:r;lr>;p , <sip:s>\r\nRoute: <sip:t>"))
	for id, want := range map[HeaderID]string{HdrRoute: `"A" <sip:r;lr>;p`, HdrFrom: "sip:alice@example.com", HdrPath: "", HdrCallID: "", 250: ""} {
		n, ok := m.NameAddr(id)
		if ok != (want != "") || !strings.Contains(string(n.AppendTo(nil)), want) {
			t.Errorf("%v: %q %v", id, n.AppendTo(nil), ok)
		}
	}
	for id, want := range map[HeaderID]int{HdrRoute: 3, HdrVia: 1, HdrPath: 0, HdrOther: 0, HdrFrom: 1, 250: 0} {
		if n := m.CountValues(id); n != want {
			t.Errorf("%v: %d values", id, n)
		}
	}
}

func TestViewOfScalars(t *testing.T) {
	m := mustParse(t, withLine("Expires: 0042\r\nx: 1800;refresher=uac\r\nMin-SE :90 ; a"))
	for id, want := range map[HeaderID]uint32{HdrExpires: 42, HdrSessionExpires: 1800, HdrMinSE: 90} {
		if n, ok := m.Uint32(id); n != want || !ok {
			t.Errorf("%v: %d %v", id, n, ok)
		}
	}
	for _, id := range []HeaderID{HdrRSeq, HdrFrom, 250} {
		if n, ok := m.Uint32(id); n != 0 || ok {
			t.Errorf("%v: %d", id, n)
		}
	}
	if n, ok := m.MaxForwards(); n != 70 || !ok {
		t.Errorf("Max-Forwards %d", n)
	}
	if n, ok := m.ContentLength(); n != 4 || !ok {
		t.Errorf("Content-Length %d", n)
	}
	wantText(t, "branch", m.TopBranch(), "z9hG4bK1")
	m = mustParse(t, with("Content-Length: 4\r\n", "", "Max-Forwards: 70\r\n", "", ";branch=z9hG4bK1", "", ";tag=1", ""))
	if n, ok := m.MaxForwards(); n != 0 || ok {
		t.Errorf("Max-Forwards %d", n)
	}
	if n, ok := m.ContentLength(); n != 0 || ok {
		t.Errorf("Content-Length %d", n)
	}
	if m.TopBranch() != nil || m.FromTag() != nil || m.ToTag() != nil {
		t.Error("branch or tags found")
	}
}

func TestValues(t *testing.T) {
	m := mustParse(t, withLine("Route: <sip:a,b> , \"x, \\\",\" <sip:c>;p=\"q,r\"\r\nk:\r\nSupported: timer,, \r\n path\r\n"+
		"Route: <sip:d>\r\nDate: Sat, 13 Nov 2010 23:29:00 GMT\r\nk: ,gruu,\r\nAuthorization: Digest a=b, c=d"))
	for id, want := range map[HeaderID]string{
		HdrRoute:         `<sip:a,b>|"x, \"," <sip:c>;p="q,r"|<sip:d>`,
		HdrSupported:     "timer|path|gruu",
		HdrDate:          "Sat, 13 Nov 2010 23:29:00 GMT",
		HdrAuthorization: "Digest a=b, c=d",
		HdrPath:          "",
		HdrOther:         "",
		250:              "",
	} {
		var got []string
		for v := m.Values(id); v.Next(); {
			if v.Index() != len(got) {
				t.Errorf("index %d", v.Index())
			}
			got = append(got, string(v.Value()))
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%v: %q", id, got)
		}
	}
}

func TestParams(t *testing.T) {
	p := Params(" ; a ;\r\n B = \"x;y=\\\"\" ;c=1;c=2 ")
	var got []string
	for name, value := range p.All() {
		got = append(got, fmt.Sprintf("%s=%s %v", name, value, value == nil))
	}
	wantText(t, "all", []byte(strings.Join(got, "|")), `a= true|B="x;y=\"" false|c=1 false|c=2 false`)
	for name, want := range map[string]string{"A": "", "b": `"x;y=\""`, "C": "1"} {
		if v, ok := p.Get(name); string(v) != want || !ok || !p.Has(name) {
			t.Errorf("%s: %q %v", name, v, ok)
		}
	}
	if u, err := ParseURI([]byte("sip:a;lr$=1;p[0]")); err != nil || u.Params.Has("lr") || !u.Params.Has("LR$") || !u.Params.Has("p[0]") {
		t.Errorf("%q %v: names of URI parameters", u.Params, err)
	}
	if _, ok := p.Get("d"); ok {
		t.Error("d found")
	}
	wantText(t, "trimmed", p.AppendTo(nil), `;a;b="x;y=\"";c=1;c=2`)
	// What no scanner has seen must not hang or panic.
	for _, junk := range []string{";", ";;", "a", ";a=", ";=", ";a=\"", ",;a", "\x00;a", ";a b;c"} {
		for range Params(junk).All() {
		}
		Params(junk).Get("c")
	}
	for name := range p.All() {
		if string(name) != "a" {
			t.Errorf("the walk does not stop: %s", name)
		}
		break
	}
}

func TestParseNameAddr(t *testing.T) {
	for in, want := range map[string][4]string{
		`<sip:a@b;lr>`:                     {"", "sip:a@b;lr", "", ""},
		`"A, \"B\"" <sip:a@b> ; tag = 1`:   {`"A, \"B\""`, "sip:a@b", "; tag = 1", "1"},
		`Alice  Q <sip:a@b>;TAG=2;x`:       {"Alice  Q", "sip:a@b", ";TAG=2;x", "2"},
		` sip:a@b ;tag=3`:                  {"", "sip:a@b", ";tag=3", "3"},
		`sip:a@b`:                          {"", "sip:a@b", "", ""},
		`<tel:+1>`:                         {"", "tel:+1", "", ""},
		`*`:                                {"", "*", "", ""},
		"caller\r\n <sip:a@b>\r\n ;\r\n x": {"caller", "sip:a@b", ";\r\n x", ""},
	} {
		n, err := ParseNameAddr([]byte(in))
		got := [4]string{string(n.Display), string(n.URI), string(n.Params), string(n.Tag())}
		if err != nil || got != want {
			t.Errorf("%q: %q %v", in, got, err)
		}
	}
	for _, in := range []string{"", " ", "a", "<>", "<a>", "<sip:a", `"a" sip:b`, `"a`, "<sip:a>, <sip:b>", "<sip:a>x", "sip:a?b", "\x00<sip:a>"} {
		if n, err := ParseNameAddr([]byte(in)); err == nil {
			t.Errorf("%q: %q", in, n)
		}
	}
}

func TestParseVia(t *testing.T) {
	v, err := ParseVia([]byte("SIP / 2.0 / TLS\r\n [2001:db8::1] : 5061 ;branch=z9hG4bK1;RPORT=5070;received=[2001:db8::2]"))
	if err != nil || string(v.Name) != "SIP" || string(v.Version) != "2.0" || string(v.Transport) != "TLS" ||
		string(v.Host) != "[2001:db8::1]" || v.Port != 5061 {
		t.Errorf("%v %v", v, err)
	}
	wantText(t, "branch", v.Branch(), "z9hG4bK1")
	wantText(t, "received", v.Received(), "2001:db8::2")
	if port, ok := v.RPort(); port != 5070 || !ok {
		t.Errorf("rport %d %v", port, ok)
	}
	v, err = ParseVia([]byte("SIP/2.0/UDP a;rport"))
	if port, ok := v.RPort(); err != nil || port != 0 || !ok || v.Branch() != nil || v.Received() != nil || v.Port != 0 {
		t.Errorf("%v %v", v, err)
	}
	for _, in := range []string{"", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 a", "SIP/2.0/UDPa", "SIP/2.0/UDP a, SIP/2.0/UDP b", "SIP/2.0/UDP a;", "SIP/2.0/UDP a b", "SIP/2.0/ UDP:a", "SIP/2.0/UDP a:"} {
		if v, err := ParseVia([]byte(in)); err == nil {
			t.Errorf("%q: %v", in, v)
		}
	}
}

func TestMethods(t *testing.T) {
	for m := INVITE; m < numMethods; m++ {
		if LookupMethod([]byte(m.String())) != m {
			t.Errorf("%v", m)
		}
	}
	if LookupMethod([]byte("invite")) != MethodUnknown || MethodUnknown.String() != "" || Method(99).String() != "" {
		t.Error("unknown methods")
	}
}

func TestStatusText(t *testing.T) {
	for code, want := range map[int]string{100: "Trying", 200: "OK", 302: "Moved Temporarily", 416: "Unsupported URI Scheme",
		430: "Flow Failed", 483: "Too Many Hops", 503: "Service Unavailable", 603: "Decline", 299: "", 499: "", 599: "", 999: ""} {
		if got := StatusText(code); got != want {
			t.Errorf("%d: %q", code, got)
		}
	}
}

func TestCanonical(t *testing.T) {
	m := mustParse(t, torture(t, "rfc4475", "wsinv"))
	want := "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n" +
		"To: <sip:vivekg@chair-dnrc.example.com>;tag=1918181833n\r\n" +
		"From: \"J Rosenberg \\\\\\\"\" <sip:jdrosen@example.com>;tag=98asjd8\r\n" +
		"Max-Forwards: 68\r\n" +
		"Call-ID: wsinv.ndaksdj@192.0.2.1\r\n" +
		"CSeq: 9 INVITE\r\n" +
		"Via: SIP/2.0/UDP 192.0.2.2;branch=390skdjuw\r\n" +
		"Subject: \r\n" +
		"NewFangledHeader: newfangled value continued newfangled value\r\n" +
		"UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n" +
		"Content-Type: application/sdp\r\n" +
		"Route: <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n" +
		"Via: SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8\r\n" +
		"Via: SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239\r\n" +
		"Contact: \"Quoted string \\\"\\\"\" <sip:jdrosen@example.com>;newparam=newvalue;secondparam;q=0.33\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n\r\n", len(m.Body())) + string(m.Body())
	if got := string(m.AppendCanonical(nil)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
