package token

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSecretRoundTrip(t *testing.T) {
	r := testRing(t, testKey(1), testKey(2))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.Byte(), 0, MaxSecret).Draw(t, "text")
		bind := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "bind")
		sealed, err := r.SealSecret([]byte("x"), text, bind)
		if err != nil || len(sealed) != 1+SecretLen(len(text)) {
			t.Fatalf("%d characters, %v", len(sealed), err)
		}
		got, err := r.OpenSecret([]byte("y"), sealed[1:], bind)
		if err != nil || string(got) != "y"+string(text) {
			t.Fatalf("%q, %v; want %q", got, err, text)
		}
		again, _ := r.SealSecret(nil, text, bind)
		if !bytes.Equal(again, sealed[1:]) {
			t.Fatal("sealed twice, and the two differ")
		}
		if got, err := r.OpenSecret([]byte("y"), sealed[1:], append(bind, 0)); !errors.Is(err, ErrMAC) || string(got) != "y" {
			t.Fatalf("beside another text: %q, %v", got, err)
		}
		if _, err := r.Open(sealed[1:], Contact, bind); err == nil {
			t.Fatal("opens as a token")
		}
	})
}

// TestSecretHides looks for what two sealed texts have in common.
func TestSecretHides(t *testing.T) {
	r := testRing(t, testKey(1))
	a, _ := r.SealSecret(nil, []byte("sip:alice@192.168.1.7:5060;ob"), []byte("call-1"))
	b, _ := r.SealSecret(nil, []byte("sip:alice@192.168.1.7:5060;ob"), []byte("call-2"))
	c, _ := r.SealSecret(nil, []byte("sip:alice@192.168.1.8:5060;ob"), []byte("call-1"))
	const head = 2 // characters: version, key, and a part of the purpose
	for name, other := range map[string][]byte{"bind": b, "text": c} {
		same := 0
		for i := head; i < len(a); i++ {
			if a[i] == other[i] {
				same++
			}
		}
		if same > 8 {
			t.Errorf("another %s: %d of %d characters stay", name, same, len(a))
		}
	}
	if strings.ContainsAny(string(a), "/+=") {
		t.Errorf("%q does not fit into a URI", a)
	}
}

func TestEveryBitOfASecretCounts(t *testing.T) {
	r := testRing(t, testKey(1), testKey(2))
	sealed, err := r.SealSecret(nil, []byte("sip:alice@192.168.1.7:5060"), []byte("call"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := encoding.DecodeString(string(sealed))
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			if got, err := r.OpenSecret(nil, encoding.AppendEncode(nil, raw), []byte("call")); err == nil || len(got) != 0 {
				t.Errorf("bit %d of octet %d may be flipped: %q", bit, i, got)
			}
			raw[i] ^= 1 << bit
		}
	}
}

func TestOpenSecretRefuses(t *testing.T) {
	r := testRing(t, testKey(1), testKey(2))
	sealed, err := r.SealSecret(nil, []byte("sip:a@b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	text := string(sealed)
	raw, err := encoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	seal := func(k Key) string {
		b, err := testRing(t, k).SealSecret(nil, []byte("sip:a@b"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, c := range []struct {
		name, sealed string
		want         error
	}{
		{"nothing", "", ErrMalformed},
		{"cut", text[:len(text)-1], ErrMalformed},
		{"cut by an octet", string(encoding.AppendEncode(nil, raw[:len(raw)-1])), ErrMAC},
		{"too long", text + strings.Repeat("A", MaxSecretLen), ErrMalformed},
		{"with a line end", text[:9] + "\r\n" + text[9:], ErrMalformed},
		{"with a line end in front", "\r\n" + text, ErrMalformed},
		{"wrong alphabet", strings.Repeat("/", len(text)), ErrMalformed},
		{"wrong alphabet further on", text[:9] + "/" + text[10:], ErrMalformed},
		{"another version", "I" + text[1:], ErrVersion},
		{"a token of a flow", string(r.Seal(nil, Contact, udp4, nil)), ErrMalformed},
		{"a token for another place", string(r.Seal(nil, Path, udp4, nil)), ErrPurpose},
		{"a retired key", seal(testKey(7)), ErrKey},
		{"another pair's key", seal(Key{ID: 1, Secret: bytes.Repeat([]byte{9}, 16)}), ErrMAC},
	} {
		if got, err := r.OpenSecret(nil, []byte(c.sealed), nil); !errors.Is(err, c.want) || len(got) != 0 {
			t.Errorf("%s: %q, %v, want %v", c.name, got, err, c.want)
		}
	}
	if got, err := r.OpenSecret(nil, []byte(seal(testKey(2))), nil); err != nil || string(got) != "sip:a@b" {
		t.Errorf("accepted key: %q, %v", got, err)
	}
	if got, err := r.SealSecret([]byte("x"), make([]byte, MaxSecret+1), nil); !errors.Is(err, ErrTooLong) || string(got) != "x" {
		t.Errorf("too long: %q, %v", got, err)
	}
}

func FuzzOpenSecret(f *testing.F) {
	r := testRing(f, testKey(1), testKey(2))
	sealed, err := r.SealSecret(nil, []byte("sip:a@b"), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add(r.Seal(nil, Contact, udp4, nil))
	f.Add([]byte("alice"))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		text, err := r.OpenSecret(nil, sealed, nil)
		if err != nil {
			return
		}
		for _, id := range []uint8{1, 2} {
			if again, _ := testRing(t, testKey(id)).SealSecret(nil, text, nil); bytes.Equal(again, sealed) {
				return
			}
		}
		t.Fatalf("%q opens as %q, which is sealed otherwise", sealed, text)
	})
}

func BenchmarkSealSecret(b *testing.B) {
	r := testRing(b, testKey(1))
	buf := make([]byte, 0, 256)
	uri, bind := []byte("sip:alice@192.168.1.7:5060;transport=tcp;ob"), []byte("3848276298220188511@example.com")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.SealSecret(buf, uri, bind); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenSecret(b *testing.B) {
	r := testRing(b, testKey(1))
	bind := []byte("3848276298220188511@example.com")
	sealed, err := r.SealSecret(nil, []byte("sip:alice@192.168.1.7:5060;transport=tcp;ob"), bind)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.OpenSecret(buf, sealed, bind); err != nil {
			b.Fatal(err)
		}
	}
}
