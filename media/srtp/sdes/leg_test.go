package sdes

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/srtp"
	"pgregory.net/rapid"
)

func options(t *testing.T, flags ...string) (o Options) {
	t.Helper()
	for _, f := range flags {
		if !o.Set(f) {
			t.Fatalf("flag %s", f)
		}
	}
	return o
}

func attributes(t *testing.T, values ...string) []Attribute {
	t.Helper()
	all, refused := ParseAll(values)
	if len(refused) > 0 {
		t.Fatal(refused)
	}
	return all
}

// list shows tags, suites and, shortened, keys.
func list(all []Attribute) string {
	var s []string
	for _, a := range all {
		s = append(s, fmt.Sprintf("%d %v", a.Tag, a.Suite))
	}
	return strings.Join(s, ", ")
}

const (
	other128 = "inline:dfgadgdfgdfgdfgd6AYjs3vKw7CeBdWZCj0isbJv"
	offer80  = "1 AES_CM_128_HMAC_SHA1_80 " + key128
	offer32  = "2 AES_CM_128_HMAC_SHA1_32 inline:VAzLKvoE3jG9cdH/AZsl/ZqWNXrUzyM4Gw6chrFr"
	rest     = ", 3 AEAD_AES_256_GCM, 4 AEAD_AES_128_GCM, 5 AES_256_CM_HMAC_SHA1_80, 6 AES_256_CM_HMAC_SHA1_32, " +
		"7 AES_192_CM_HMAC_SHA1_80, 8 AES_192_CM_HMAC_SHA1_32, 9 F8_128_HMAC_SHA1_80, 10 F8_128_HMAC_SHA1_32, " +
		"11 NULL_HMAC_SHA1_80, 12 NULL_HMAC_SHA1_32"
)

func TestOffer(t *testing.T) {
	for name, v := range map[string]struct {
		flags []string
		want  string
	}{
		"all":            {nil, "1 AES_CM_128_HMAC_SHA1_80, 2 AES_CM_128_HMAC_SHA1_32" + rest},
		"suppress one":   {[]string{"no-F8_128_HMAC_SHA1_32", "no-NULL_HMAC_SHA1_80", "no-NULL_HMAC_SHA1_32"}, "1 AES_CM_128_HMAC_SHA1_80, 2 AES_CM_128_HMAC_SHA1_32" + rest[:strings.Index(rest, ", 10 ")]},
		"remove offered": {[]string{"nonew", "no-AES_CM_128_HMAC_SHA1_32"}, "1 AES_CM_128_HMAC_SHA1_80, 2 AES_CM_128_HMAC_SHA1_32"},
		"only":           {[]string{"only-AES_CM_128_HMAC_SHA1_32", "only-AEAD_AES_128_GCM", "no-AEAD_AES_128_GCM"}, "2 AES_CM_128_HMAC_SHA1_32, 3 AEAD_AES_128_GCM"},
		"only unknown":   {[]string{"only-NOTHING"}, ""},
		"order":          {[]string{"nonew", "order:AES_CM_128_HMAC_SHA1_32;NULL_HMAC_SHA1_80"}, "2 AES_CM_128_HMAC_SHA1_32, 1 AES_CM_128_HMAC_SHA1_80"},
	} {
		t.Run(name, func(t *testing.T) {
			var a, b Leg
			o := options(t, v.flags...)
			a.Receive(attributes(t, offer80, offer32), o)
			if err := b.Offer(&a, o, rand.Reader); err != nil || list(b.Out) != v.want {
				t.Errorf("%s, %v", list(b.Out), err)
			}
		})
	}
}

func TestOfferToOurselves(t *testing.T) {
	var b Leg
	o := options(t, "only-AES_CM_128_HMAC_SHA1_80", "only-AEAD_AES_256_GCM", "lifetime", "unencrypted_srtp", "UNENCRYPTED_SRTCP")
	if err := b.Offer(nil, o, rand.Reader); err != nil {
		t.Fatal(err)
	}
	gcm, cm := b.Out[0].Format(false), b.Out[1].Format(false)
	if !strings.HasSuffix(gcm, "|2^31 UNENCRYPTED_SRTCP") || !strings.HasSuffix(cm, "|2^31 UNENCRYPTED_SRTP UNENCRYPTED_SRTCP") {
		t.Errorf("%s\n%s", gcm, cm)
	}
	if err := b.Offer(nil, Options{}, strings.NewReader("short")); err == nil {
		t.Error("no error without randomness")
	}
}

