package relay

import (
	"encoding/binary"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/media/rtpwire"
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
	h    *shield
	x    *indices
	ssrc [3]uint32 // of two sources, and of a coder
	seq  [3]uint16
	seen map[use]uint64

	up       bool // the store
	kept     StreamState
	coder    uint16        // its number as kept
	begun    bool          // as kept
	at       time.Duration // when kept was written
	asof     time.Duration // when it was current
	began    bool          // the process has not confirmed yet
	revision uint64
	rule     func(st *State, age time.Duration) bool
	hurry    bool // new SSRCs and wraps are stored at once, if the store is there
	renamed  int
}

// born begins a session with keys of its own. Sources begin anywhere.
func (m *mortal) born() {
	m.key++
	m.h = m.shield()
	for i := range m.seq {
		m.begin(i)
	}
	m.save()
}

// begin makes a source another one.
func (m *mortal) begin(i int) {
	near := rapid.IntRange(65_000, 65_535)
	m.ssrc[i] += 3
	m.seq[i] = uint16(rapid.OneOf(near, near, rapid.IntRange(0, 1<<16-1)).Draw(m.t, "first"))
}

func (m *mortal) shield() *shield {
	m.x = &indices{}
	c, err := srtp.NewContext(srtp.AES128SHA180, make([]byte, 16), make([]byte, 14), srtp.WithEngine(func(srtp.Params) (srtp.Engine, error) { return m.x, nil }))
	if err != nil {
		m.t.Fatal(err)
	}
	return &shield{out: c}
}

// save writes to the store, if it is there.
func (m *mortal) save() {
	if m.up {
		m.kept = StreamState{}
		m.h.exportOut(&m.kept)
		m.coder, m.at, m.asof, m.began = m.seq[2], m.now, m.now, false
		_, m.begun = m.h.out.Index(m.h.after(m.ssrc[2] + 2))
		m.revision = m.h.out.Revision()
	}
}

// second is what a relay does every second.
func (m *mortal) second() {
	if m.began || m.h.out.Revision() != m.revision || m.now-m.at >= storeInterval { // a process that began writes all
		m.save()
	} else if m.up {
		m.asof, m.began = m.now, false
	}
}

func (m *mortal) send(ssrc uint32, seq uint16) {
	buf := make([]byte, 200)
	buf[0] = 0x80
	binary.BigEndian.PutUint16(buf[2:], seq)
	binary.BigEndian.PutUint32(buf[8:], ssrc)
	if _, _, sent := m.h.sealPacket(rtpwire.KindRTP, buf, 20); !sent {
		return // refused
	}
	out := binary.BigEndian.Uint32(buf[8:])
	if out != ssrc {
		m.renamed++
	}
	m.once(use{m.key, out, false}, m.x.rtp)
	if m.h.moved() && m.hurry {
		m.save()
	}
}

func (m *mortal) report(ssrc uint32) {
	buf := make([]byte, 200)
	copy(buf, []byte{0x80, 201, 0, 1})
	binary.BigEndian.PutUint32(buf[4:], ssrc)
	if _, _, sent := m.h.sealPacket(rtpwire.KindRTCP, buf, 8); !sent {
		m.t.Fatal("a report is refused")
	}
	m.once(use{m.key, binary.BigEndian.Uint32(buf[4:]), true}, m.x.rtcp)
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
	coded, of := rapid.IntRange(0, 25).Draw(m.t, "coded"), rapid.IntRange(0, 2).Draw(m.t, "reports of")
	for range rapid.SampledFrom([]int{1, 1, 3, 10, 60, 200}).Draw(m.t, "quarters") {
		m.now += time.Second / 4
		for i, speed := range speeds {
			left := speed
			for n := min(left, 5); n > 0; n-- {
				step := max(left/n, 1)
				m.seq[i] += uint16(step)
				left -= step
				m.send(m.ssrc[i]+uint32(i), m.seq[i])
			}
		}
		for range coded {
			m.seq[2]++
			m.send(m.ssrc[2]+2, m.seq[2])
		}
		m.report(m.ssrc[of] + uint32(of))
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
	st := &State{Legs: []LegState{{Streams: []StreamState{m.kept}}}}
	if m.rule(st, age) {
		m.born()
		return
	}
	m.h = m.shield()
	if err := m.h.importOut(&m.kept, true); err != nil {
		m.t.Fatal(err)
	}
	if m.seq[2] = m.coder + skipped(age); !m.begun { // it begins where its source is now, perhaps before what it had used
		m.seq[2] = uint16(rapid.IntRange(0, 1<<16-1).Draw(m.t, "coder"))
	}
	m.save()
}

// TestIndexOnceBehindStore: whatever the store misses and whenever processes
// die, no index of SRTP is used twice under a key and SSRC; so it is when an SSRC
// began just before a wrap, and the store does not know of it.
func TestIndexOnceBehindStore(t *testing.T) {
	renamed := 0
	rapid.Check(t, func(t *rapid.T) {
		m := &mortal{t: t, seen: map[use]uint64{}, up: true, rule: (*State).stale, hurry: rapid.Bool().Draw(t, "hurry")}
		m.born()
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 8).Draw(t, "what") {
			case 0:
				m.up = false
			case 1, 2:
				m.die(time.Duration(rapid.SampledFrom([]int{0, 100, 1000, 4000, 12_000}).Draw(t, "away")) * time.Millisecond)
			case 3:
				m.up = true
				m.second()
			case 4:
				m.begin(rapid.IntRange(0, 1).Draw(t, "source"))
			default:
				m.speak()
			}
		}
		renamed += m.renamed
	})
	if renamed == 0 {
		t.Error("nothing was renamed")
	}
}

// TestUnknownRepeats: without another SSRC an index is used twice, so that the test
// above can fail: the store misses an SSRC that wraps.
func TestUnknownRepeats(t *testing.T) {
	for _, orphan := range []bool{true, false} {
		x := &indices{}
		c := func() *srtp.Context {
			c, err := srtp.NewContext(srtp.AES128SHA180, make([]byte, 16), make([]byte, 14), srtp.WithEngine(func(srtp.Params) (srtp.Engine, error) { return x, nil }))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		seen, twice := map[[2]uint64]bool{}, false
		send := func(h *shield, seq int) {
			buf := make([]byte, 200)
			buf[0] = 0x80
			binary.BigEndian.PutUint16(buf[2:], uint16(seq))
			if _, _, sent := h.sealPacket(rtpwire.KindRTP, buf, 20); sent {
				u := [2]uint64{uint64(binary.BigEndian.Uint32(buf[8:])), x.rtp}
				twice = twice || seen[u]
				seen[u] = true
			}
		}
		first := &shield{out: c()}
		var kept StreamState
		first.exportOut(&kept)
		for seq := 65530; seq < 65540; seq++ {
			send(first, seq)
		}
		next := &shield{out: c()}
		if err := next.importOut(&kept, orphan); err != nil {
			t.Fatal(err)
		}
		for seq := 65550; seq < 2*65536; seq++ {
			send(next, seq)
		}
		if twice == orphan {
			t.Errorf("orphan %v: twice %v", orphan, twice)
		}
	}
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
