package srtp

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/class5-go/class5/internal/sweep"
	"pgregory.net/rapid"
)

// handOver moves a state into a new context of the same key.
func handOver(t testing.TB, c *Context, opts ...Option) *Context {
	t.Helper()
	heir := newContext(t, c.suite, opts...)
	if err := heir.Import(c.Export(nil)); err != nil {
		t.Fatal(err)
	}
	return heir
}

// A stream from sequence 65400 is exported after its wrap, on both sides, and
// goes on in new contexts: nothing fails.
func TestTakeOverAfterWrap(t *testing.T) {
	for _, s := range Suites() {
		t.Run(s.String(), func(t *testing.T) {
			out, in := newContext(t, s), newContext(t, s)
			seq := uint16(65400)
			step := func(n int) {
				for range n {
					mustOpen(t, in, protected(t, out, 9, seq), 9, seq)
					if _, err := in.UnprotectRTCP(protectedRTCP(t, out, 9)); err != nil {
						t.Fatal(err)
					}
					seq++
				}
			}
			step(400)
			out.Retire()
			out, in = handOver(t, out), handOver(t, in)
			step(400)
			if i, _ := out.Index(9); i != 1<<16|uint64(seq-1) {
				t.Errorf("index %#x", i)
			}
		})
	}
}

// The state is from before the wrap, but the stream has wrapped since: the
// receiver finds the roll-over counter by trying.
func TestTakeOverStale(t *testing.T) {
	for _, s := range []Suite{AES128SHA132, GCM128, F8SHA180} {
		for name, v := range map[string]struct{ first, exported, again int }{
			"ROC as stored":       {65000, 65100, 65300},
			"one more":            {65500, 65530, 65536 + 20},
			"one more, far ahead": {100, 200, 65536 + 150},
			"one less":            {65500, 65536 + 10, 65520},
		} {
			t.Run(s.String()+"/"+name, func(t *testing.T) {
				out, in := newContext(t, s), newContext(t, s)
				last := max(v.exported, v.again)
				var pkts [][]byte
				for i := v.first; i <= last; i++ {
					pkts = append(pkts, protected(t, out, 9, uint16(i)))
				}
				mustOpen(t, in, pkts[0], 9, uint16(v.first))
				for i := max(v.exported-30, v.first+1); i <= v.exported; i += 3 {
					mustOpen(t, in, pkts[i-v.first], 9, uint16(i))
				}
				heir := handOver(t, in)
				mustOpen(t, heir, pkts[v.again-v.first], 9, uint16(v.again))
				if _, err := heir.Unprotect(bytes.Clone(pkts[v.again-v.first])); err != ErrReplay {
					t.Errorf("replay: %v", err)
				}
			})
		}
	}
}

func TestTakeOverForgets(t *testing.T) {
	out, in := newContext(t, AES128SHA180), newContext(t, AES128SHA180)
	first := protected(t, out, 9, 10)
	mustOpen(t, in, first, 9, 10)
	in = handOver(t, in, WithReplayWindow(512))
	if _, err := in.Unprotect(first); err == nil {
		t.Errorf("replay after a take-over: %v", err)
	}
	out = handOver(t, out, WithReplayWindow(64))
	protected(t, out, 9, 12)
	for _, seq := range []uint16{9, 10, 11, 12} {
		buf, n := packet(9, seq)
		if _, err := out.Protect(buf, n); err != ErrIndexUsed {
			t.Errorf("sequence %d: %v", seq, err)
		}
	}
}

func TestImportErrors(t *testing.T) {
	c := newContext(t, AES128SHA180)
	protected(t, c, 1, 1)
	protectedRTCP(t, c, 2)
	state := c.Export(nil)
	for i := range state {
		for _, bit := range []byte{1, 0x80} {
			bad := bytes.Clone(state)
			bad[i] ^= bit
			heir := newContext(t, AES128SHA180)
			if err := heir.Import(bad); err != nil && (!errors.Is(err, ErrState) || heir.SSRCs() != 0 || heir.dir != undecided) {
				t.Fatalf("octet %d: %v", i, err)
			}
		}
	}
	for n := range state {
		if err := newContext(t, AES128SHA180).Import(state[:n]); !errors.Is(err, ErrState) {
			t.Fatalf("%d octets: %v", n, err)
		}
	}
	for name, heir := range map[string]*Context{
		"suite": newContext(t, AES128SHA132),
		"used":  c,
		"key":   func() *Context { c, _ := NewContext(AES128SHA180, make([]byte, 16), make([]byte, 14)); return c }(),
	} {
		if err := heir.Import(state); !errors.Is(err, ErrState) {
			t.Errorf("other %s: %v", name, err)
		}
	}
}

