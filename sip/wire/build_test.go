package wire

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAppendResponse(t *testing.T) {
	text := strings.Replace(editText, "Route:", "Record-Route: <sip:o;lr>\r\nRoute:", 1)
	m := mustParse(t, []byte(text))
	got, err := AppendResponse([]byte("kept "), m, 183, "", "t1", Field{ID: HdrServer, Value: []byte("class5")},
		Field{Name: "X-A", Value: []byte("b")}, Body("application/sdp", []byte("v=0\r\n")))
	want := "kept SIP/2.0 183 Session Progress\r\n" +
		"v: SIP/2.0/UDP a;branch=1 ,\r\n SIP/2.0/UDP b\r\n" +
		"Via: SIP/2.0/UDP c\r\n" +
		"Record-Route: <sip:o;lr>\r\n" +
		"f: <sip:alice@example.com>;tag=1\r\n" +
		"To: <sip:bob@example.com>;tag=t1\r\n" +
		"i: c1\r\n" +
		"CSeq: 7 INVITE\r\n" +
		"Server: class5\r\n" +
		"X-A: b\r\n" +
		"Content-Type: application/sdp\r\n" +
		"Content-Length: 5\r\n\r\nv=0\r\n"
	if err != nil || string(got) != want {
		t.Errorf("%v\ngot\n%s\nwant\n%s", err, got, want)
	}
}

