package wire

import (
	"errors"
	"strings"
	"testing"
)

// apply carries out ops on m both ways and returns what the package made of them.
func apply(t *testing.T, m *Message, ops []refOp) string {
	t.Helper()
	var e Edit
	plan(&e, ops)
	out, err := m.Append([]byte("kept "), &e)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := strings.CutPrefix(string(out), "kept ")
	if !ok {
		t.Fatalf("what was in the buffer is gone: %q", out)
	}
	if want := refEdit(string(m.Bytes()), m.IsRequest(), ops); got != want {
		t.Errorf("%v\ngot\n%s\nwant\n%s", ops, got, want)
	}
	return got
}

func plan(e *Edit, ops []refOp) {
	for _, o := range ops {
		v := []byte(o.value)
		switch o.kind {
		case opRequestURI:
			e.RequestURI(v)
		case opStatusLine:
			code := int(v[0]-'0')*100 + int(v[1]-'0')*10 + int(v[2]-'0')
			e.StatusLine(code, o.value[4:])
		case opPrepend:
			e.Prepend(o.id, v)
		case opAdd:
			e.Add(o.name, v)
		case opSet:
			e.Set(o.id, v)
		case opRemoveAll:
			e.RemoveAll(o.id)
		case opRemoveName:
			e.RemoveName(o.name)
		case opRemoveFirstValue:
			e.RemoveFirstValue(o.id)
		case opReplaceFirstValue:
			e.ReplaceFirstValue(o.id, v)
		case opEnsureLength:
			e.EnsureContentLength()
		case opBody:
			e.SetBody(o.name, v)
		}
	}
}

const editText = "INVITE sip:bob@example.com SIP/2.0\r\n" +
	"v: SIP/2.0/UDP a;branch=1 ,\r\n SIP/2.0/UDP b\r\n" +
	"Route: <sip:r1,x;lr>, \"r, 2\" <sip:r2;lr> , <sip:r3;lr>\r\n" +
	"Via: SIP/2.0/UDP c\r\n" +
	"route : <sip:r4;lr>\r\n" +
	"f: <sip:alice@example.com>;tag=1\r\n" +
	"t: <sip:bob@example.com>\r\n" +
	"i: c1\r\n" +
	"CSeq: 7 INVITE\r\n" +
	"p-asserted-identity: <sip:forged@example.com>\r\n" +
	"X-Internal: 1\r\n" +
	"P-Asserted-IDENTITY \t: <sip:forged@example.org>\r\n" +
	"x-internal:\r\n 2\r\n" +
	"k: timer, ,path\r\n" +
	"Content-Type: text/plain\r\n" +
	"l: 4\r\n" +
	"\r\n" +
	"body"