// Whatever is sent, lost, repeated, re-keyed and handed over: no index is used
// twice under one key for one SSRC, for RTP and for RTCP; and every packet that
// was protected can be opened by a receiver that follows.
func TestIndexOnceProperty(t *testing.T) {
	type use struct {
		key   byte
		ssrc  uint32
		index uint64
	}
	rapid.Check(t, func(rt *rapid.T) {
		seenRTP, seenRTCP := map[use]bool{}, map[use]bool{}
		fake := func(p Params) (Engine, error) { return &recorder{key: p.Key[0]}, nil }
		make2 := func() *Context {
			c := newContext(t, AES128SHA180, WithMKI([]byte{1}), WithEngine(fake))
			_, salt := keyFor(AES128SHA180)
			if err := c.AddKey([]byte{2}, bytes.Repeat([]byte{0xEE}, 16), salt); err != nil {
				rt.Fatal(err)
			}
			return c
		}
		c := make2()
		seq := map[uint32]uint16{}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			ssrc := uint32(rapid.IntRange(1, 3).Draw(rt, "ssrc"))
			switch rapid.IntRange(0, 9).Draw(rt, "action") {
			case 0: // planned
				c.Retire()
				state := c.Export(nil)
				buf, n := packet(ssrc, seq[ssrc]+1)
				if _, err := c.Protect(buf, n); err != ErrRetired {
					rt.Fatalf("retired: %v", err)
				}
				c = make2()
				if err := c.Import(state); err != nil {
					rt.Fatal(err)
				}
			case 1: // the exporter goes on for a while, then dies; the sources go on
				state := c.Export(nil)
				for range rapid.IntRange(0, 5).Draw(rt, "lost") {
					seq[ssrc] += uint16(rapid.IntRange(1, 40).Draw(rt, "jump"))
					send(rt, c, ssrc, seq[ssrc], func(k byte, i uint64) bool { return once(seenRTP, use{k, ssrc, i}) })
				}
				c = make2()
				if err := c.Import(state); err != nil {
					rt.Fatal(err)
				}
				for s := range seq {
					seq[s]++
				}
				for s := uint32(1); s <= 3; s++ { // each is heard before old packets are
					seq[s]++
					send(rt, c, s, seq[s], func(k byte, i uint64) bool { return once(seenRTP, use{k, s, i}) })
				}
			case 2:
				if err := c.UseKey([]byte{byte(rapid.IntRange(1, 2).Draw(rt, "key"))}); err != nil {
					rt.Fatal(err)
				}
			case 3:
				buf, n := report(ssrc)
				if _, err := c.ProtectRTCP(buf, n); err != nil {
					rt.Fatal(err)
				}
				r := c.send.engine.(*recorder)
				if !once(seenRTCP, use{r.key, ssrc, r.index}) {
					rt.Fatalf("SRTCP index %d twice", r.index)
				}
			default:
				seq[ssrc] += uint16(rapid.IntRange(-150, 20000).Draw(rt, "jump"))
				send(rt, c, ssrc, seq[ssrc], func(k byte, i uint64) bool { return once(seenRTP, use{k, ssrc, i}) })
			}
		}
	})
}

func once[K comparable](m map[K]bool, k K) bool {
	before := m[k]
	m[k] = true
	return !before
}

// send protects a packet; if it is not refused its use must be the first.
func send(rt *rapid.T, c *Context, ssrc uint32, seq uint16, first func(key byte, index uint64) bool) {
	buf, n := packet(ssrc, seq)
	if _, err := c.Protect(buf, n); err != nil {
		if err != ErrIndexUsed {
			rt.Fatal(err)
		}
		return
	}
	r := c.send.engine.(*recorder)
	if uint16(r.index) != seq {
		rt.Fatalf("sequence %d got index %#x", seq, r.index)
	}
	if !first(r.key, r.index) {
		rt.Fatalf("index %#x of SSRC %d twice", r.index, ssrc)
	}
}

// recorder is an engine that only remembers what it was given.
type recorder struct {
	key   byte
	index uint64
}

func (r *recorder) SealRTP(_ []byte, _, n int, index uint64) (int, error) {
	r.index = index
	return n + 10, nil
}

func (r *recorder) OpenRTP([]byte, int, uint64) (int, error) { return 0, ErrAuth }

func (r *recorder) SealRTCP(_ []byte, n int, index uint32) (int, error) {
	r.index = uint64(index)
	return n + 14, nil
}

