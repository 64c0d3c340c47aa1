package token

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func testKey(id uint8) Key {
	return Key{ID: id, Secret: bytes.Repeat([]byte{0xa0 + id}, 32)}
}

func testRing(tb testing.TB, active Key, accepted ...Key) *Ring {
	tb.Helper()
	r, err := New(active, accepted...)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

var (
	udp4 = Flow{Transport: UDP, Listener: 2, Remote: netip.MustParseAddrPort("192.0.2.7:5060")}
	tls6 = Flow{Transport: TLS, Listener: 1, Remote: netip.MustParseAddrPort("[2001:db8::7]:40112"), Generation: 0x66f0a1b2_00000003}
)

func TestLengths(t *testing.T) {
	r := testRing(t, testKey(1))
	tcp4, udp6 := tls6, udp4
	tcp4.Remote, udp6.Remote = udp4.Remote, tls6.Remote
	for _, c := range []struct {
		flow Flow
		want int
	}{{udp4, 26}, {tcp4, 36}, {udp6, 42}, {tls6, MaxLen}} {
		tok := r.Seal(nil, Path, c.flow, nil)
		if len(tok) != c.want {
			t.Errorf("%+v: %d characters, want %d", c.flow, len(tok), c.want)
		}
		if strings.ContainsAny(string(tok), "/+=") {
			t.Errorf("%q does not fit into a URI", tok)
		}
	}
}

// TestFormat holds the octets still: tokens outlive the program that made them.
func TestFormat(t *testing.T) {
	r := testRing(t, testKey(3))
	for _, c := range []struct {
		purpose Purpose
		flow    Flow
		want    string
	}{
		{Path, udp4, "EyICwAACBxPE"},
		{Via, tls6, "E2cBIAENuAAAAAAAAAAAAAAAB5ywZvChsgAAAAM"},
	} {
		tok := string(r.Seal([]byte("x"), c.purpose, c.flow, nil))
		if got, ok := strings.CutPrefix(tok, "x"+c.want[:len(c.want)-1]); !ok {
			t.Errorf("%v: token %q does not begin with %q", c.purpose, tok, c.want)
		} else if len(got) < 13 {
			t.Errorf("%v: only %d characters of MAC", c.purpose, len(got))
		}
	}
}

func drawFlow(t *rapid.T) Flow {
	f := Flow{
		Transport: Transport(rapid.IntRange(int(UDP), int(WSS)).Draw(t, "transport")),
		Listener:  rapid.Byte().Draw(t, "listener"),
	}
	var addr netip.Addr
	if rapid.Bool().Draw(t, "six") {
		addr = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "addr")))
	} else {
		addr = netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "addr")))
	}
	f.Remote = netip.AddrPortFrom(addr.Unmap(), rapid.Uint16().Draw(t, "port"))
	if f.Transport.Stream() {
		f.Generation = rapid.Uint64().Draw(t, "generation")
	}
	return f
}

func drawPurpose(t *rapid.T) Purpose {
	return Purpose(rapid.IntRange(int(Path), int(Contact)).Draw(t, "purpose"))
}

func TestRoundTrip(t *testing.T) {
	r := testRing(t, testKey(0), testKey(15))
	rapid.Check(t, func(t *rapid.T) {
		f, p := drawFlow(t), drawPurpose(t)
		bind := rapid.SliceOfN(rapid.Byte(), 0, 600).Draw(t, "bind")
		tok := r.Seal(nil, p, f, bind)
		if got, err := r.Open(tok, p, bind); err != nil || got != f {
			t.Fatalf("opened %+v, %v; want %+v", got, err, f)
		}
		if c, err := Inspect(tok); err != nil || c != (Claims{KeyID: 0, Purpose: p, Flow: f}) {
			t.Fatalf("inspected %+v, %v", c, err)
		}
		other := Purpose(rapid.IntRange(0, 7).Filter(func(i int) bool { return Purpose(i) != p }).Draw(t, "other"))
		if _, err := r.Open(tok, other, bind); !errors.Is(err, ErrPurpose) {
			t.Fatalf("opened for %v: %v", other, err)
		}
		if _, err := r.Open(tok, p, append(bind, 'x')); !errors.Is(err, ErrMAC) {
			t.Fatalf("opened beside another text: %v", err)
		}
	})
}

