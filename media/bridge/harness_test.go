package bridge_test

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/bridge"
)

// counter is randomness that is the same in every run.
type counter struct{ n uint32 }

func (c *counter) Read(b []byte) (int, error) {
	for i := range b {
		c.n = c.n*1664525 + 1013904223
		b[i] = byte(c.n >> 24)
	}
	return len(b), nil
}

// fakePorts gives ports that tell what they are for: 1000 times the leg, 10
// times the m= line, 100 times the generation.
type fakePorts struct {
	asked map[string]bridge.PortRequest
	fail  bool
}

const (
	ours4 = "192.0.2.99"
	ours6 = "2001:db8:99::1"
)

var errNoPorts = errors.New("out of ports")

func (p *fakePorts) Local(r bridge.PortRequest) (bridge.Local, error) {
	if p.fail {
		return bridge.Local{}, errNoPorts
	}
	p.asked[fmt.Sprintf("%d/%d/%d", r.Leg, r.Media, r.Generation)] = r
	n := uint16(10000 + 1000*int(r.Leg) + 10*r.Media + 100*r.Generation)
	a := bridge.LocalAddr{Addr: netip.MustParseAddr(ours4), RTP: n, RTCP: n + 1, Foundation: "four"}
	b := bridge.LocalAddr{Addr: netip.MustParseAddr(ours6), RTP: n + 2, RTCP: n + 3, Foundation: "six"}
	switch {
	case r.All && r.Family == bridge.IPv6:
		return bridge.Local{Addrs: []bridge.LocalAddr{b, a}}, nil
	case r.All:
		return bridge.Local{Addrs: []bridge.LocalAddr{a, b}}, nil
	case r.Family == bridge.IPv6:
		return bridge.Local{Addrs: []bridge.LocalAddr{b}}, nil
	}
	return bridge.Local{Addrs: []bridge.LocalAddr{a}}, nil
}

// call is one session with parties a and b.
type call struct {
	testing.TB
	s     *bridge.Session
	ports *fakePorts
}

func codecs(c bridge.Codec) (decode, encode bool) {
	switch strings.ToUpper(c.Name) {
	case "PCMA", "PCMU", "G722", "OPUS", "L16":
		return true, true
	case "G729":
		return true, false
	}
	return false, false
}

func fingerprint(hash string) (string, bool) {
	switch hash {
	case "sha-256":
		return "AA:AA", true
	case "sha-1":
		return "BB:BB", true
	}
	return "", false
}

func engine(t interface {
	Helper()
	Fatal(...any)
}) *bridge.Engine {
	t.Helper()
	e, err := bridge.New(bridge.Config{Rand: &counter{}, Can: codecs, Fingerprint: fingerprint, Instance: "0123456789ab"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newCall(t testing.TB) *call {
	t.Helper()
	return &call{TB: t, s: engine(t).Session(), ports: newPorts()}
}

func newPorts() *fakePorts { return &fakePorts{asked: make(map[string]bridge.PortRequest)} }

const head = "v=0\no=- 1 1 IN IP4 198.51.100.1\ns=-\nt=0 0\n"

// body writes a description: the head and an address are added when they are
// missing, '|' stands for a line end.
func body(s string) []byte {
	s = strings.ReplaceAll(s, "|", "\n")
	if !strings.HasPrefix(s, "v=") {
		c := "c=IN IP4 198.51.100.1\n"
		if strings.Contains(s, "c=") {
			c = ""
		}
		s = head + c + s
	}
	return []byte(strings.ReplaceAll(s+"\n", "\n", "\r\n"))
}

// seen is a description as the tables write it: without the lines that nobody
// changed, random values masked.
func seen(b []byte) string {
	s := strings.ReplaceAll(strings.TrimSuffix(string(b), "\r\n"), "\r\n", "\n")
	s = strings.TrimPrefix(s, head)
	s = strings.TrimPrefix(s, "c=IN IP4 "+ours4+"\n")
	for _, m := range [][2]string{
		{`inline:[A-Za-z0-9+/]+`, "inline:K"},
		{`a=ice-ufrag:[A-Za-z0-9]{8}\b`, "a=ice-ufrag:U"},
		{`a=ice-pwd:[A-Za-z0-9]{26}\b`, "a=ice-pwd:P"},
		{`a=tls-id:[0-9a-f]{32}`, "a=tls-id:T"},
	} {
		s = regexp.MustCompile(m[0]).ReplaceAllString(s, m[1])
	}
	return strings.ReplaceAll(s, "\n", "|")
}

// step is one offer or answer: who speaks, what is said and what the other is
// told.
type step struct {
	who     string // "a offers", "b answers", "b offers", "a answers", and a remark
	options bridge.Options
	say     string
	told    string // empty: not looked at
}

func (c *call) do(s step) bridge.Result {
	c.Helper()
	party, verb, _ := strings.Cut(s.who, " ")
	other := map[string]string{"a": "b", "b": "a"}[party]
	var r bridge.Result
	var err error
	if strings.HasPrefix(verb, "offers") {
		r, err = c.s.Offer(bridge.Offer{FromTag: party, ToTag: other, SDP: body(s.say), Options: s.options}, c.ports)
	} else {
		r, err = c.s.Answer(bridge.Answer{FromTag: other, ToTag: party, SDP: body(s.say), Options: s.options}, c.ports)
	}
	if err != nil {
		c.Fatalf("%s %q: %v", s.who, s.say, err)
	}
	if got := seen(r.SDP); s.told != "" && got != s.told {
		c.Errorf("%s %s\n got %s\nwant %s", s.who, s.say, strings.ReplaceAll(got, "|", "\n     "), strings.ReplaceAll(s.told, "|", "\n     "))
	}
	return r
}

// run works through a table.
func run(t *testing.T, table map[string][]step) {
	t.Helper()
	for name, steps := range table {
		t.Run(name, func(t *testing.T) {
			c := newCall(t)
			for _, s := range steps {
				c.do(s)
			}
		})
	}
}
