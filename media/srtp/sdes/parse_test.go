package sdes

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/srtp"
)

const (
	key128 = "inline:cJOJ7kxQjhFBp2fP6AYjs3vKw7CeBdWZCj0isbJv"
	key256 = "inline:8AbZePWwsKhLGX3GlXA+yHYPQ3cgraer/9DkFJYCOPZZy3o9wC0NIbIFYZfyHw"
)

func TestParseFormat(t *testing.T) {
	for _, v := range []struct{ in, out string }{
		{"1 AES_CM_128_HMAC_SHA1_80 " + key128, ""},
		{"1 aes_cm_128_hmac_sha1_80 " + key128, "1 AES_CM_128_HMAC_SHA1_80 " + key128},
		{"3 AES_256_CM_HMAC_SHA1_80 " + key256 + "==", "3 AES_256_CM_HMAC_SHA1_80 " + key256},
		{"12 F8_128_HMAC_SHA1_32 " + key128 + "|2^20|1:4", ""},
		{"12 NULL_HMAC_SHA1_32 " + key128 + "|1000", ""},
		{"1 AES_CM_128_HMAC_SHA1_32 " + key128 + "|7:1;" + strings.Replace(key128, "cJ", "dJ", 1) + "|2^31|8:1", ""},
		{"1 AES_CM_128_HMAC_SHA1_32 " + key128 + "|340282366920938463463374607431768211455:16", ""},
		{"1 AES_CM_128_HMAC_SHA1_32 " + key128 + " UNENCRYPTED_SRTP UNENCRYPTED_SRTCP UNAUTHENTICATED_SRTP WSH=128", ""},
		{"1 AES_CM_128_HMAC_SHA1_32 " + key128 + " -SOMETHING=1 -KDR=3", "1 AES_CM_128_HMAC_SHA1_32 " + key128},
		{"1 AEAD_AES_128_GCM inline:QAXb41skvhZaVzQgiJH+y+P9HCUSTnQWXcuieA UNENCRYPTED_SRTCP", ""},
	} {
		a, err := Parse(v.in)
		if v.out == "" {
			v.out = v.in
		}
		if err != nil || a.Format(false) != v.out {
			t.Errorf("%s:\n%s, %v", v.in, a.Format(false), err)
			continue
		}
		if _, err := a.Context(); err != nil {
			t.Errorf("%s: context: %v", v.in, err)
		}
		if again, err := Parse(a.Format(true)); err != nil || !SameKeys(a, again) {
			t.Errorf("%s: not the same with padding: %v", v.in, err)
		}
	}
	a, _ := Parse("1 AES_CM_128_HMAC_SHA1_32 " + key128 + "|2^20|258:4")
	if k := a.Keys[0]; k.Lifetime != 1<<20 || !bytes.Equal(k.MKI, []byte{0, 0, 1, 2}) || len(k.Key) != 16 || len(k.Salt) != 14 {
		t.Errorf("%+v", k)
	}
}

func TestParseErrors(t *testing.T) {
	const suite = "1 AES_CM_128_HMAC_SHA1_80 "
	for in, want := range map[string]error{
		"":                                         ErrSyntax,
		"1":                                        ErrSyntax,
		"1 x":                                      ErrSyntax,
		"x " + suite:                               ErrSyntax,
		"-1" + suite[1:] + key128:                  ErrSyntax,
		"1000000000" + suite[1:] + key128:          ErrSyntax,
		"1 AES_CM_128_HMAC_SHA1_81 " + key128:      ErrUnsupported,
		suite + "prompt:abc":                       ErrUnsupported,
		suite + "inline":                           ErrSyntax,
		suite + "inline:":                          ErrSyntax,
		suite + key128 + "A":                       ErrSyntax,
		suite + key256:                             ErrSyntax,
		suite + "inline:***":                       ErrSyntax,
		suite + key128 + "|":                       ErrSyntax,
		suite + key128 + "|0":                      ErrSyntax,
		suite + key128 + "|2^49":                   ErrSyntax,
		suite + key128 + "|2^":                     ErrSyntax,
		suite + key128 + "|281474976710657":        ErrSyntax,
		suite + key128 + "|1:0":                    ErrSyntax,
		suite + key128 + "|1:129":                  ErrSyntax,
		suite + key128 + "|256:1":                  ErrSyntax,
		suite + key128 + "|1:1|2^20":               ErrSyntax,
		suite + key128 + "|2^20|1:1|1:1":           ErrSyntax,
		suite + key128 + ";" + key128:              ErrSyntax,
		suite + key128 + "|1:1;" + key128 + "|1:1": ErrSyntax,
		suite + key128 + "|1:1;" + key128 + "|2:2": ErrSyntax,
		suite + key128 + " KDR=4":                  ErrUnsupported,
		suite + key128 + " FEC_ORDER=FEC_SRTP":     ErrUnsupported,
		suite + key128 + " WSH=12":                 ErrSyntax,
		suite + strings.Repeat(" ", MaxLine):       ErrSyntax,
		"1 AEAD_AES_128_GCM inline:QAXb41skvhZaVzQgiJH+y+P9HCUSTnQWXcuieA UNENCRYPTED_SRTP": ErrUnsupported,
	} {
		_, err := Parse(in)
		if !errors.Is(err, want) {
			t.Errorf("%.80s: %v, want %v", in, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "cJOJ7k") {
			t.Errorf("key in the error %q", err)
		}
	}
}

func TestParseAll(t *testing.T) {
	good := "1 AES_CM_128_HMAC_SHA1_80 " + key128
	all, refused := ParseAll([]string{good, "2 UNKNOWN " + key128, good, "3" + good[1:]})
	if len(all) != 2 || len(refused) != 2 || all[1].Tag != 3 {
		t.Errorf("%v %v", all, refused)
	}
	many := make([]string, MaxAttributes+10)
	if _, refused := ParseAll(many); len(refused) != MaxAttributes+1 {
		t.Errorf("%d refused", len(refused))
	}
	if s := all[0].String(); strings.Contains(s, "inline") {
		t.Errorf("keys in %q", s)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 " + key128)
	f.Add("1 AES_256_CM_HMAC_SHA1_32 " + key256 + "==|2^20|1:4 UNENCRYPTED_SRTP -X WSH=64")
	f.Add("9 F8_128_HMAC_SHA1_80 " + key128 + "|7:1;" + key128 + "|8:1")
	f.Fuzz(func(t *testing.T, value string) {
		a, err := Parse(value)
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrUnsupported) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		for _, pad := range []bool{false, true} {
			b, err := Parse(a.Format(pad))
			if err != nil || !SameKeys(a, b) || a.Format(pad) != b.Format(pad) {
				t.Errorf("%q reads back as %v, %v", a.Format(pad), b, err)
			}
		}
		if _, err := a.Context(); err != nil && !errors.Is(err, srtp.ErrKey) {
			t.Errorf("context: %v", err)
		}
	})
}
