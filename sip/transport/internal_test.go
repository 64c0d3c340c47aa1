package transport

import (
	"bytes"
	"net/netip"
	"testing"
)

func TestAdmission(t *testing.T) {
	a := newAdmission(Limits{Connections: 3, ConnectionsPerSource: 2, Handshakes: 1})
	one := source(netip.MustParseAddr("2001:db8::1"))
	same := source(netip.MustParseAddr("2001:db8::ffff:1"))
	other := source(netip.MustParseAddr("192.0.2.1"))
	if one != same || one == other {
		t.Fatalf("sources %s %s %s", one, same, other)
	}
	enter := func(src netip.Addr, handshake bool, want Close, ok bool) {
		t.Helper()
		if cause, in := a.enter(src, handshake, 0); in != ok || cause != want {
			t.Errorf("enter: %v %v, want %v %v", cause, in, want, ok)
		}
	}
	enter(one, true, 0, true)
	enter(same, true, CloseHandshakeLimit, false)
	a.shaken()
	enter(same, true, 0, true)
	enter(one, false, CloseSourceLimit, false)
	enter(other, false, 0, true)
	enter(other, false, CloseLimit, false)
	a.shaken()
	a.leave(one)
	a.leave(one)
	a.leave(other)
	if a.open != 0 || a.shakes != 0 || len(a.source) != 0 {
		t.Errorf("left over: %+v", &a)
	}
}

// The counter goes past generations still in use, and never gives one twice.
func TestConnTableWraps(t *testing.T) {
	var table connTable
	table.init(7, 0xffff_fffe)
	var conns []*conn
	for range 4 {
		c := &conn{}
		c.ready.Store(true)
		table.add(c)
		conns = append(conns, c)
	}
	for i, want := range []uint64{0xffff_ffff, 0, 1, 2} {
		if g := conns[i].flow.Generation; g != 7<<32|want {
			t.Errorf("generation %x, want %x", g, want)
		}
	}
	table.count.Store(0xffff_fffe)
	c := &conn{}
	table.add(c)
	if g := c.flow.Generation; g != 7<<32|3 {
		t.Errorf("generation %x was used", g)
	}
	table.remove(conns[1])
	if table.find(&conns[1].flow) != nil || table.find(&conns[2].flow) != conns[2] || len(table.all()) != 4 {
		t.Error("wrong connections found")
	}
}

func TestArena(t *testing.T) {
	var a arena
	for round := range 3 {
		var kept [][]byte
		for i := range 40 {
			size := i * 400
			msg := append(a.room(), bytes.Repeat([]byte{byte(i)}, size)...)
			a.keep(msg)
			kept = append(kept, msg)
		}
		for i, msg := range kept {
			if len(msg) != i*400 || bytes.Count(msg, []byte{byte(i)}) != len(msg) {
				t.Fatalf("round %d: message %d was overwritten", round, i)
			}
		}
		a.reset()
	}
	for range 3 * arenaKeep {
		a.keep(append(a.room(), make([]byte, arenaChunk-arenaRoom+1)...))
	}
	if a.reset(); len(a.chunks) != arenaKeep {
		t.Errorf("%d chunks kept", len(a.chunks))
	}
}

func TestReadBufGrows(t *testing.T) {
	var p bufPool
	b := p.get(0)
	want := bytes.Repeat([]byte("0123456789abcdef"), len(b.b)/16)
	copy(b.space(), want)
	b.w = len(b.b)
	b.r = 16
	for class := 1; class < len(p); class++ {
		if b = p.grow(b); b.class != class || !bytes.Equal(b.bytes(), want[16:]) {
			t.Fatalf("class %d holds %d bytes", b.class, len(b.bytes()))
		}
	}
	if g := p.grow(b); g != b || len(b.b) < maxMessage+14 {
		t.Errorf("largest buffer has %d bytes", len(g.b))
	}
}

func TestNames(t *testing.T) {
	for p := UDP; p <= WSS; p++ {
		got, err := ParseProtocol(p.URIParam())
		if err != nil || got != p && p != WSS {
			t.Errorf("%s: %v, %v", p, got, err)
		}
		if p.ViaToken() != p.String() || p.Reliable() == (p == UDP) || p.Secure() != (p == TLS || p == WSS) {
			t.Errorf("%s: wrong properties", p)
		}
	}
	if _, err := ParseProtocol("SCTP"); err == nil {
		t.Error("SCTP known")
	}
	seen := map[string]bool{"unknown": true}
	for d := range DropCount {
		if s := d.String(); seen[s] {
			t.Errorf("drop %d: %q", d, s)
		} else {
			seen[s] = true
		}
	}
	seen = map[string]bool{"unknown": true}
	for c := range CloseCount {
		if s := c.String(); seen[s] {
			t.Errorf("close %d: %q", c, s)
		} else {
			seen[s] = true
		}
	}
}