func TestAppendResponseVariants(t *testing.T) {
	inDialog := string(with("<sip:bob@example.com>\r\n", "<sip:bob@example.com>;tag=9\r\n", "Contact:", "Record-Route: <sip:o;lr>\r\nContact:"))
	for name, c := range map[string]struct {
		code     int
		tag      string
		has, not string
	}{
		"100 gets no tag":             {100, "x", "100 Trying", "tag=x"},
		"a tag that is there is kept": {200, "x", "tag=9", "tag=x"},
		"486 forms no dialog":         {486, "x", "486 Busy Here", "Record-Route"},
		"200 forms one":               {200, "x", "Record-Route: <sip:o;lr>", "tag=x"},
	} {
		out, err := AppendResponse(nil, mustParse(t, []byte(inDialog)), c.code, "", c.tag)
		if err != nil || !strings.Contains(string(out), c.has) || strings.Contains(string(out), c.not) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	out, _ := AppendResponse(nil, mustParse(t, with("INVITE sip", "OPTIONS sip", "7 INVITE", "7 OPTIONS", "Contact:", "Record-Route: <sip:o>\r\nContact:")), 200, "Fine", "")
	if strings.Contains(string(out), "Record-Route") || !strings.HasPrefix(string(out), "SIP/2.0 200 Fine\r\n") {
		t.Errorf("OPTIONS: %s", out)
	}
}

// The first Via value may be replaced, wherever it stands.
func TestAppendResponseTopVia(t *testing.T) {
	src := netip.MustParseAddrPort("203.0.113.9:40000")
	for name, vias := range map[string]string{
		"a line of its own": "Via: SIP/2.0/UDP a;branch=1\r\nVia: SIP/2.0/UDP b;branch=2",
		"a list":            "v: SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;branch=2",
	} {
		m := mustParse(t, with("Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", vias))
		top, _ := m.TopVia()
		out, err := AppendResponse(nil, m, 200, "", "x", Field{ID: HdrVia, Value: AppendViaReceived(nil, top, src)})
		if err != nil {
			t.Fatal(err)
		}
		r := mustParse(t, out)
		var got []string
		for v := r.Values(HdrVia); v.Next(); {
			got = append(got, string(v.Value()))
		}
		if want := "SIP/2.0/UDP a;branch=1;received=203.0.113.9|SIP/2.0/UDP b;branch=2"; strings.Join(got, "|") != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestBuilder(t *testing.T) {
	m := mustParse(t, []byte(editText))
	var b Builder
	b.Request([]byte("kept "), "OPTIONS", []byte("sip:bob@example.com"))
	b.HeaderString(HdrVia, "SIP/2.0/UDP a;branch=z9hG4bK1")
	b.HeaderInt(HdrMaxForwards, 70)
	b.Copy(m, HdrFrom)
	b.Copy(m, HdrTo)
	b.Header(HdrCallID, m.CallID())
	b.HeaderString(HdrCSeq, "1 OPTIONS")
	b.Named("m", []byte("<sip:me@example.com>"))
	b.Named("X-Y", nil)
	out, err := b.End("", nil)
	want := "kept OPTIONS sip:bob@example.com SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nf: <sip:alice@example.com>;tag=1\r\n" +
		"t: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\nContact: <sip:me@example.com>\r\nX-Y: \r\n" +
		"Content-Length: 0\r\n\r\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\ngot\n%s\nwant\n%s", err, out, want)
	}
	b.Response(nil, 299, "Fine")
	if out, err = b.End("", nil); err != nil || string(out) != "SIP/2.0 299 Fine\r\nContent-Length: 0\r\n\r\n" {
		t.Errorf("%v %s", err, out)
	}
}

func TestBuilderRefuses(t *testing.T) {
	const bad = "a\r\nX: y"
	m := mustParse(t, []byte(editText))
	for name, build := range map[string]func(*Builder){
		"method":            func(b *Builder) { b.Request(nil, bad, []byte("sip:a")) },
		"no method":         func(b *Builder) { b.Request(nil, "", []byte("sip:a")) },
		"Request-URI":       func(b *Builder) { b.Request(nil, "INFO", []byte("sip:"+bad)) },
		"space in the URI":  func(b *Builder) { b.Request(nil, "INFO", []byte("sip:a b")) },
		"no Request-URI":    func(b *Builder) { b.Request(nil, "INFO", nil) },
		"reason":            func(b *Builder) { b.Response(nil, 200, bad) },
		"code":              func(b *Builder) { b.Response(nil, 42, "") },
		"value":             func(b *Builder) { b.Response(nil, 200, ""); b.HeaderString(HdrSubject, bad) },
		"NUL":               func(b *Builder) { b.Response(nil, 200, ""); b.HeaderString(HdrSubject, "\x00") },
		"name":              func(b *Builder) { b.Response(nil, 200, ""); b.Named(bad, nil) },
		"value by name":     func(b *Builder) { b.Response(nil, 200, ""); b.Named("X", []byte(bad)) },
		"second length":     func(b *Builder) { b.Response(nil, 200, ""); b.Named("l", []byte("0")) },
		"unknown header":    func(b *Builder) { b.Response(nil, 200, ""); b.Header(HdrOther, nil) },
		"body among fields": func(b *Builder) { b.Response(nil, 200, ""); b.Field(Body("a/b", nil)) },
	} {
		var b Builder
		build(&b)
		if out, err := b.End("", nil); err == nil || len(out) != 0 {
			t.Errorf("%s: %v %q", name, err, out)
		}
	}
	for name, err := range map[string]error{
		"tag":          second(AppendResponse(nil, m, 200, "", bad)),
		"tag, spaces":  second(AppendResponse(nil, m, 200, "", "a b")),
		"reason":       second(AppendResponse(nil, m, 200, bad, "")),
		"field":        second(AppendResponse(nil, m, 200, "", "", Field{Name: "X", Value: []byte(bad)})),
		"top Via":      second(AppendResponse(nil, m, 200, "", "", Field{ID: HdrVia, Value: []byte(bad)})),
		"content type": second(AppendResponse(nil, m, 200, "", "", Body(bad, []byte("x")))),
	} {
		if err == nil {
			t.Errorf("response: %s passed", name)
		}
	}
}

func second(_ []byte, err error) error { return err }

func TestAppendViaReceived(t *testing.T) {
	for via, want := range map[string]string{
		"SIP/2.0/UDP 192.0.2.1:5060;branch=1":                     "SIP/2.0/UDP 192.0.2.1:5060;branch=1",
		"SIP/2.0/UDP 192.0.2.1;rport;branch=1":                    "SIP/2.0/UDP 192.0.2.1;branch=1;received=192.0.2.1;rport=6000",
		"SIP/2.0/UDP host;branch=1":                               "SIP/2.0/UDP host;branch=1;received=192.0.2.1",
		"SIP/2.0/UDP 192.0.2.9;received=1.1.1.1;RPORT=1 ; b = 2":  "SIP/2.0/UDP 192.0.2.9;b=2;received=192.0.2.1;rport=6000",
		"SIP / 2.0 / TCP\r\n [::ffff:192.0.2.1] : 5060 ; alias":   "SIP/2.0/TCP [::ffff:192.0.2.1]:5060;alias",
		"SIP/2.0/UDP 192.0.2.1;received=9.9.9.9;comp=\"a\r\n b\"": "SIP/2.0/UDP 192.0.2.1;comp=\"a b\"",
	} {
		v, err := ParseVia([]byte(via))
		if err != nil {
			t.Fatal(via, err)
		}
		got := string(AppendViaReceived(nil, v, netip.MustParseAddrPort("192.0.2.1:6000")))
		if got != want {
			t.Errorf("%q\ngot  %q\nwant %q", via, got, want)
		}
		if v, err = ParseVia([]byte(got)); err != nil {
			t.Error(err)
		} else if port, ok := v.RPort(); ok && port != 6000 {
			t.Errorf("rport %d", port)
		}
	}
	v, _ := ParseVia([]byte("SIP/2.0/UDP a;rport"))
	got := AppendViaReceived(nil, v, netip.MustParseAddrPort("[2001:db8::1]:5060"))
	if v, _ = ParseVia(got); string(v.Received()) != "2001:db8::1" {
		t.Errorf("%s", got)
	}
}
