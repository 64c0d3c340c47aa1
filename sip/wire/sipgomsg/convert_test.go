package sipgomsg

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/class5-go/class5/sip/wire"
)

func parse(tb testing.TB, b []byte) *wire.Message {
	tb.Helper()
	m := new(wire.Message)
	if err := m.Parse(b, nil); err != nil {
		tb.Fatal(err)
	}
	return m
}

const text = "INVITE sip:bob@example.com SIP/2.0\r\n" +
	"v: SIP / 2.0 / UDP a ; Branch = z9hG4bK1;RPORT, SIP/2.0/TCP [2001:db8::1]:5061;received=\"x,y\"\r\n" +
	"Max-Forwards: 0068\r\n" +
	"f:\r\n \"A, \\\"B\\\"\" <sip:alice@example.com;transport=tcp>;Tag=1\r\n" +
	"t: Bob <sip:bob@example.com> ; tag = 1918181833n\r\n" +
	"i: c1@example.com\r\n" +
	"CSeq: 7 \r\n\t INVITE\r\n" +
	"k: path\r\n" +
	"Route: \"x\" <sip:r1;lr>;p=1, <sip:r2;lr>\r\n" +
	"Record-Route: <sip:o1;lr>,<sip:o2;lr>\r\n" +
	"Path: <sip:p1;lr>,\r\n <sip:p2;lr;ob>;x\r\n" +
	"m: <sip:alice@192.0.2.1>;+sip.instance=\"<urn:uuid:a;b>\";Q=0.5\r\n" +
	"p-asserted-identity: \"A\" <sip:a@example.com>, <tel:+1>\r\n" +
	"X-Folded: a\r\n b\r\n" +
	"c: application/sdp ; x=\"y\"\r\n" +
	"\r\n" +
	"v=0\r\n"

