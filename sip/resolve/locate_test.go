package resolve

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/class5-go/class5/sip/resolve/dnstest"
	"github.com/class5-go/class5/sip/transport"
)

const world = `
$TTL 600
; all that RFC 3263 has
full.example.           SOA   ns. root. 1 3600 600 86400 60
full.example.           NAPTR 50 50 "s" "SIPS+D2T" "" _sips._tcp.full.example.
full.example.           NAPTR 90 50 "s" "SIP+D2T"  "" _sip._tcp.elsewhere.example.
full.example.           NAPTR 100 50 "s" "SIP+D2U" "" _sip._udp.full.example.
full.example.           NAPTR 100 40 "u" "E2U+sip" "!^.*$!sip:x@y!" .
_sips._tcp.full.example. SRV  0 1 5061 a.full.example.
_sip._tcp.elsewhere.example. SRV 0 1 5062 b.full.example.
_sip._udp.full.example. SRV   20 1 5064 b.full.example.
_sip._udp.full.example. SRV   10 1 5063 a.full.example.
a.full.example.         A     192.0.2.1
a.full.example.         AAAA  2001:db8::1
b.full.example.         A     192.0.2.2
full.example.           A     192.0.2.9
; SRV alone
srv.example.            SOA   ns. root. 1 3600 600 86400 60
_sip._udp.srv.example.  SRV   10 1 5060 a.full.example.
_sip._tcp.srv.example.  SRV   10 1 5060 b.full.example.
; address alone
addr.example.           A     192.0.2.3
addr.example.           AAAA  2001:db8::3
; service not offered over UDP, none at all
tcponly.example.        A     192.0.2.4
_sip._udp.tcponly.example. SRV 0 0 0 .
_sip._tcp.tcponly.example. SRV 0 0 5060 b.full.example.
none.example.           A     192.0.2.4
_sip._udp.none.example. SRV   0 0 0 .
; NAPTR that is not for SIP, and one that cannot be used
enum.example.           NAPTR 100 40 "u" "E2U+sip" "!^.*$!sip:x@y!" .
enum.example.           A     192.0.2.5
ws.example.             NAPTR 10 10 "s" "SIPS+D2W" "" _sips._ws.ws.example.
ws.example.             NAPTR 20 10 "s" "SIP+D2W" "" _sip._ws.ws.example.
ws.example.             A     192.0.2.6
_sips._ws.ws.example.   SRV   0 0 443 a.full.example.
_sip._ws.ws.example.    SRV   0 0 80 a.full.example.
; only SIP+D2U, asked for sips
plain.example.          NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.plain.example.
_sip._udp.plain.example. SRV  0 0 5060 a.full.example.
plain.example.          A     192.0.2.7
; aliases
alias.example.          CNAME alias2.example.
alias2.example.         CNAME addr.example.
loop.example.           CNAME loop2.example.
loop2.example.          CNAME loop.example.
; a server that has no address, beside one that has
_sip._udp.half.example. SRV   0 0 5060 gone.example.
_sip._udp.half.example. SRV   0 0 5060 b.full.example.
; into our own network
inner.example.          A     127.0.0.1
mixed.example.          A     127.0.0.1
mixed.example.          A     192.0.2.8
`

