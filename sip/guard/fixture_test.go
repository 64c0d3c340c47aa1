package guard

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// epoch is when tests begin.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return epoch.Add(d) }

func from(addr string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(addr), 5060) }

// numbered is a source for each n, all of different /32.
func numbered(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(n>>24) + 11, byte(n >> 16), byte(n >> 8), byte(n)}), 5060)
}

func newGuard(tb testing.TB, cfg Config) *Guard {
	tb.Helper()
	g, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// small is a configuration with tables that are quick to make.
func small() Config {
	return Config{Tables: Tables{Sources: 1 << 10, Methods: 1 << 10, Users: 1 << 10, Bans: 1 << 10, Standing: 1 << 10,
		Targets: 1 << 10, Known: 1 << 10}}
}

const registerText = `REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/UDP 192.168.1.7:5060;branch=z9hG4bK-524287-1---b1b3b1c7b9f6f0a5;rport
Max-Forwards: 70
From: "Alice Adams" <sip:alice@example.com>;tag=9fxced76sl
To: <sip:alice@example.com>
Call-ID: 3848276298220188511@example.com
CSeq: 2 REGISTER
Contact: <sip:alice@192.168.1.7:5060;ob>;reg-id=1
Expires: 3600
User-Agent: Example Phone 4.2.1 (rev 89ab)
Authorization: Digest username="alice", realm="example.com", nonce="84f1c1ae6cbe5ua9c8e88dfa3ecm3459", uri="sip:example.com", response="6629fae49393a05397450978507c4ef1"
Content-Length: 0

`

const inviteText = `INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.168.1.7:5060;branch=z9hG4bK-524287-1---b1b3b1c7b9f6f0a5;rport
Max-Forwards: 70
From: "Alice Adams" <sip:alice@example.com>;tag=9fxced76sl
To: <sip:bob@example.com>
Call-ID: 3848276298220188511@example.com
CSeq: 102 INVITE
Contact: <sip:alice@192.168.1.7:5060;ob>
User-Agent: Example Phone 4.2.1 (rev 89ab)
Content-Length: 0

`

// parse makes a message of text after the replacements old, new, ...
func parse(tb testing.TB, text string, replace ...string) *wire.Message {
	tb.Helper()
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			tb.Fatalf("no %q in the message", replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	m := new(wire.Message)
	if err := m.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n")), nil); err != nil {
		tb.Fatalf("%v: %s", err, text)
	}
	return m
}

// registerOf is a REGISTER with credentials of user@example.com.
func registerOf(tb testing.TB, user string) *wire.Message {
	return parse(tb, registerText, "alice", user)
}

// request is what Request says, in the form of a rule's text.
func request(g *Guard, now time.Time, src netip.AddrPort, p transport.Protocol, m *wire.Message) string {
	pass, status, text := g.Request(now, src, p, m)
	switch {
	case pass:
		return "pass"
	case status == 0:
		return "drop"
	}
	return fmt.Sprintf("%d %s", status, text)
}