func TestRequest(t *testing.T) {
	req, err := Request(parse(t, []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	checks := map[string][2]string{
		"method":        {string(req.Method), "INVITE"},
		"recipient":     {req.Recipient.String(), "sip:bob@example.com"},
		"Via":           {req.Via().Value(), "SIP/2.0/UDP a;branch=z9hG4bK1;rport"},
		"second Via":    {req.GetHeaders("Via")[1].Value(), "SIP/2.0/TCP [2001:db8::1]:5061;received=\"x,y\""},
		"To":            {req.To().Value(), "\"Bob\" <sip:bob@example.com>;tag=1918181833n"},
		"From":          {req.From().Value(), `"A, \"B\"" <sip:alice@example.com;transport=tcp>;tag=1`},
		"Call-ID":       {req.CallID().Value(), "c1@example.com"},
		"CSeq":          {req.CSeq().Value(), "7 INVITE"},
		"Max-Forwards":  {req.MaxForwards().Value(), "68"},
		"Supported":     {req.GetHeader("Supported").Value(), "path"},
		"Route":         {req.GetHeader("Route").Value(), "\"x\" <sip:r1;lr>;p=1"},
		"Route address": {req.Route().Address.String(), "sip:r1;lr"},
		"Record-Route":  {req.RecordRoute().Address.String(), "sip:o1;lr"},
		"second Path":   {req.GetHeaders("path")[1].Value(), "<sip:p2;lr;ob>;x"},
		"Contact":       {req.Contact().Value(), "<sip:alice@192.0.2.1>;+sip.instance=\"<urn:uuid:a;b>\";q=0.5"},
		"identity":      {req.GetHeaders("P-Asserted-Identity")[1].Value(), "<tel:+1>"},
		"X-Folded":      {req.GetHeader("x-folded").Value(), "a b"},
		"Content-Type":  {req.ContentType().Value(), "application/sdp ; x=\"y\""},
		"length":        {req.ContentLength().Value(), "5"},
		"body":          {string(req.Body()), "v=0\r\n"},
	}
	for what, c := range checks {
		if c[0] != c[1] {
			t.Errorf("%s: %q, want %q", what, c[0], c[1])
		}
	}
	if tag, ok := req.To().Params.Get("tag"); tag != "1918181833n" || !ok {
		t.Errorf("To tag %q", tag)
	}
	// One name to remove takes all of them, whatever the spelling was.
	for req.RemoveHeader("P-Asserted-Identity") {
	}
	if strings.Contains(strings.ToLower(req.String()), "asserted") {
		t.Error(req.String())
	}
}

func TestResponse(t *testing.T) {
	m := parse(t, []byte(strings.Replace(text, "INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 486 Занято", 1)))
	res, err := Response(m)
	if err != nil || res.StatusCode != 486 || res.Reason != "Занято" || res.CSeq().MethodName != sip.INVITE {
		t.Errorf("%v %v", res, err)
	}
	if _, err := Request(m); !errors.Is(err, ErrKind) {
		t.Errorf("response as request: %v", err)
	}
	if _, err := Response(parse(t, []byte(text))); !errors.Is(err, ErrKind) {
		t.Errorf("request as response: %v", err)
	}
}

func TestUnreadableURI(t *testing.T) {
	for _, bad := range []string{"sip:bob@@example.com", "sip:bob@exa mple", "sip:bob@example.com:0"} {
		var m wire.Message
		if m.Parse([]byte(strings.Replace(text, "<sip:bob@example.com> ", "<"+bad+">", 1)), nil) != nil {
			continue
		}
		var e *wire.Error
		if _, err := Request(&m); !errors.As(err, &e) || !strings.Contains(err.Error(), "To:") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestAppendMessage(t *testing.T) {
	req, err := Request(parse(t, []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	out, err := AppendMessage([]byte("kept "), req)
	if err != nil || !bytes.HasPrefix(out, []byte("kept INVITE ")) {
		t.Fatalf("%v %s", err, out)
	}
	m := parse(t, out[len("kept "):])
	if string(m.ToTag()) != "1918181833n" || string(m.Body()) != "v=0\r\n" || m.Count(wire.HdrVia) != 2 {
		t.Errorf("%s", out)
	}
	res := sip.NewResponseFromRequest(req, 200, "OK", []byte("v=0\r\n"))
	out, err = AppendMessage(nil, res)
	if err != nil {
		t.Fatal(err)
	}
	if m = parse(t, out); m.Status() != 200 || string(m.CallID()) != "c1@example.com" {
		t.Errorf("%s", out)
	}
	if _, err := AppendMessage(nil, nil); !errors.Is(err, ErrIncomplete) {
		t.Error(err)
	}
}

func TestAppendMessageRefusesLineEnds(t *testing.T) {
	const bad = "x\r\nRoute: <sip:evil>"
	for name, spoil := range map[string]func(*sip.Request){
		"method":       func(r *sip.Request) { r.Method = bad },
		"recipient":    func(r *sip.Request) { r.Recipient.User = bad },
		"display name": func(r *sip.Request) { r.From().DisplayName = bad },
		"parameter":    func(r *sip.Request) { r.To().Params.Add("x", bad) },
		"Via":          func(r *sip.Request) { r.Via().Host = bad },
		"Call-ID":      func(r *sip.Request) { *r.CallID() = bad },
		"Content-Type": func(r *sip.Request) { *r.ContentType() = bad },
		"value":        func(r *sip.Request) { r.AppendHeader(sip.NewHeader("X", bad)) },
		"NUL":          func(r *sip.Request) { r.AppendHeader(sip.NewHeader("X", "\x00")) },
		"name":         func(r *sip.Request) { r.AppendHeader(sip.NewHeader(bad, "x")) },
	} {
		req, err := Request(parse(t, []byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		spoil(req)
		if out, err := AppendMessage([]byte("kept"), req); err == nil || string(out) != "kept" {
			t.Errorf("%s: %v %q", name, err, out)
		}
	}
}

func messages(tb testing.TB) map[string][]byte {
	all := map[string][]byte{"text": []byte(text)}
	files, err := filepath.Glob(filepath.Join("..", "testdata", "rfc*", "*.dat"))
	if err != nil || len(files) == 0 {
		tb.Fatal("no messages", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".dat")] = b
	}
	return all
}

// What goes through sipgo's types and back must still be read the same.
func TestThereAndBack(t *testing.T) {
	n := 0
	for name, b := range messages(t) {
		var m wire.Message
		if m.Parse(b, nil) != nil {
			continue
		}
		n++
		if err := thereAndBack(&m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n < 30 {
		t.Errorf("%d messages only", n)
	}
}