// call negotiates a call from A to B and returns both legs.
func call(t *testing.T, a, b *Leg, offer []Attribute, answer func([]Attribute) Attribute, o Options) {
	t.Helper()
	a.Receive(offer, o)
	if err := b.Offer(a, o, rand.Reader); err != nil {
		t.Fatal(err)
	}
	b.Receive([]Attribute{answer(b.Out)}, o)
	if err := a.Answer(b, o, rand.Reader); err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]*Leg{"A": a, "B": b} {
		if len(l.In) != 1 || len(l.Out) != 1 || l.In[0].Tag != l.Out[0].Tag || l.In[0].Suite != l.Out[0].Suite {
			t.Fatalf("%s: in %s, out %s", name, list(l.In), list(l.Out))
		}
	}
}

// taking answers the offered attribute of a suite with a key.
func taking(t *testing.T, s srtp.Suite, key string) func([]Attribute) Attribute {
	return func(offered []Attribute) Attribute {
		i := slices.IndexFunc(offered, func(a Attribute) bool { return a.Suite == s })
		if i < 0 {
			t.Fatalf("%v was not offered", s)
		}
		return attributes(t, fmt.Sprintf("%d %v %s", offered[i].Tag, s, key))[0]
	}
}

func TestAnswerPassesKeysThrough(t *testing.T) {
	var a, b Leg
	offer := attributes(t, offer80, offer32)
	call(t, &a, &b, offer, taking(t, srtp.AES128SHA132, other128), Options{})
	if !SameKeys(a.In[0], b.Out[0]) || !SameKeys(b.In[0], a.Out[0]) {
		t.Error("keys not passed through")
	}
	// A re-offer of the same keeps the keys, whatever the new key of the answer.
	out := a.Out[0]
	call(t, &a, &b, attributes(t, offer32, offer80), taking(t, srtp.AES128SHA132, key128), Options{})
	if !SameKeys(out, a.Out[0]) {
		t.Error("key changed while its suite stayed")
	}
}

func TestAnswerRecrypts(t *testing.T) {
	var a, b Leg
	call(t, &a, &b, attributes(t, offer80), taking(t, srtp.AES128SHA180, other128), Options{Recrypt: true})
	if SameKeys(a.In[0], b.Out[0]) || SameKeys(b.In[0], a.Out[0]) || SameKeys(a.Out[0], b.Out[0]) {
		t.Error("keys passed through")
	}
	a, b = Leg{}, Leg{}
	call(t, &a, &b, attributes(t, offer80, offer32), taking(t, srtp.AES192SHA180, "inline:"+strings.Repeat("A", 51)), Options{})
	if a.In[0].Suite != srtp.AES128SHA180 || SameKeys(a.In[0], b.Out[0]) {
		t.Errorf("A: %s, B: %s", list(a.In), list(b.Out))
	}
}

func TestAnswerStatic(t *testing.T) {
	for _, static := range []bool{false, true} {
		var a, b Leg
		offer := attributes(t, offer80, offer32)
		call(t, &a, &b, offer, taking(t, srtp.AES128SHA180, other128), Options{})
		call(t, &a, &b, offer, taking(t, srtp.AES128SHA132, other128), Options{Static: static})
		want := srtp.AES128SHA132
		if static {
			want = srtp.AES128SHA180
		}
		if a.Out[0].Suite != want {
			t.Errorf("static %v: %s", static, list(a.Out))
		}
	}
}

func TestOffererPreference(t *testing.T) {
	var a, b Leg
	o := options(t, "offerer_pref:NULL_HMAC_SHA1_80;AES_CM_128_HMAC_SHA1_32;")
	call(t, &a, &b, attributes(t, offer80, offer32), taking(t, srtp.AES128SHA180, other128), o)
	if a.Out[0].Suite != srtp.AES128SHA132 || a.Out[0].Tag != 2 {
		t.Errorf("A gets %s", list(a.Out))
	}
}

func TestAnswerLastSuite(t *testing.T) {
	var a, b Leg
	o := options(t, "no-AES_CM_128_HMAC_SHA1_80", "no-AES_CM_128_HMAC_SHA1_32")
	call(t, &a, &b, attributes(t, offer80, offer32), taking(t, srtp.GCM256, "inline:"+strings.Repeat("A", 59)), o)
	if a.Out[0].Suite != srtp.AES128SHA180 || b.Out[0].Suite != srtp.GCM256 {
		t.Errorf("A %s, B %s", list(a.Out), list(b.Out))
	}
	if err := new(Leg).Answer(&b, o, rand.Reader); !errors.Is(err, ErrNoSuite) {
		t.Errorf("nothing offered: %v", err)
	}
}

