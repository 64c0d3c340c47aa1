package wire

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestCorpusEditedLikeReference edits ten thousand generated messages the way a relay does and wants the octets that the
// reference, which takes a message apart with strings, gives; and the body as it came.
func TestCorpusEditedLikeReference(t *testing.T) {
	g := &corpus{rand.New(rand.NewPCG(3261, 3327))}
	var m, edited Message
	for i := range 10000 {
		msg, body := g.message()
		if err := m.Parse([]byte(msg), nil); err != nil {
			t.Fatalf("message %d: %v\n%q", i, err, msg)
		}
		checkKept(t, &m)
		out := apply(t, &m, g.edits(&m))
		if err := edited.Parse([]byte(out), nil); err != nil {
			t.Fatalf("message %d, edited: %v\n%q", i, err, out)
		}
		checkKept(t, &edited)
		if string(edited.Body()) != body {
			t.Fatalf("message %d: body %q became %q", i, body, edited.Body())
		}
		if t.Failed() {
			t.Fatalf("message %d\n%q", i, msg)
		}
	}
}

// corpus makes messages in all spellings that the grammar and the field have.
type corpus struct{ *rand.Rand }

func (g *corpus) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g *corpus) word() string {
	b := make([]byte, 1+g.IntN(20))
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789-"[g.IntN(47)]
	}
	return "w" + string(b)
}

func (g *corpus) host() string {
	return g.pick("example.com", "192.0.2."+strconv.Itoa(g.IntN(256)), "[2001:db8::"+strconv.Itoa(g.IntN(9999))+"]", g.word()+".example.net.", "a_b.invalid",
		"[::ffff:192.0.2.1]") + g.pick("", "", ":5060", ":"+strconv.Itoa(1+g.IntN(65535)))
}

func (g *corpus) uri() string {
	sip := g.pick("sip:", "sips:", "SIP:") + g.pick("", g.word()+"@", "+43"+strconv.Itoa(g.IntN(1e9))+"@", "%41;x=1:pw@", "*98#@", "доб@") + g.host()
	sip += g.pick("", ";lr", ";transport=tcp", ";ob", ";gr="+g.word(), ";maddr=[2001:db8::1];ttl=1", ";lr=on;"+g.word()+"=%20")
	return g.pick(sip, sip, sip, sip, "tel:+43-1-"+strconv.Itoa(g.IntN(1e6))+";phone-context=example.com", "urn:service:sos", "urn:uuid:0c67446e-f1a1-11d9-94d3-000a95a0e128",
		"http://example.com/a;b")
}

func (g *corpus) space() string { return g.pick("", "", "", "", " ", "\t", "\r\n ", " \r\n\t") }

func (g *corpus) params(with string) string {
	s := with
	for range g.IntN(3) {
		s += g.space() + ";" + g.space() + "p" + strconv.Itoa(g.IntN(1e6)) +
			g.pick("", "="+g.word(), g.space()+"="+g.space()+`"a,;\"<b`+g.pick("", "\\\x00", "\r\n ")+`"`)
	}
	return s
}

func (g *corpus) nameAddr(params string) string {
	return g.pick("", "", `"A, \"B\" <c>" `, `""`, "Alice Q. "+g.space()) + "<" + g.uri() + ">" + g.params(params)
}

func (g *corpus) via() string {
	return g.pick("SIP/2.0/", "SIP/2.0/", "SIP / 2.0 /\t") + g.pick("UDP", "TCP", "TLS", "WS", "WSS", "SCTP") + g.pick(" ", "  ", "\r\n ") + g.host() +
		g.params(g.pick("", ";rport", ";rport=5060", ";received=192.0.2.1", ";received=[2001:db8::1];rport", ";RPORT")+g.pick("", ";branch=z9hG4bK"+g.word()))
}

// list gives lines of a header with values spread over them.
func (g *corpus) list(lines []string, name, compact string, n int, value func() string) []string {
	for n > 0 {
		v := value()
		for n--; n > 0 && g.IntN(2) == 0; n-- {
			v += g.space() + "," + g.space() + value()
		}
		lines = append(lines, g.line(name, compact, v))
	}
	return lines
}

func (g *corpus) line(name, compact, value string) string {
	if compact != "" && g.IntN(3) == 0 {
		name = g.pick(compact, strings.ToUpper(compact))
	}
	name = g.pick(name, name, strings.ToLower(name), strings.ToUpper(name))
	return name + g.pick("", "", "", " ", "\t ") + ":" + g.pick(" ", " ", " ", "", "\t", "  ", " \r\n ") + value + g.pick("", "", "", " ", "\r\n\t") + "\r\n"
}

func (g *corpus) body() string {
	b := make([]byte, g.IntN(3)*g.IntN(200))
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return g.pick("", "\r\n", "\r\n\r\nVia: x\r\n\r\n", "v=0\r\n") + string(b)
}

