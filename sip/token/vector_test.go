package token

import (
	"encoding/binary"
	"encoding/hex"
	"testing"
)

// TestCMACVectors holds AES-CMAC against the examples of RFC 4493 section 4.
func TestCMACVectors(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	c := newCMAC(unhex("2b7e151628aed2a6abf7158809cf4f3c"))
	text := unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
		"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	for n, want := range map[int]string{
		0:  "bb1d6929e95937287fa37d129b756746",
		16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827",
		64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		m := &mac{in: text[:n]}
		if got := hex.EncodeToString(c.of(m)); got != want {
			t.Errorf("%d octets: %s, want %s", n, got, want)
		}
	}
}

// TestSipVectors holds SipHash-2-4-128 against the vectors of its authors: the
// key is 0, 1, 2 ... and so is the input.
func TestSipVectors(t *testing.T) {
	const k0, k1 = 0x0706050403020100, 0x0f0e0d0c0b0a0908
	const word, next = 0x0706050403020100, 0x0e0d0c0b0a0908
	for _, c := range []struct {
		n    int
		rest uint64
		want string
	}{
		{0, 0, "a3817f04ba25a8e66df67214c7550293"},
		{1, 0, "da87c1d86b99af44347659119b22fc45"},
		{8, 0, "3b62a9ba6258f5610f83e264f31497b4"},
		{15, next, "5493e99933b0a8117e08ec0f97cfc3d9"},
	} {
		s := newState(k0, k1)
		if c.n >= 8 {
			s = s.add(word)
		}
		lo, hi := s.finish(c.n, c.rest)
		got := hex.EncodeToString(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, lo), hi))
		if got != c.want {
			t.Errorf("%d octets: %s, want %s", c.n, got, c.want)
		}
	}
	in := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	if newState(k0, k1).all(in) != newState(k0, k1).add(word).add(0x0a0908) {
		t.Error("octets and words differ")
	}
}
