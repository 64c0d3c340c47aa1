package resolve

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/sip/resolve/dnstest"
)

// TestPickProperties plays proxies, their timers and servers that fail at
// random, and holds every choice against what was promised.
func TestPickProperties(t *testing.T) {
	const zones = `
example.com. SOA ns. root. 1 3600 600 86400 3600
_sip._udp.example.com. 3600 SRV 10 3 5060 a.example.com.
_sip._udp.example.com. 3600 SRV 10 1 5060 b.example.com.
_sip._udp.example.com. 3600 SRV 20 1 5060 c.example.com.
a.example.com. 3600 A 192.0.2.1
a.example.com. 3600 A 192.0.2.2
b.example.com. 3600 A 192.0.2.3
c.example.com. 3600 A 192.0.2.4
`
	z, err := dnstest.Parse(zones)
	if err != nil {
		t.Fatal(err)
	}
	r := newResolver(t, z, func(c *Config) { c.NegativeTTL = time.Hour })
	q := question(t, "sip:example.com")
	told := make(chan struct{}, 1)
	rapid.Check(t, func(t *rapid.T) {
		c, err := NewCache(CacheConfig{Resolver: r, Secret: []byte("0123456789abcdef"), Wake: func() { told <- struct{}{} }})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, s := c.Pick(start, []byte("first"), q, true); s == Pending {
			<-told
		}
		m := &proxies{t: t, c: c, q: q, now: start, all: make(map[string]*sent)}
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 5000).Draw(t, "ms")) * time.Millisecond)
			},
			"send":   m.send,
			"cancel": m.cancel,
			"answer": m.answer,
			"fail":   m.fail,
		})
	})
}

// proxies is the model: what was sent, and where it must go.
type proxies struct {
	t   *rapid.T
	c   *Cache
	q   Question
	now time.Time
	all map[string]*sent
}

type sent struct {
	first            time.Time
	target           Target
	answered, failed bool
}

func branch(t *rapid.T) string { return fmt.Sprint("z9hG4bK", rapid.IntRange(0, 20).Draw(t, "branch")) }

func (m *proxies) send(t *rapid.T) {
	b := branch(t)
	before := len(m.c.Dead().List(m.now))
	got, s := m.c.Pick(m.now, []byte(b), m.q, true)
	if s != Ready {
		t.Fatalf("state %d", s)
	}
	old := m.all[b]
	stays := old != nil && (old.answered || !old.failed && m.now.Sub(old.first) < 3400*time.Millisecond)
	switch {
	case stays && got != old.target:
		t.Fatalf("%s moved from %v to %v", b, old.target, got)
	case stays:
		return
	case old != nil && got == old.target && before < 3:
		t.Fatalf("%s was sent to %v again though that is silent", b, got)
	}
	if old == nil && before < 4 {
		if _, dead := m.c.Dead().listed(m.now, got); dead && !m.probed(got) {
			t.Fatalf("%s was sent to %v, which is dead", b, got)
		}
	}
	m.all[b] = &sent{first: m.now, target: got}
}

// probed: a target whose time was over is on the list again while one request
// finds out about it.
func (m *proxies) probed(target Target) bool {
	for _, d := range m.c.Dead().List(m.now) {
		if d.Addr == target.Addr {
			return d.Until.Equal(m.now.Add(probeTime))
		}
	}
	return false
}

func (m *proxies) cancel(t *rapid.T) {
	b := branch(t)
	dead := len(m.c.Dead().List(m.now))
	got, s := m.c.Pick(m.now, []byte(b), m.q, false)
	if old := m.all[b]; s != Ready || old != nil && got != old.target {
		t.Fatalf("CANCEL of %s goes to %v with state %d, its INVITE is %+v", b, got, s, old)
	}
	if n := len(m.c.Dead().List(m.now)); n != dead {
		t.Fatalf("a CANCEL changes the number of the dead from %d to %d", dead, n)
	}
}

func (m *proxies) answer(t *rapid.T) {
	b := branch(t)
	m.c.Answered(m.now, []byte(b))
	if old := m.all[b]; old != nil {
		old.answered, old.failed = true, false
	}
}

func (m *proxies) fail(t *rapid.T) {
	b := branch(t)
	old := m.all[b]
	if m.c.Fail(m.now, []byte(b)) != (old != nil && !old.answered) {
		t.Fatalf("Fail of %+v", old)
	}
	if old != nil && !old.answered {
		old.failed = true
		if _, dead := m.c.Dead().listed(m.now, old.target); !dead {
			t.Fatalf("%v failed and is not dead", old.target)
		}
	}
}