func (g *corpus) message() (msg, body string) {
	method := g.pick("INVITE", "REGISTER", "BYE", "ACK", "OPTIONS", "NOTIFY", "x-unknown")
	start := method + " " + g.uri() + " SIP/2.0\r\n"
	if g.IntN(3) == 0 {
		start = "SIP/2.0 " + strconv.Itoa(100+g.IntN(600)) + g.pick(" OK", " ", " не сейчас", " a\tb") + "\r\n"
	}
	lines := g.list(nil, "Via", "v", 1+g.IntN(4), g.via)
	plain := func() string { return g.nameAddr("") }
	lines = g.list(lines, "Route", "", g.IntN(4), plain)
	lines = g.list(lines, "Record-Route", "", g.IntN(4), plain)
	lines = g.list(lines, "Path", "", g.IntN(3), plain)
	lines = g.list(lines, "Service-Route", "", g.IntN(2), plain)
	lines = g.list(lines, "Contact", "m", g.IntN(4), func() string {
		return g.nameAddr(g.pick("", ";expires=60;q=0.5", `;reg-id=1;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"`))
	})
	if len(lines) > 1 && g.IntN(2) == 0 { // the order among lines of one header matters, that of headers does not
		g.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	}
	body = g.body()
	lines = append(lines, g.line("From", "f", g.nameAddr(g.pick("", ";tag="+g.word()))), g.line("To", "t", g.pick(g.nameAddr(""), "sip:bob@example.com;tag=1")),
		g.line("Call-ID", "i", g.word()+"@"+g.word()), g.line("CSeq", "", strconv.Itoa(g.IntN(1<<31))+" "+method))
	for _, l := range []string{
		g.line("Max-Forwards", "", strconv.Itoa(g.IntN(256))), g.line("Content-Length", "l", strconv.Itoa(len(body))),
		g.line("Supported", "k", "path,, outbound ,gruu"), g.line("p-EDGE", "", "forged"), g.line("P-Edge-Next", "", "x"),
		g.line("X-"+g.word(), "", g.word()), g.line("Authorization", "", `Digest a="b, c", d=e`), g.line("Content-Type", "c", "application/sdp"),
	} {
		if g.IntN(2) == 0 {
			at := g.IntN(len(lines) + 1)
			lines = append(lines[:at], append([]string{l}, lines[at:]...)...)
		}
	}
	return start + strings.Join(lines, "") + "\r\n" + body, body
}

// edits are those of a relay, most of them each time.
func (g *corpus) edits(m *Message) (ops []refOp) {
	add := func(o refOp) {
		if g.IntN(4) > 0 {
			ops = append(ops, o)
		}
	}
	if !m.IsRequest() {
		if m.CountValues(HdrVia) > 1 {
			ops = append(ops, refOp{kind: opRemoveFirstValue, id: HdrVia})
		}
		add(refOp{kind: opStatusLine, value: "480 Later"})
	} else {
		for range g.IntN(4) {
			ops = append(ops, refOp{kind: opRemoveFirstValue, id: HdrRoute})
		}
		add(refOp{kind: opRequestURI, value: "sip:new@[2001:db8::9]:5062"})
		add(refOp{kind: opReplaceFirstValue, id: HdrVia, value: "SIP/2.0/UDP 192.0.2.1;received=192.0.2.7;rport=9"})
		add(refOp{kind: opPrepend, id: HdrVia, value: "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKn;ft=x"})
		add(refOp{kind: opPrepend, id: HdrRecordRoute, value: "<sip:10.0.0.1;r2;lr>"})
		add(refOp{kind: opPrepend, id: HdrRecordRoute, value: "<sip:tok@192.0.2.10;r2;lr>"})
		add(refOp{kind: opPrepend, id: HdrPath, value: "<sip:tok@10.0.0.1;lr;ob>"})
		add(refOp{kind: opReplaceFirstValue, id: HdrContact, value: "<sip:sealed@192.0.2.10>"})
		add(refOp{kind: opSet, id: HdrMaxForwards, value: fmt.Sprint(g.IntN(70))})
	}
	ops = append(ops, refOp{kind: opRemoveAll, id: HdrPEdge})
	add(refOp{kind: opRemoveName, name: "p-edge-next"})
	add(refOp{kind: opRemoveAll, id: HdrServiceRoute})
	add(refOp{kind: opAdd, name: "P-Edge", value: "src=192.0.2.7:5060;m=abc"})
	add(refOp{kind: opEnsureLength})
	if len(ops) > 0 && ops[len(ops)-1].kind == opEnsureLength && g.IntN(4) == 0 {
		ops = append(ops, refOp{kind: opSet, id: HdrExpires, value: "60"})
	}
	return ops
}