// TestEveryBitCounts flips each bit of the octets and changes each character
// of the text to every other one.
func TestEveryBitCounts(t *testing.T) {
	r := testRing(t, testKey(1), testKey(2))
	for _, f := range []Flow{udp4, tls6} {
		tok := r.Seal(nil, Via, f, []byte("z9hG4bK1"))
		raw, err := encoding.DecodeString(string(tok))
		if err != nil {
			t.Fatal(err)
		}
		for i := range raw {
			for bit := range 8 {
				raw[i] ^= 1 << bit
				if _, err := r.Open(encoding.AppendEncode(nil, raw), Via, []byte("z9hG4bK1")); err == nil {
					t.Errorf("bit %d of octet %d may be flipped", bit, i)
				}
				raw[i] ^= 1 << bit
			}
		}
		for i := range tok {
			for c := range 256 {
				changed := bytes.Clone(tok)
				if changed[i] == byte(c) {
					continue
				}
				changed[i] = byte(c)
				if _, err := r.Open(changed, Via, []byte("z9hG4bK1")); err == nil {
					t.Errorf("%q is accepted for %q", changed, tok)
				}
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	r := testRing(t, testKey(1), testKey(2))
	tok := r.Seal(nil, Path, udp4, nil)
	foreign := testRing(t, Key{ID: 1, Secret: bytes.Repeat([]byte{9}, 16)}).Seal(nil, Path, udp4, nil)
	for _, c := range []struct {
		name string
		tok  string
		want error
	}{
		{"nothing", "", ErrMalformed},
		{"one character", "E", ErrMalformed},
		{"a user name", "alicebob", ErrVersion},
		{"a short user name", "al", ErrMalformed},
		{"a telephone number", "+4312345678", ErrMalformed},
		{"cut", string(tok[:len(tok)-1]), ErrMalformed},
		{"cut by an octet", string(tok[:len(tok)-2]), ErrMalformed},
		{"longer", string(tok) + "A", ErrMalformed},
		{"much longer", strings.Repeat("E", 4096), ErrMalformed},
		{"with a line end", string(tok[:5]) + "\r\n" + string(tok[5:]), ErrMalformed},
		{"padded", string(tok) + "=", ErrMalformed},
		{"standard alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(string(tok)) + "+", ErrMalformed},
		{"another version", "I" + string(tok[1:]), ErrVersion},
		{"another pair, same key id", string(foreign), ErrMAC},
		{"key not in the ring", string(testRing(t, testKey(7)).Seal(nil, Path, udp4, nil)), ErrKey},
		{"no transport", string(r.Seal(nil, Path, Flow{Remote: udp4.Remote}, nil)), ErrMalformed},
		{"no address", string(r.Seal(nil, Path, Flow{Transport: UDP}, nil)), ErrMalformed},
	} {
		if _, err := r.Open([]byte(c.tok), Path, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestMappedAddress(t *testing.T) {
	r := testRing(t, testKey(1))
	mapped := udp4
	mapped.Remote = netip.MustParseAddrPort("[::ffff:192.0.2.7]:5060")
	if got, want := r.Seal(nil, Path, mapped, nil), r.Seal(nil, Path, udp4, nil); !bytes.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRotation goes through a change of keys on two nodes, in the order that
// the package comment names: no token is lost on the way.
func TestRotation(t *testing.T) {
	a, b := testRing(t, testKey(1)), testRing(t, testKey(1))
	check := func(step string) {
		t.Helper()
		for _, pair := range [][2]*Ring{{a, a}, {a, b}, {b, a}} {
			if _, err := pair[1].Open(pair[0].Seal(nil, Path, udp4, nil), Path, nil); err != nil {
				t.Errorf("%s: %v", step, err)
			}
		}
	}
	replace := func(r *Ring, active Key, accepted ...Key) {
		t.Helper()
		if err := r.Replace(active, accepted...); err != nil {
			t.Fatal(err)
		}
	}
	old := a.Seal(nil, Path, udp4, nil)
	oldSig := a.Sign(nil, Edge, []byte("x"))
	check("before")
	replace(a, testKey(1), testKey(2))
	check("one node knows the new key")
	replace(b, testKey(1), testKey(2))
	replace(a, testKey(2), testKey(1))
	check("one node uses it")
	replace(b, testKey(2), testKey(1))
	check("both use it")
	if _, err := a.Open(old, Path, nil); err != nil {
		t.Errorf("old token while its key is accepted: %v", err)
	}
	if err := a.Verify(oldSig, Edge, []byte("x")); err != nil {
		t.Errorf("old signature while its key is accepted: %v", err)
	}
	replace(a, testKey(2))
	check("old key gone")
	if _, err := a.Open(old, Path, nil); !errors.Is(err, ErrKey) {
		t.Errorf("token of a retired key: %v", err)
	}
	if err := a.Verify(oldSig, Edge, []byte("x")); !errors.Is(err, ErrKey) {
		t.Errorf("signature of a retired key: %v", err)
	}
}

func TestKeysRefused(t *testing.T) {
	r := testRing(t, testKey(1))
	tok := r.Seal(nil, Path, udp4, nil)
	for _, c := range []struct {
		name     string
		active   Key
		accepted []Key
	}{
		{"id too large", Key{ID: 16, Secret: make([]byte, 32)}, nil},
		{"same id twice", testKey(2), []Key{testKey(2)}},
		{"short secret", Key{ID: 1, Secret: make([]byte, MinSecret-1)}, nil},
		{"short secret among the accepted", testKey(1), []Key{{ID: 2}}},
	} {
		if _, err := New(c.active, c.accepted...); err == nil {
			t.Errorf("%s: accepted by New", c.name)
		}
		if err := r.Replace(c.active, c.accepted...); err == nil {
			t.Errorf("%s: accepted by Replace", c.name)
		}
	}
	if _, err := r.Open(tok, Path, nil); err != nil {
		t.Errorf("the ring changed on an error: %v", err)
	}
	if _, err := NewHasher(make([]byte, MinSecret-1)); err == nil {
		t.Error("a hasher of a short secret")
	}
}

func TestSecretsAreCopied(t *testing.T) {
	k := testKey(1)
	r := testRing(t, k)
	tok := r.Seal(nil, Path, udp4, nil)
	clear(k.Secret)
	if _, err := testRing(t, testKey(1)).Open(tok, Path, nil); err != nil {
		t.Error(err)
	}
	if _, err := r.Open(tok, Path, nil); err != nil {
		t.Error(err)
	}
}