func TestEdit(t *testing.T) {
	for name, ops := range map[string][]refOp{
		"nothing":                  nil,
		"push Via":                 {{kind: opPrepend, id: HdrVia, value: "SIP/2.0/UDP z"}},
		"push two":                 {{kind: opPrepend, id: HdrVia, value: "SIP/2.0/UDP y"}, {kind: opPrepend, id: HdrVia, value: "SIP/2.0/UDP z"}},
		"push what is absent":      {{kind: opPrepend, id: HdrRecordRoute, value: "<sip:o>"}, {kind: opPrepend, id: HdrRecordRoute, value: "<sip:i>"}},
		"pop Via":                  {{kind: opRemoveFirstValue, id: HdrVia}},
		"pop two Vias":             {{kind: opRemoveFirstValue, id: HdrVia}, {kind: opRemoveFirstValue, id: HdrVia}},
		"pop more than there are":  {{kind: opRemoveFirstValue, id: HdrVia}, {kind: opRemoveFirstValue, id: HdrVia}, {kind: opRemoveFirstValue, id: HdrVia}, {kind: opRemoveFirstValue, id: HdrVia}},
		"pop Route":                {{kind: opRemoveFirstValue, id: HdrRoute}},
		"pop three Routes":         {{kind: opRemoveFirstValue, id: HdrRoute}, {kind: opRemoveFirstValue, id: HdrRoute}, {kind: opRemoveFirstValue, id: HdrRoute}},
		"pop and replace":          {{kind: opRemoveFirstValue, id: HdrRoute}, {kind: opReplaceFirstValue, id: HdrRoute, value: "<sip:new>"}},
		"replace over lines":       {{kind: opRemoveFirstValue, id: HdrVia}, {kind: opRemoveFirstValue, id: HdrVia}, {kind: opReplaceFirstValue, id: HdrVia, value: "SIP/2.0/UDP n"}},
		"replace twice":            {{kind: opReplaceFirstValue, id: HdrVia, value: "SIP/2.0/UDP m"}, {kind: opReplaceFirstValue, id: HdrVia, value: "SIP/2.0/UDP n"}},
		"replace absent":           {{kind: opReplaceFirstValue, id: HdrPath, value: "<sip:n>"}},
		"replace behind an empty":  {{kind: opRemoveFirstValue, id: HdrSupported}, {kind: opReplaceFirstValue, id: HdrSupported, value: "gruu"}},
		"received, push, route":    {{kind: opReplaceFirstValue, id: HdrVia, value: "SIP/2.0/UDP a;received=1.2.3.4"}, {kind: opPrepend, id: HdrVia, value: "SIP/2.0/UDP z"}, {kind: opRemoveFirstValue, id: HdrRoute}},
		"set Max-Forwards":         {{kind: opSet, id: HdrMaxForwards, value: "69"}},
		"set what is there":        {{kind: opSet, id: HdrCallID, value: "c2"}},
		"set a list":               {{kind: opSet, id: HdrRoute, value: "<sip:x>"}},
		"set twice":                {{kind: opSet, id: HdrSubject, value: "a"}, {kind: opSet, id: HdrSubject, value: "b"}},
		"remove and set":           {{kind: opRemoveAll, id: HdrVia}, {kind: opSet, id: HdrVia, value: "SIP/2.0/UDP n"}},
		"remove, push the same":    {{kind: opRemoveAll, id: HdrRoute}, {kind: opPrepend, id: HdrRoute, value: "<sip:n>"}},
		"remove and replace":       {{kind: opRemoveAll, id: HdrRoute}, {kind: opReplaceFirstValue, id: HdrRoute, value: "<sip:n>"}},
		"remove by name":           {{kind: opRemoveName, name: "P-Asserted-Identity"}, {kind: opRemoveName, name: "X-INTERNAL"}},
		"remove by compact name":   {{kind: opRemoveName, name: "K"}},
		"remove and add":           {{kind: opRemoveName, name: "x-internal"}, {kind: opAdd, name: "X-Internal", value: "3"}},
		"remove the last":          {{kind: opRemoveAll, id: HdrContentLength}},
		"add, set, add":            {{kind: opAdd, name: "A", value: "1"}, {kind: opSet, id: HdrSubject, value: "s"}, {kind: opAdd, name: "B", value: ""}},
		"Request-URI":              {{kind: opRequestURI, value: "sip:a@b"}},
		"Request-URI twice":        {{kind: opRequestURI, value: "sip:a@b"}, {kind: opRequestURI, value: "tel:1"}},
		"status line of a request": {{kind: opStatusLine, value: "200 OK"}},
		"body":                     {{kind: opBody, name: "a/b", value: "new body"}},
		"body, type kept":          {{kind: opBody, value: "new\r\nbody"}},
		"no body":                  {{kind: opBody}},
		"ensure length":            {{kind: opEnsureLength}},
		"trust boundary":           {{kind: opRemoveAll, id: HdrPAssertedIdentity}, {kind: opAdd, name: "P-Asserted-Identity", value: "<sip:true@example.com>"}},
	} {
		t.Run(name, func(t *testing.T) { apply(t, mustParse(t, []byte(editText)), ops) })
	}
}