func (r *recorder) OpenRTCP([]byte) (int, error) { return 0, ErrAuth }

// A sender and a receiver through loss, disorder and take-overs: what is
// protected and not lost is opened, once.
func TestStreamProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.SampledFrom(Suites()).Draw(rt, "suite")
		out, in := newContext(t, s), newContext(t, s)
		seq := uint16(rapid.IntRange(0, 65535).Draw(rt, "first"))
		var held []byte
		var heldSeq uint16
		for i := range rapid.IntRange(1, 80).Draw(rt, "packets") {
			pkt := protected(t, out, 5, seq)
			what := rapid.IntRange(0, 6).Draw(rt, "fate")
			switch {
			case what == 0 && i > 0: // lost
			case what == 1 && i > 0 && held == nil: // late
				held, heldSeq = pkt, seq
			case what == 2:
				in = handOver(t, in)
				mustOpen(t, in, pkt, 5, seq)
			case what == 3 && i > 0:
				out.Retire()
				out = handOver(t, out)
				mustOpen(t, in, pkt, 5, seq)
			default:
				mustOpen(t, in, pkt, 5, seq)
				if _, err := in.Unprotect(bytes.Clone(pkt)); err != ErrReplay {
					rt.Fatalf("again: %v", err)
				}
				if held != nil {
					mustOpen(t, in, held, 5, heldSeq)
					held = nil
				}
			}
			seq++
		}
	})
}

