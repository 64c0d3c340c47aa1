package resolve

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/resolve/dnstest"
	"github.com/class5-go/class5/sip/wire"
)

func parse(t testing.TB, text string) *dnstest.Zones {
	t.Helper()
	z, err := dnstest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func newResolver(t testing.TB, z Exchanger, change ...func(*Config)) *Resolver {
	t.Helper()
	cfg := Config{Exchange: z, Random: func() uint64 { return 1 }}
	for _, f := range change {
		f(&cfg)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func newCache(t testing.TB, r *Resolver, change ...func(*CacheConfig)) *Cache {
	t.Helper()
	cfg := CacheConfig{Resolver: r, Secret: []byte("0123456789abcdef")}
	for _, f := range change {
		f(&cfg)
	}
	c, err := NewCache(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func question(t testing.TB, uri string) Question {
	t.Helper()
	q, err := questionOf(uri)
	if err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
	return q
}

func questionOf(uri string) (Question, error) {
	u, err := wire.ParseURI([]byte(uri))
	if err != nil {
		return Question{}, err
	}
	return URI(u)
}

// show writes targets like "UDP 192.0.2.1:5060, TCP 192.0.2.2:5060".
func show(all []Target) string {
	var b strings.Builder
	for i, t := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", t.Protocol, t.Addr)
	}
	return b.String()
}

func udp(addr string) Target { return Target{Protocol: 1, Addr: netip.MustParseAddrPort(addr)} }
