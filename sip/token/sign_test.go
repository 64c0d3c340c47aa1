package token

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSign(t *testing.T) {
	r := testRing(t, testKey(1))
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 200), 0, 4).Draw(t, "parts")
		sig := r.Sign(nil, Edge, parts...)
		if len(sig) != SignatureLen {
			t.Fatalf("%d characters", len(sig))
		}
		if err := r.Verify(sig, Edge, parts...); err != nil {
			t.Fatal(err)
		}
		if err := r.Verify(sig, Contact, parts...); !errors.Is(err, ErrMAC) {
			t.Fatalf("for another purpose: %v", err)
		}
		if err := r.Verify(sig, Edge, append(parts, nil)...); !errors.Is(err, ErrMAC) {
			t.Fatalf("with another part: %v", err)
		}
		if len(parts) > 1 && len(parts[0]) > 0 {
			last := len(parts[0]) - 1
			moved := [][]byte{parts[0][:last], append([]byte{parts[0][last]}, parts[1]...)}
			if err := r.Verify(sig, Edge, append(moved, parts[2:]...)...); !errors.Is(err, ErrMAC) {
				t.Fatalf("with a boundary moved: %v", err)
			}
		}
	})
}

func TestVerifyRefuses(t *testing.T) {
	r := testRing(t, testKey(1), testKey(2))
	text := []byte("src=192.0.2.7:5060")
	sig := r.Sign(nil, Edge, text)
	raw, err := encoding.DecodeString(string(sig))
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			if err := r.Verify(encoding.AppendEncode(nil, raw), Edge, text); err == nil {
				t.Errorf("bit %d of octet %d may be flipped", bit, i)
			}
			raw[i] ^= 1 << bit
		}
	}
	for _, c := range []struct {
		name, sig string
		want      error
	}{
		{"empty", "", ErrMalformed},
		{"cut", string(sig[:14]), ErrMalformed},
		{"long", string(sig) + "A", ErrMalformed},
		{"line end inside", string(sig[:13]) + "\r\n", ErrMalformed},
		{"wrong alphabet", strings.Repeat("/", SignatureLen), ErrMalformed},
		{"version", "I" + string(sig[1:]), ErrVersion},
		{"unknown key", string(testRing(t, testKey(4)).Sign(nil, Edge, text)), ErrKey},
	} {
		if err := r.Verify([]byte(c.sig), Edge, text); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	// A signature is no token and a token's MAC no signature.
	if _, err := r.Open(sig, Edge, text); err == nil {
		t.Error("a signature opens as a token")
	}
}

func TestHasher(t *testing.T) {
	h, err := NewHasher(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewHasher(bytes.Repeat([]byte{2}, 32))
	if err != nil {
		t.Fatal(err)
	}
	a, b := []byte("ab"), []byte("c")
	base := string(h.Append(nil, 12, 'b', a, b))
	if got := string(h.Append([]byte("x-"), 12, 'b', a, b)); got != "x-"+base || len(base) != 16 {
		t.Errorf("%q is not %q behind a prefix", got, base)
	}
	for name, got := range map[string][]byte{
		"label":    h.Append(nil, 12, 't', a, b),
		"boundary": h.Append(nil, 12, 'b', []byte("a"), []byte("bc")),
		"missing":  h.Append(nil, 12, 'b', a),
		"secret":   other.Append(nil, 12, 'b', a, b),
	} {
		if string(got) == base {
			t.Errorf("another %s gives the same hash", name)
		}
	}
}

func TestDerive(t *testing.T) {
	r := testRing(t, testKey(1), testKey(2))
	same := testRing(t, testKey(1))
	if d := r.Derive("branch"); len(d) != 32 || !bytes.Equal(d, same.Derive("branch")) {
		t.Error("two rings with the same active key derive different secrets")
	}
	if bytes.Equal(r.Derive("branch"), r.Derive("tag")) || bytes.Equal(r.Derive("branch"), testRing(t, testKey(2)).Derive("branch")) {
		t.Error("label and key must both count")
	}
}

func TestNames(t *testing.T) {
	var got []string
	for p := Path; p <= Edge+1; p++ {
		got = append(got, p.String())
	}
	for tr := UDP; tr <= WSS+1; tr++ {
		got = append(got, tr.String())
	}
	want := "path rr via contact edge purpose(6) udp tcp tls ws wss transport(6)"
	if strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}
