package relay

import (
	"encoding/binary"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/media/srtp"
)

// indices is an engine of SRTP that only notes what it is asked to protect.
type indices struct {
	rtp, rtcp uint64
}

func (x *indices) SealRTP(_ []byte, _, n int, index uint64) (int, error) {
	x.rtp = index
	return n + 10, nil
}
func (*indices) OpenRTP([]byte, int, uint64) (int, error) { return 0, srtp.ErrAuth }
func (x *indices) SealRTCP(_ []byte, n int, index uint32) (int, error) {
	x.rtcp = uint64(index)
	return n + 14, nil
}
func (*indices) OpenRTCP([]byte) (int, error) { return 0, srtp.ErrAuth }

// use is what has indices of its own.
type use struct {
	key  int
	ssrc uint32
	rtcp bool
}

// mortal is a session that protects packets, its store, and the processes that
// go on with it one after the other.
type mortal struct {
	t    *rapid.T
	now  time.Duration
	key  int
	c    *srtp.Context
	x    *indices
	seq  [3]uint16 // of two sources, and of a coder
	seen map[use]uint64

	up        bool // the store
	kept      []byte
	keptCoder uint16
	at        time.Duration // when kept was written
	asof      time.Duration // when it was current
	began     bool          // the process has not confirmed yet
	revision  uint64
	rule      func(st *State, age time.Duration) bool
}

// born begins a session with keys of its own. Sources begin as RFC 3711 section
// 3.3.1 wants it, so that none wraps before a state knows it.
func (m *mortal) born() {
	m.key++
	m.c = m.context()
	for i := range m.seq {
		m.seq[i] = uint16(rapid.IntRange(0, 1<<15-1).Draw(m.t, "first"))
	}
	m.save()
}

func (m *mortal) context() *srtp.Context {
	m.x = &indices{}
	c, err := srtp.NewContext(srtp.AES128SHA180, make([]byte, 16), make([]byte, 14), srtp.WithEngine(func(srtp.Params) (srtp.Engine, error) { return m.x, nil }))
	if err != nil {
		m.t.Fatal(err)
	}
	return c
}

// save writes to the store, if it is there.
func (m *mortal) save() {
	if m.up {
		m.kept, m.keptCoder, m.at, m.asof, m.began = m.c.Export(nil), m.seq[2], m.now, m.now, false
		m.revision = m.c.Revision()
	}
}

// second is what a relay does every second.
func (m *mortal) second() {
	if m.began || m.c.Revision() != m.revision || m.now-m.at >= storeInterval { // a process that began writes all
		m.save()
	} else if m.up {
		m.asof, m.began = m.now, false
	}
}

func (m *mortal) send(ssrc uint32, seq uint16) {
	buf := make([]byte, 20, 200)
	buf[0] = 0x80
	binary.BigEndian.PutUint16(buf[2:], seq)
	binary.BigEndian.PutUint32(buf[8:], ssrc)
	if _, err := m.c.Protect(buf[:200], 20); err != nil {
		return // refused
	}
	m.once(use{m.key, ssrc, false}, m.x.rtp)
}

func (m *mortal) report(ssrc uint32) {
	buf := make([]byte, 200)
	copy(buf, []byte{0x80, 201, 0, 1})
	binary.BigEndian.PutUint32(buf[4:], ssrc)
	if _, err := m.c.ProtectRTCP(buf, 8); err != nil {
		m.t.Fatal(err)
	}
	m.once(use{m.key, ssrc, true}, m.x.rtcp)
}

// once: as all sources go on, each index is above those before. Most packets are
// not sent here, so that others below it count as used too.
func (m *mortal) once(u use, index uint64) {
	if last, ok := m.seen[u]; ok && index <= last {
		m.t.Fatalf("%+v: index %d after %d", u, index, last)
	}
	m.seen[u] = index
}

