package registrar_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/registrar/memstore"
	"github.com/class5-go/class5/sip/wire"
)

const alice = "sip:alice@example.com"

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// bench is a registrar with a client that counts CSeq.
type bench struct {
	testing.TB
	reg   *registrar.Registrar
	store registrar.Store
	now   time.Time
	cseq  int
}

func newBench(t testing.TB, cfg registrar.Config) *bench {
	t.Helper()
	store := memstore.New()
	reg, err := registrar.New(cfg, store)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{TB: t, reg: reg, store: store, now: start()}
}

// message makes a REGISTER of alice with the given lines; a line that begins
// with "CSeq: " or "Call-ID: " or "To: " takes the place of the usual one.
func (b *bench) message(lines ...string) *wire.Message {
	b.Helper()
	b.cseq++
	head := []string{
		"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "From: <sip:alice@example.com>;tag=1", "To: <sip:alice@example.com>",
		"Call-ID: 1@phone", "CSeq: " + itoa(b.cseq) + " REGISTER",
	}
	var text strings.Builder
	text.WriteString("REGISTER sip:example.com SIP/2.0\r\n")
	for _, h := range head {
		name, _, _ := strings.Cut(h, ":")
		replaced := false
		for _, l := range lines {
			replaced = replaced || name != "Via" && strings.HasPrefix(l, name+":")
		}
		if !replaced {
			text.WriteString(h + "\r\n")
		}
	}
	for _, l := range lines {
		text.WriteString(l + "\r\n")
	}
	text.WriteString("\r\n")
	return parse(b, []byte(text.String()))
}

func parse(t testing.TB, b []byte) *wire.Message {
	t.Helper()
	var m wire.Message
	if err := m.Parse(b, nil); err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
	return &m
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// register sends a REGISTER and gives the result with the response as parsed.
func (b *bench) register(lines ...string) (*registrar.Result, *wire.Message) {
	b.Helper()
	return b.process(&registrar.Request{Message: b.message(lines...)})
}

func (b *bench) process(req *registrar.Request) (*registrar.Result, *wire.Message) {
	b.Helper()
	req.Now = b.now
	req.Source, req.Transport, req.Edge = netip.MustParseAddrPort("192.0.2.1:5060"), "UDP", "lb1"
	res := b.reg.Register(context.Background(), req)
	out, err := res.AppendResponse(nil, req.Message, "tag")
	if err != nil {
		b.Fatal(err)
	}
	reply := parse(b, out)
	if reply.Status() != res.Status {
		b.Fatalf("status %d in the response, %d in the result", reply.Status(), res.Status)
	}
	return res, reply
}

// want sends a REGISTER that must be answered with a status.
func (b *bench) want(status int, lines ...string) *wire.Message {
	b.Helper()
	res, reply := b.register(lines...)
	if res.Status != status {
		b.Fatalf("%d %s, want %d, to %q", res.Status, res.Reason, status, lines)
	}
	return reply
}

// contacts gives what is stored for alice, one URI a word.
func (b *bench) contacts() string {
	b.Helper()
	var list []string
	for _, x := range b.bindings(alice) {
		list = append(list, x.Contact)
	}
	return strings.Join(list, " ")
}

func (b *bench) bindings(aor string) []registrar.Binding {
	b.Helper()
	bs, err := b.store.Lookup(context.Background(), nil, aor, b.now)
	if err != nil {
		b.Fatal(err)
	}
	return bs
}

// values joins the values of a header of the response.
func values(m *wire.Message, id wire.HeaderID) string {
	var list []string
	for v := m.Values(id); v.Next(); {
		list = append(list, string(v.Value()))
	}
	return strings.Join(list, " | ")
}