func TestOptionsSet(t *testing.T) {
	var o Options
	for _, f := range []string{"off", "no", "disable", "pad", "prefer", "encrypted_srtp", "authenticated_srtp", "ENCRYPTED_SRTCP", "static", "nonew"} {
		if !o.Set(f) {
			t.Errorf("%s not known", f)
		}
	}
	for _, f := range []string{"", "on", "NO_SUITE", "only", "srtp"} {
		if o.Set(f) {
			t.Errorf("%q known", f)
		}
	}
	var p OSRTP
	if !p.Set("offer-RFC") || !p.Set("accept") || p.Set("x") || !p.Offer || !p.Accept || !p.AcceptLegacy || p.OfferLegacy {
		t.Errorf("%+v", p)
	}
}

// Whatever is offered, allowed and answered, both legs end with one attribute
// each way, of the same suite and tag, and contexts that understand each other.
func TestNegotiationProperty(t *testing.T) {
	suites := rapid.SampledFrom(srtp.Suites())
	rapid.Check(t, func(rt *rapid.T) {
		var a, b, asA, asB Leg // asA and asB are the parties themselves
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			o := Options{
				Recrypt: rapid.Bool().Draw(rt, "recrypt"), NoNew: rapid.Bool().Draw(rt, "nonew"),
				Static: rapid.Bool().Draw(rt, "static"), Order: rapid.SliceOfN(suites, 0, 3).Draw(rt, "order"),
				OffererPref: rapid.SliceOfN(suites, 0, 3).Draw(rt, "pref"), No: rapid.SliceOfN(suites, 0, 6).Draw(rt, "no"),
			}
			party := Options{Only: rapid.SliceOfNDistinct(suites, 1, 12, rapid.ID).Draw(rt, "offered"), OnlyThese: true}
			asA = Leg{}
			if err := asA.Offer(nil, party, rand.Reader); err != nil {
				rt.Fatal(err)
			}
			a.Receive(asA.Out, o)
			if err := b.Offer(&a, o, rand.Reader); err != nil {
				rt.Fatal(err)
			}
			if len(b.Out) == 0 {
				return // everything excluded
			}
			asB.Receive(b.Out, Options{No: rapid.SliceOfN(suites, 0, 6).Draw(rt, "refused")})
			if err := asB.Answer(nil, Options{}, rand.Reader); err != nil {
				rt.Fatal(err)
			}
			b.Receive(asB.Out, Options{})
			if err := a.Answer(&b, o, rand.Reader); err != nil {
				rt.Fatal(err)
			}
			asA.Receive(a.Out, Options{})
			understand(rt, asA, a)
			understand(rt, asB, b)
		}
	})
}

// understand checks that a party and our leg to it have each other's keys.
func understand(rt *rapid.T, party, ours Leg) {
	if len(ours.In) != 1 || len(ours.Out) != 1 || len(party.In) != 1 || len(party.Out) != 1 {
		rt.Fatalf("party in %s out %s, ours in %s out %s", list(party.In), list(party.Out), list(ours.In), list(ours.Out))
	}
	if !SameKeys(party.Out[0], ours.In[0]) || !SameKeys(party.In[0], ours.Out[0]) || ours.In[0].Tag != ours.Out[0].Tag {
		rt.Fatalf("party in %s out %s, ours in %s out %s", list(party.In), list(party.Out), list(ours.In), list(ours.Out))
	}
}

func TestSecured(t *testing.T) {
	for _, v := range []struct {
		offer       string
		offerKeyed  bool
		answer      string
		answerKeyed bool
		want        bool
		err         error
	}{
		{"RTP/AVP", false, "RTP/AVP", false, false, nil},
		{"RTP/AVP", true, "RTP/AVP", true, true, nil},
		{"RTP/AVP", true, "RTP/AVP", false, false, nil},
		{"RTP/AVP", false, "RTP/AVP", true, false, nil},
		{"RTP/SAVP", true, "RTP/SAVP", true, true, nil},
		{"UDP/TLS/RTP/SAVPF", true, "UDP/TLS/RTP/SAVPF", true, true, nil},
		{"RTP/SAVP", true, "RTP/SAVP", false, false, ErrInsecure},
		{"RTP/SAVP", true, "RTP/AVP", true, false, ErrInsecure},
		{"RTP/SAVP", false, "RTP/SAVP", true, false, ErrInsecure},
		{"udptl", true, "udptl", true, false, nil},
	} {
		got, err := Secured(v.offer, v.offerKeyed, v.answer, v.answerKeyed)
		if got != v.want || !errors.Is(err, v.err) {
			t.Errorf("%+v: %v, %v", v, got, err)
		}
	}
	if SecureProfile("RTP/AVPF") != "RTP/SAVPF" || PlainProfile("UDP/TLS/RTP/SAVP") != "RTP/AVP" || !Opportunistic("rtp/avp", true) {
		t.Error("profiles")
	}
}