// A million packets with random SSRCs, RTP and RTCP, leave no state and no
// garbage, and a call that goes on meanwhile is not disturbed.
func TestSpoofedSSRCs(t *testing.T) {
	for _, s := range []Suite{AES128SHA180, GCM128} {
		out, in := newContext(t, s), newContext(t, s)
		mustOpen(t, in, protected(t, out, 1, 1), 1, 1)
		rtp, n := packet(0, 7)
		rtcp, m := report(0)
		n, m = n+in.Overhead(), m+in.OverheadRTCP()
		buf := make([]byte, 2048)
		flood := func(from, to uint32) {
			for i := from; i < to; i++ {
				for j := range 4 {
					rtp[8+j] = byte(i >> (8 * j))
					rtcp[4+j] = byte(i >> (8 * j))
				}
				rtp[2] = byte(i >> 3) // early and late sequence numbers
				if _, err := in.Unprotect(buf[:copy(buf, rtp[:n])]); err != ErrAuth {
					t.Fatal(err)
				}
				if _, err := in.UnprotectRTCP(buf[:copy(buf, rtcp[:m])]); err != ErrAuth {
					t.Fatal(err)
				}
			}
		}
		flood(2, 1000)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		each := sweep.Of[uint32](25_000, 100_000) // 10^6 of RTP and as many of RTCP
		for part := range uint32(10) {
			flood(1000+part*each, 1000+(part+1)*each)
			seq := uint16(2 + part)
			mustOpen(t, in, protected(t, out, 1, seq), 1, seq)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if after.HeapAlloc > before.HeapAlloc+64<<10 {
			t.Errorf("%v: heap grew from %d to %d", s, before.HeapAlloc, after.HeapAlloc)
		}
		if in.SSRCs() != 1 {
			t.Errorf("%v: %d SSRCs", s, in.SSRCs())
		}
	}
}

func TestSSRCLimit(t *testing.T) {
	out, in := newContext(t, AES128SHA180), newContext(t, AES128SHA180)
	foreign := newContext(t, AES128SHA180)
	for ssrc := range uint32(MaxSSRC) {
		mustOpen(t, in, protected(t, out, ssrc, 1), ssrc, 1)
	}
	buf, n := packet(1000, 1)
	if _, err := out.Protect(buf, n); err != ErrSSRCLimit {
		t.Errorf("sender: %v", err)
	}
	rtcp, n := report(1000)
	if _, err := out.ProtectRTCP(rtcp, n); err != ErrSSRCLimit {
		t.Errorf("RTCP sender: %v", err)
	}
	pkt := protected(t, foreign, 1000, 1)
	if _, err := in.Unprotect(bytes.Clone(pkt)); err != ErrSSRCLimit {
		t.Errorf("receiver: %v", err)
	}
	if _, err := in.UnprotectRTCP(protectedRTCP(t, foreign, 1000)); err != ErrSSRCLimit {
		t.Errorf("RTCP receiver: %v", err)
	}
	// All but SSRC 7 go on; it gives its place up.
	for seq := uint16(2); seq < 20; seq++ {
		for ssrc := range uint32(MaxSSRC) {
			if ssrc != 7 {
				mustOpen(t, in, protected(t, out, ssrc, seq), ssrc, seq)
			}
		}
	}
	mustOpen(t, in, pkt, 1000, 1)
	if _, ok := in.Index(7); ok || in.SSRCs() != MaxSSRC {
		t.Errorf("%d SSRCs, 7 still there: %v", in.SSRCs(), ok)
	}
	mustOpen(t, in, protected(t, out, 6, 50), 6, 50)
}

func TestKeys(t *testing.T) {
	_, salt := keyFor(AES128SHA132)
	second := bytes.Repeat([]byte{0x55}, 16)
	var warned [][]byte
	build := func(opts ...Option) *Context {
		c := newContext(t, AES128SHA132, append(opts, WithMKI([]byte{0, 1}), WithLifetime(10),
			WithExpiryWarning(3, func(mki []byte, left uint64) {
				if left != 3 {
					t.Errorf("%d left", left)
				}
				warned = append(warned, mki)
			}))...)
		if err := c.AddKey([]byte{0, 2}, second, salt); err != nil {
			t.Fatal(err)
		}
		return c
	}
	out, in := build(), build()
	for seq := range uint16(10) {
		mustOpen(t, in, protected(t, out, 1, seq), 1, seq)
	}
	buf, n := packet(1, 10)
	if _, err := out.Protect(buf, n); err != ErrKeyExpired {
		t.Errorf("eleventh packet: %v", err)
	}
	if _, err := out.ProtectRTCP(report(1)); err != ErrKeyExpired {
		t.Errorf("RTCP with it: %v", err)
	}
	if len(warned) != 2 {
		t.Errorf("warned %x", warned)
	}
	heir := build()
	if err := heir.Import(out.Export(nil)); err != nil {
		t.Fatal(err)
	}
	buf, n = packet(1, 10)
	if _, err := heir.Protect(buf, n); err != ErrKeyExpired {
		t.Errorf("after a take-over: %v", err)
	}
	if err := heir.UseKey([]byte{0, 2}); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, in, protected(t, heir, 1, 10), 1, 10)
	if rtp, rtcp := heir.Used(); rtp != 1 || rtcp != 0 {
		t.Errorf("used %d %d", rtp, rtcp)
	}
	unknown := protected(t, heir, 1, 11)
	unknown[len(unknown)-5] = 9
	if _, err := in.Unprotect(unknown); err != ErrMKI {
		t.Errorf("unknown MKI: %v", err)
	}
	if err := heir.RemoveKey([]byte{0, 2}); !errors.Is(err, ErrKey) {
		t.Errorf("key in use removed: %v", err)
	}
	if err := heir.RemoveKey([]byte{0, 1}); err != nil || heir.UseKey([]byte{0, 1}) != ErrMKI {
		t.Errorf("removed: %v", err)
	}
	for name, err := range map[string]error{
		"length": heir.AddKey([]byte{1}, second, salt),
		"twice":  heir.AddKey([]byte{0, 2}, second, salt),
		"same":   heir.AddKey([]byte{0, 3}, second, salt),
	} {
		if !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRevision(t *testing.T) {
	c := newContext(t, AES128SHA180)
	var revisions []uint64
	for _, seq := range []uint16{65530, 65531, 65535, 0, 1} {
		protected(t, c, 1, seq)
		revisions = append(revisions, c.Revision())
	}
	if r := revisions; r[0] == 0 || r[2] != r[0] || r[3] == r[2] || r[4] != r[3] {
		t.Errorf("%v", r)
	}
}

func TestIndexEnds(t *testing.T) {
	c := newContext(t, AES128SHA180)
	protected(t, c, 1, 65535)
	protectedRTCP(t, c, 1)
	c.streams[0].rtp.top = maxIndex
	c.streams[0].rtcp.top = maxIndexRTCP
	buf, n := packet(1, 0)
	if _, err := c.Protect(buf, n); err != ErrKeyExpired {
		t.Errorf("RTP: %v", err)
	}
	if _, err := c.ProtectRTCP(report(1)); err != ErrKeyExpired {
		t.Errorf("RTCP: %v", err)
	}
}

func TestUnauthenticatedFollows(t *testing.T) {
	session := WithSession(Session{UnauthenticatedRTP: true})
	out, in := newContext(t, AES128SHA180, session), newContext(t, AES128SHA180, session)
	for seq := uint16(65000); seq != 500; seq += 4 {
		mustOpen(t, in, protected(t, out, 1, seq), 1, seq)
	}
}