func TestLocate(t *testing.T) {
	for _, c := range []struct {
		uri, want string
		err       error
	}{
		{"sip:full.example", "TLS 192.0.2.1:5061, TCP 192.0.2.2:5062, UDP 192.0.2.1:5063, UDP 192.0.2.2:5064", nil},
		{"sip:FULL.Example.", "TLS 192.0.2.1:5061, TCP 192.0.2.2:5062, UDP 192.0.2.1:5063, UDP 192.0.2.2:5064", nil},
		{"sips:full.example", "TLS 192.0.2.1:5061", nil},
		{"sip:full.example;transport=udp", "UDP 192.0.2.1:5063, UDP 192.0.2.2:5064", nil},
		{"sip:full.example;transport=tcp", "TCP 192.0.2.9:5060", nil},
		{"sips:full.example;transport=tcp", "TLS 192.0.2.1:5061", nil},
		{"sip:full.example;transport=tls", "TLS 192.0.2.1:5061", nil},
		{"sips:full.example;transport=udp", "", ErrTransport},
		{"sip:full.example;transport=sctp", "", ErrTransport},
		{"sip:full.example:5099", "UDP 192.0.2.9:5099", nil},
		{"sips:full.example:5099", "TLS 192.0.2.9:5099", nil},
		{"sip:full.example:5099;transport=tcp", "TCP 192.0.2.9:5099", nil},
		{"sip:nowhere.example;maddr=srv.example", "UDP 192.0.2.1:5060, TCP 192.0.2.2:5060", nil},
		{"sip:srv.example", "UDP 192.0.2.1:5060, TCP 192.0.2.2:5060", nil},
		{"sips:srv.example", "", ErrNotFound},
		{"sip:addr.example", "UDP 192.0.2.3:5060", nil},
		{"sip:addr.example;transport=tcp", "TCP 192.0.2.3:5060", nil},
		{"sips:addr.example", "TLS 192.0.2.3:5061", nil},
		{"sip:tcponly.example", "TCP 192.0.2.2:5060", nil},
		{"sip:none.example", "", ErrNotFound},
		{"sip:enum.example", "UDP 192.0.2.5:5060", nil},
		{"sip:ws.example", "", ErrNotFound},
		{"sip:ws.example;transport=ws", "", ErrTransport},
		{"sips:plain.example", "", ErrNotFound},
		{"sip:alias.example", "UDP 192.0.2.3:5060", nil},
		{"sip:loop.example", "", ErrNotFound},
		{"sip:half.example", "UDP 192.0.2.2:5060", nil},
		{"sip:nowhere.example", "", ErrNotFound},
		{"sip:inner.example", "", ErrDenied},
		{"sip:mixed.example", "UDP 192.0.2.8:5060", nil},
		{"sip:192.0.2.77", "UDP 192.0.2.77:5060", nil},
		{"sips:192.0.2.77", "TLS 192.0.2.77:5061", nil},
		{"sip:[2001:db8::7]:5070;transport=tcp", "", ErrTransport},
		{"sip:127.0.0.1", "", ErrDenied},
		{"sip:192.0.2.77;maddr=239.1.2.3", "", ErrDenied},
		{"tel:+431", "", ErrScheme},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newResolver(t, parse(t, world), func(c *Config) {
				c.NoIPv6 = true
				c.Deny = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			})
			q, err := questionOf(c.uri)
			var got []Target
			if err == nil {
				got, err = r.Targets(t.Context(), q)
			}
			if !errors.Is(err, c.err) || show(got) != c.want {
				t.Errorf("%s: %s, %v; want %s, %v", c.uri, show(got), err, c.want, c.err)
			}
		})
	}
}

func TestFamiliesAndWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := parse(t, world)
		six := newResolver(t, z, func(c *Config) { c.NoIPv4 = true })
		for uri, want := range map[string]string{
			"sip:full.example": "TLS [2001:db8::1]:5061, UDP [2001:db8::1]:5063",
			"sip:addr.example": "UDP [2001:db8::3]:5060",
		} {
			if got, err := six.Targets(t.Context(), question(t, uri)); show(got) != want {
				t.Errorf("%s: %s, %v", uri, show(got), err)
			}
		}
		ws := newResolver(t, z, func(c *Config) {
			c.NoIPv6, c.Protocols = true, []transport.Protocol{transport.WSS, transport.WS, transport.UDP}
		})
		for uri, want := range map[string]string{
			"sip:ws.example":               "WSS 192.0.2.1:443, WS 192.0.2.1:80",
			"sips:ws.example":              "WSS 192.0.2.1:443",
			"sips:ws.example;transport=ws": "WSS 192.0.2.1:443",
			"sip:addr.example":             "UDP 192.0.2.3:5060",
			"sip:192.0.2.1;transport=ws":   "WS 192.0.2.1:80",
		} {
			if got, err := ws.Targets(t.Context(), question(t, uri)); show(got) != want {
				t.Errorf("%s: %s, %v", uri, show(got), err)
			}
		}
		both := newResolver(t, z)
		if got, err := both.Targets(t.Context(), question(t, "sip:addr.example")); len(got) != 2 {
			t.Errorf("both families: %s, %v", show(got), err)
		} else if got[0].Name != "addr.example" {
			t.Errorf("named %q", got[0].Name)
		}
	})
}