func TestEditResponse(t *testing.T) {
	m := mustParse(t, []byte(strings.Replace(strings.Replace(editText, "INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK", 1), "l: 4\r\n", "", 1)))
	apply(t, m, []refOp{{kind: opStatusLine, value: "183 Session Progress"}, {kind: opRemoveFirstValue, id: HdrVia}})
	apply(t, m, []refOp{{kind: opRequestURI, value: "sip:ignored"}, {kind: opEnsureLength}})
	apply(t, m, []refOp{{kind: opEnsureLength}, {kind: opBody, value: "x"}})
}

func TestRemovedInEverySpelling(t *testing.T) {
	m := mustParse(t, []byte(editText))
	out := strings.ToLower(apply(t, m, []refOp{{kind: opRemoveName, name: "P-ASSERTED-IDENTITY"}, {kind: opRemoveName, name: "X-internal"}}))
	if strings.Contains(out, "forged") || strings.Contains(out, "x-internal") {
		t.Error(out)
	}
}

// An Edit may be planned once and applied to many messages.
func TestEditIsReusable(t *testing.T) {
	var e Edit
	e.Set(HdrMaxForwards, []byte("9"))
	e.SetBody("a/b", []byte("xyz"))
	var first []byte
	for range 3 {
		out, err := mustParse(t, []byte(editText)).Append(nil, &e)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = out
		}
		if string(out) != string(first) {
			t.Errorf("%s", out)
		}
	}
	e.Reset()
	if out, _ := mustParse(t, []byte(editText)).Append(nil, &e); string(out) != editText {
		t.Errorf("after Reset: %s", out)
	}
}

func TestInsertedValuesAreChecked(t *testing.T) {
	m := mustParse(t, []byte(editText))
	for _, bad := range []string{"a\r\nRoute: <sip:x>", "a\rb", "a\nb", "a\x00b", "a\x7fb", "a\x1b[0m"} {
		for name, insert := range map[string]func(*Edit){
			"Prepend":           func(e *Edit) { e.Prepend(HdrVia, []byte(bad)) },
			"Add":               func(e *Edit) { e.Add("X", []byte(bad)) },
			"Add name":          func(e *Edit) { e.Add(bad, nil) },
			"Set":               func(e *Edit) { e.Set(HdrSubject, []byte(bad)) },
			"ReplaceFirstValue": func(e *Edit) { e.ReplaceFirstValue(HdrVia, []byte(bad)) },
			"RequestURI":        func(e *Edit) { e.RequestURI([]byte("sip:" + bad)) },
			"StatusLine":        func(e *Edit) { e.StatusLine(200, bad) },
			"SetBody type":      func(e *Edit) { e.SetBody(bad, []byte("x")) },
		} {
			var e Edit
			insert(&e)
			out, err := m.Append([]byte("x"), &e)
			if !errors.Is(err, &Error{Reason: ReasonInserted}) || string(out) != "x" {
				t.Errorf("%s %q: %v, %q", name, bad, err, out)
			}
		}
	}
	for name, misuse := range map[string]func(*Edit){
		"a space in the Request-URI": func(e *Edit) { e.RequestURI([]byte("sip:a b")) },
		"no Request-URI":             func(e *Edit) { e.RequestURI(nil) },
		"status 99":                  func(e *Edit) { e.StatusLine(99, "") },
		"Prepend without header":     func(e *Edit) { e.Prepend(HdrOther, nil) },
		"Set of no header":           func(e *Edit) { e.Set(200, nil) },
		"Add without name":           func(e *Edit) { e.Add("", nil) },
		"Add of no token":            func(e *Edit) { e.Add("a b", nil) },
	} {
		var e Edit
		misuse(&e)
		if _, err := m.Append(nil, &e); err == nil {
			t.Error(name)
		}
	}
}
