package dnstest

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const text = `
example. SOA ns. root. 1 3600 600 86400 60
a.example. A 192.0.2.1
b.example. CNAME a.example.
`

func ask(ctx context.Context, z *Zones, name string) (rcode, answers, authority int, err error) {
	m, err := z.Exchange(ctx, new(dns.Msg).SetQuestion(name, dns.TypeA))
	if err != nil {
		return 0, 0, 0, err
	}
	return m.Rcode, len(m.Answer), len(m.Ns), nil
}

func TestAnswers(t *testing.T) {
	z, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name                      string
		bare                      bool
		rcode, answers, authority int
	}{
		{"A.example.", false, dns.RcodeSuccess, 1, 0},
		{"b.example.", false, dns.RcodeSuccess, 2, 0},
		{"b.example.", true, dns.RcodeSuccess, 1, 0},
		{"c.example.", false, dns.RcodeNameError, 0, 1},
		{"example.", false, dns.RcodeSuccess, 0, 1},
		{"other.", false, dns.RcodeNameError, 0, 0},
	} {
		z.Bare(c.bare)
		if rcode, answers, authority, err := ask(t.Context(), z, c.name); rcode != c.rcode || answers != c.answers || authority != c.authority || err != nil {
			t.Errorf("%s: %d, %d, %d, %v", c.name, rcode, answers, authority, err)
		}
	}
	if m, err := z.Exchange(t.Context(), new(dns.Msg)); err != nil || m.Rcode != dns.RcodeFormatError {
		t.Errorf("no question: %v, %v", m, err)
	}
	if _, err := Parse("a.example. A nowhere"); err == nil {
		t.Error("read an address that is none")
	}
}

// TestScript: faults come in their order, the most special script first.
func TestScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		z.Script("", 0, Fault{Rcode: dns.RcodeRefused})
		z.Script("a.example", dns.TypeA, Fault{Rcode: dns.RcodeServerFailure, Times: 2}, Fault{Delay: time.Second, Times: 1}, Fault{Lose: true, Times: 1})
		begun := time.Now()
		for i, want := range []int{dns.RcodeServerFailure, dns.RcodeServerFailure, dns.RcodeSuccess} {
			if rcode, _, _, err := ask(t.Context(), z, "a.example."); rcode != want || err != nil {
				t.Errorf("query %d: %d, %v", i+1, rcode, err)
			}
		}
		if d := time.Since(begun); d != time.Second {
			t.Errorf("took %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, _, _, err := ask(ctx, z, "a.example."); err == nil {
			t.Error("an answer to a lost query")
		}
		if rcode, _, _, _ := ask(t.Context(), z, "a.example."); rcode != dns.RcodeRefused {
			t.Errorf("at the end of the script: %d", rcode)
		}
		if n := z.Asked("a.example", 0); n != 5 || z.Asked("", dns.TypeA) != 5 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestSockets: UDP, TCP, and an answer that does not fit.
func TestSockets(t *testing.T) {
	z, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Listen(t.Context(), z)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	z.Script("a.example", 0, Fault{Truncate: true})
	for _, network := range []string{"udp", "tcp"} {
		c := dns.Client{Net: network, Dialer: &net.Dialer{Timeout: 5 * time.Second}}
		m, _, err := c.Exchange(new(dns.Msg).SetQuestion("a.example.", dns.TypeA), s.Addr().String())
		if err != nil || m.Truncated != (network == "udp") || len(m.Answer) == 0 != m.Truncated {
			t.Errorf("%s: %v, %v", network, m, err)
		}
	}
}
