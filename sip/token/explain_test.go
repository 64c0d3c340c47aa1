package token

import (
	"errors"
	"testing"
	"time"
)

func TestExplainToken(t *testing.T) {
	r := testRing(t, testKey(1))
	tok := r.Seal(nil, RecordRoute, tls6, []byte("call-1"))
	want := Explanation{
		Kind: KindToken, Version: 1, KeyID: 1, Purpose: RecordRoute, Flow: tls6,
		Started: time.Date(2024, 9, 22, 23, 1, 6, 0, time.UTC), Connection: 3,
	}
	for _, c := range []struct {
		name string
		ring *Ring
		bind string
		want error
	}{
		{"right", r, "call-1", nil},
		{"another dialog", r, "call-2", ErrMAC},
		{"retired key", testRing(t, testKey(2)), "call-1", ErrKey},
		{"no ring", nil, "call-1", ErrUnchecked},
	} {
		e, err := Explain(tok, c.ring, []byte(c.bind))
		if err != nil || !errors.Is(e.Err, c.want) || (e.Err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, %v", c.name, e.Err, err)
		}
		if e.Err = nil; e.String() != want.String() || e.Flow != want.Flow || !e.Started.Equal(want.Started) {
			t.Errorf("%s:\n%v", c.name, e)
		}
	}
}

func TestExplainSecret(t *testing.T) {
	r := testRing(t, testKey(1))
	sealed, err := r.SealSecret(nil, []byte("sip:b2b@10.0.0.9"), []byte("call-1"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ring *Ring
		bind string
		text string
		want error
	}{
		"right":     {r, "call-1", "sip:b2b@10.0.0.9", nil},
		"elsewhere": {r, "call-2", "", ErrMAC},
		"no ring":   {nil, "call-1", "", ErrUnchecked},
	} {
		e, err := Explain(sealed, c.ring, []byte(c.bind))
		if err != nil || e.Kind != KindSecret || e.KeyID != 1 || e.Purpose != Contact || string(e.Secret) != c.text || !errors.Is(e.Err, c.want) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

func TestExplainSignature(t *testing.T) {
	sig := testRing(t, testKey(1)).Sign(nil, Edge, []byte("src"))
	for ring, want := range map[*Ring]error{nil: ErrUnchecked, testRing(t, testKey(1)): ErrUnchecked, testRing(t, testKey(2)): ErrKey} {
		e, err := Explain(sig, ring, nil)
		if err != nil || e.Kind != KindSignature || e.KeyID != 1 || !errors.Is(e.Err, want) {
			t.Errorf("%+v, %v; want %v", e, err, want)
		}
	}
}

func TestExplainRefuses(t *testing.T) {
	for text, want := range map[string]error{
		"":                ErrMalformed,
		"alice":           ErrMalformed,
		"alicebob":        ErrVersion,
		"EAAAAAAAAAAAAAA": nil,
		"IAAAAAAAAAAAAAA": ErrVersion,
		"E//AAAAAAAAAAAA": ErrMalformed,
		"sip:alice@[2001:db8::7]:5060;transport=tcp;lr": ErrMalformed,
	} {
		if _, err := Explain([]byte(text), nil, nil); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}