// speak lets up to 50 seconds pass, in which sources send up to 2,000 packets
// a second, of which some are lost before they are here, and a coder 100.
func (m *mortal) speak() {
	draw := rapid.SampledFrom([]int{0, 12, 500, 500})
	speeds := [2]int{draw.Draw(m.t, "packets"), draw.Draw(m.t, "packets")}
	coded, of := rapid.IntRange(0, 25).Draw(m.t, "coded"), uint32(rapid.IntRange(0, 3).Draw(m.t, "reports of"))
	for range rapid.SampledFrom([]int{1, 3, 10, 60, 200}).Draw(m.t, "quarters") {
		m.now += time.Second / 4
		for i, speed := range speeds {
			left := speed
			for n := min(left, 5); n > 0; n-- {
				step := max(left/n, 1)
				m.seq[i] += uint16(step)
				left -= step
				m.send(uint32(i), m.seq[i])
			}
		}
		for range coded {
			m.seq[2]++
			m.send(2, m.seq[2])
		}
		m.report(of)
		if m.now%time.Second == 0 {
			m.second()
		}
	}
}

// die ends the process; another one goes on after a while.
func (m *mortal) die(away time.Duration) {
	m.now += away
	for i := range 2 {
		m.seq[i] += 1 + uint16(away/(20*time.Millisecond)) // the sources go on
	}
	age := m.now - m.asof
	if m.began {
		age = -1
	}
	m.began = true
	st := &State{Legs: []LegState{{Streams: []StreamState{{Out: m.kept}}}}}
	if m.rule(st, age) {
		m.born()
		return
	}
	m.c = m.context()
	if err := m.c.Import(m.kept); err != nil {
		m.t.Fatal(err)
	}
	m.seq[2] = m.keptCoder + skipped(age)
	m.save()
}

// TestIndexOnceBehindStore: whatever the store misses and whenever processes
// die, no index of SRTP is used twice under a key.
func TestIndexOnceBehindStore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &mortal{t: t, seen: map[use]uint64{}, up: true, rule: (*State).stale}
		m.born()
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				m.up = false
			case 1:
				m.die(time.Duration(rapid.IntRange(0, 12_000).Draw(t, "away")) * time.Millisecond)
			case 2:
				m.up = true
				m.second()
			default:
				m.speak()
			}
		}
	})
}

// TestStaleRepeats: without the rule an index is used twice, so that the test
// above can fail: the store misses a wrap.
func TestStaleRepeats(t *testing.T) {
	for _, ruled := range []bool{true, false} {
		twice := false
		c := func() (*srtp.Context, *indices) {
			x := &indices{}
			c, err := srtp.NewContext(srtp.AES128SHA180, make([]byte, 16), make([]byte, 14), srtp.WithEngine(func(srtp.Params) (srtp.Engine, error) { return x, nil }))
			if err != nil {
				t.Fatal(err)
			}
			return c, x
		}
		seen := map[uint64]bool{}
		send := func(c *srtp.Context, x *indices, seq int) {
			buf := make([]byte, 200)
			buf[0] = 0x80
			binary.BigEndian.PutUint16(buf[2:], uint16(seq))
			if _, err := c.Protect(buf, 20); err == nil {
				twice = twice || seen[x.rtp]
				seen[x.rtp] = true
			}
		}
		first, x := c()
		send(first, x, 100)
		kept := first.Export(nil)
		for seq := 101; seq < 66000; seq++ { // 22 minutes of audio
			send(first, x, seq)
		}
		st := &State{Legs: []LegState{{Streams: []StreamState{{Out: kept}}}}}
		if ruled && st.stale(22*time.Minute) {
			continue
		}
		next, x := c()
		if err := next.Import(kept); err != nil {
			t.Fatal(err)
		}
		for seq := 66000; seq < 66100; seq++ {
			send(next, x, seq)
		}
		if twice == ruled {
			t.Errorf("with the rule %v: twice %v", ruled, twice)
		}
	}
}
