package token

import (
	"bytes"
	"sync"
	"testing"
)

// TestNoAllocation calls with arguments that live on the stack.
func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		return // the race detector makes sync.Pool drop what it holds
	}
	r := testRing(t, testKey(1), testKey(2))
	h, err := NewHasher(r.Derive("branch"))
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, 256)
	check := func(name string, f func()) {
		t.Helper()
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	check("Seal and Open", func() {
		bind := [...]byte{'a', 'b', 'c'}
		tok := r.Seal(buf[:0], Via, tls6, bind[:])
		if _, err := r.Open(tok, Via, bind[:]); err != nil {
			t.Error(err)
		}
	})
	check("Open of a forgery", func() {
		if _, err := r.Open([]byte("EyICwAACBxPEEyICwAACBxPE00"), Path, nil); err == nil {
			t.Error("opened")
		}
	})
	check("Sign and Verify", func() {
		text, id := [...]byte{'a'}, [...]byte{'b', 'c'}
		sig := r.Sign(buf[:0], Edge, text[:], id[:])
		if err := r.Verify(sig, Edge, text[:], id[:]); err != nil {
			t.Error(err)
		}
	})
	secret := make([]byte, 0, 256)
	check("SealSecret and OpenSecret", func() {
		text, bind := [...]byte{'a'}, [...]byte{'b', 'c'}
		sealed, err := r.SealSecret(buf[:0], text[:], bind[:])
		if err != nil {
			t.Error(err)
		}
		if _, err := r.OpenSecret(secret, sealed, bind[:]); err != nil {
			t.Error(err)
		}
	})
	check("Append", func() {
		a, b := [...]byte{'a'}, [...]byte{'b', 'c'}
		h.Append(buf[:0], 12, 'b', a[:], b[:])
	})
}

// TestReplaceWhileUsed lets the race detector look at a rotation.
func TestReplaceWhileUsed(t *testing.T) {
	r := testRing(t, testKey(1), testKey(2))
	tok := r.Seal(nil, Path, udp4, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if f, err := r.Open(tok, Path, nil); err != nil || f != udp4 {
					t.Errorf("%+v, %v", f, err)
				}
				if f, err := r.Open(r.Seal(nil, Via, tls6, nil), Via, nil); err != nil || f != tls6 {
					t.Errorf("%+v, %v", f, err)
				}
			}
		})
	}
	for i := range 50 {
		active := uint8(i%2 + 1)
		if err := r.Replace(testKey(active), testKey(3-active)); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

func FuzzOpen(f *testing.F) {
	r := testRing(f, testKey(1), testKey(2))
	for _, flow := range []Flow{udp4, tls6} {
		for p := Path; p <= Contact; p++ {
			f.Add(r.Seal(nil, p, flow, nil), byte(p))
		}
	}
	f.Add([]byte("alice"), byte(Path))
	f.Add([]byte(""), byte(0))
	f.Fuzz(func(t *testing.T, tok []byte, p byte) {
		before := bytes.Clone(tok)
		flow, err := r.Open(tok, Purpose(p), nil)
		if !bytes.Equal(tok, before) {
			t.Fatal("Open changed its argument")
		}
		c, ierr := Inspect(tok)
		if err != nil {
			return
		}
		if ierr != nil || c.Flow != flow || c.Purpose != Purpose(p) {
			t.Fatalf("opens as %+v but inspects as %+v, %v", flow, c, ierr)
		}
		// What opens has one spelling for each key.
		if got := testRing(t, testKey(c.KeyID)).Seal(nil, c.Purpose, c.Flow, nil); !bytes.Equal(got, tok) {
			t.Fatalf("%q opens but is sealed as %q", tok, got)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	r := testRing(b, testKey(1))
	buf := make([]byte, 0, MaxLen)
	b.ReportAllocs()
	for b.Loop() {
		r.Seal(buf, Path, udp4, nil)
	}
}

func BenchmarkOpen(b *testing.B) {
	r := testRing(b, testKey(1))
	tok := r.Seal(nil, Path, tls6, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Open(tok, Path, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHasher(b *testing.B) {
	h, err := NewHasher(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	branch, sentBy, callID := []byte("z9hG4bK776asdhds"), []byte("192.0.2.7:5060"), []byte("a84b4c76e66710@192.0.2.7")
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		h.Append(buf, 12, 'b', branch, sentBy, callID)
	}
}