// TestServerFailures: a failure of the DNS is no statement that there is nothing.
func TestServerFailures(t *testing.T) {
	servfail := dnstest.Fault{Rcode: dns.RcodeServerFailure}
	for _, c := range []struct {
		name, fails string
		kind        uint16
		want        string
		err         error
	}{
		{"NAPTR fails, SRV is there", "srv.example", dns.TypeNAPTR, "UDP 192.0.2.1:5060, TCP 192.0.2.2:5060", nil},
		{"one SRV fails", "_sip._udp.srv.example", dns.TypeSRV, "TCP 192.0.2.2:5060", nil},
		{"all SRV fail", "", dns.TypeSRV, "", ErrServer},
		{"the address of one server fails", "a.full.example", dns.TypeA, "TCP 192.0.2.2:5060", nil},
		{"all fail", "", 0, "", ErrServer},
	} {
		synctest.Test(t, func(t *testing.T) {
			z := parse(t, world)
			z.Script(c.fails, c.kind, servfail)
			r := newResolver(t, z, func(c *Config) { c.NoIPv6 = true })
			got, err := r.Targets(t.Context(), question(t, "sip:srv.example"))
			if show(got) != c.want || !errors.Is(err, c.err) {
				t.Errorf("%s: %s, %v", c.name, show(got), err)
			}
			// What was missing is asked for again soon.
			z.Script(c.fails, c.kind)
			time.Sleep(2 * time.Second)
			if got, err = r.Targets(t.Context(), question(t, "sip:srv.example")); len(got) != 2 {
				t.Errorf("%s: later %s, %v", c.name, show(got), err)
			}
		})
	}
}

// TestLimits: neither a large zone nor a silent one costs more than it may.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		for i := range 100 {
			fmt.Fprintf(&b, "_sip._udp.big.example. SRV %d 1 5060 h%d.big.example.\n", i, i)
			fmt.Fprintf(&b, "_sip._tcp.big.example. SRV %d 1 5060 h%d.big.example.\n", i, i)
			for j := range 100 {
				fmt.Fprintf(&b, "h%d.big.example. A 10.0.%d.%d\n", i, i, j)
			}
		}
		z := parse(t, b.String())
		r := newResolver(t, z)
		got, err := r.Targets(t.Context(), question(t, "sip:big.example"))
		if err != nil || len(got) != maxTargets {
			t.Errorf("%d targets, %v", len(got), err)
		}
		if n := z.Asked("", 0); n > maxQueries {
			t.Errorf("%d queries", n)
		}
		if got, err = r.Targets(t.Context(), question(t, "sip:h1.big.example:5060")); len(got) != maxRecords {
			t.Errorf("%d addresses, %v", len(got), err)
		}
	})
}

func TestSilentDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := parse(t, world)
		z.Script("", 0, dnstest.Fault{Lose: true})
		r := newResolver(t, z, func(c *Config) { c.Timeout = 3 * time.Second })
		begun := time.Now()
		if _, err := r.Targets(t.Context(), question(t, "sip:srv.example")); err == nil {
			t.Error("an answer from nowhere")
		}
		if d := time.Since(begun); d != 3*time.Second {
			t.Errorf("gave up after %v", d)
		}
	})
}
