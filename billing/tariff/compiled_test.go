package tariff_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

const everything = `id,direction,service,mode,source,destination,zone,connect,cap,cap_action,init_price,init_interval,follow_price,follow_interval,tiers,extra_second,extra_price,free_time,offpeak.follow_price,offpeak.follow_interval
a,out,call,prefix,49,43,Austria,0.05,3,free,0.10/60,60,0.05/60,30,60 0.04/60 10 0.01,90,0.50,1,0.01/60,60
b,in,call,exact,,4312345,Austria,,,,,,0.02,1,,,,,,
c,out,sms,prefix,,,,,,,,,0.07,1,,,,,,
d,out,call,regex-match,,^09[01],Premium,,,,,,1/60,60,,,,,,
e,out,call,exact,,lnp:acme,,,,,,,0.01,1,,,,,,
`

func compiledDeck(t testing.TB) *tariff.Builder {
	t.Helper()
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	w, err := tariff.ParseWindow("offpeak mon-fri 18:00-24:00")
	if err != nil {
		t.Fatal(err)
	}
	v, err := tariff.ParseSpecial("offpeak 2026-12-24/2026-12-27")
	if err != nil {
		t.Fatal(err)
	}
	b, err := tariff.NewBuilder(tariff.Config{Name: "n", Currency: billing.MustCurrency("EUR"), Location: vienna, Windows: []tariff.Window{w}, Specials: []tariff.Special{v},
		Counting: tariff.CountWhole, CustomerZone: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.ReadCSV(strings.NewReader(everything)); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCompiled: what was compiled reads back to the same tariff, and nothing
// else does.
func TestCompiled(t *testing.T) {
	b := compiledDeck(t)
	var out bytes.Buffer
	if err := b.WriteCompiled(&out); err != nil {
		t.Fatal(err)
	}
	back, err := tariff.ReadCompiled(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	was, is := snapshotOf(t, b), snapshotOf(t, back)
	if was.Hash() != is.Hash() || is.Name() != "n" || is.Len() != 5 {
		t.Errorf("%s of %d fees, %s of %d", was.Hash(), was.Len(), is.Hash(), is.Len())
	}
	for i := range out.Bytes() {
		bad := bytes.Clone(out.Bytes())
		bad[i] ^= 0x41
		if got, err := tariff.ReadCompiled(bytes.NewReader(bad)); err == nil && snapshotOf(t, got).Hash() != was.Hash() {
			t.Fatalf("byte %d changed: another tariff", i)
		}
		if _, err := tariff.ReadCompiled(bytes.NewReader(out.Bytes()[:i])); err == nil {
			t.Fatalf("%d bytes of it were taken", i)
		}
	}
	if _, err := tariff.ReadCompiled(strings.NewReader("destination,follow_price\n")); !errors.Is(err, tariff.ErrDeck) {
		t.Errorf("a CSV deck: %v", err)
	}
}

func snapshotOf(t testing.TB, b *tariff.Builder) *tariff.Snapshot {
	t.Helper()
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWriteNGCP: fees that fit NGCP's layout read back to the same tariff.
func TestWriteNGCP(t *testing.T) {
	cfg := tariff.Config{Currency: billing.MustCurrency("EUR")}
	b, err := tariff.NewBuilder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.ReadCSV(strings.NewReader("id,direction,service,mode,source,destination,zone,follow_price,follow_interval,extra_second,extra_price,free_time,offpeak.follow_price,offpeak.follow_interval\n" +
		"a,out,call,prefix,,43,Austria,0.001,60,90,0.50,1,0.0005,30\nb,in,call,regex-match,^1,^43664,,0.12/60,1,,,,,\nc,out,sms,exact,,4312345,,0.07,1,,,,,\n")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := tariff.WriteNGCP(&out, b.Fees()); err != nil {
		t.Fatal(err)
	}
	back, err := tariff.NewBuilder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := back.ReadNGCP(bytes.NewReader(out.Bytes())); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	var x, y bytes.Buffer
	if err := errors.Join(tariff.WriteCSV(&x, b.Fees()), tariff.WriteCSV(&y, back.Fees())); err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(x.String(), "0.12/60", "0.002") != y.String() {
		t.Errorf("%s\n%s", x.String(), y.String())
	}
	if err := tariff.WriteNGCP(&out, compiledDeck(t).Fees()); !errors.Is(err, tariff.ErrFee) {
		t.Errorf("a connect fee: %v", err)
	}
}

func FuzzReadCompiled(f *testing.F) {
	var out bytes.Buffer
	if err := compiledDeck(f).WriteCompiled(&out); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := tariff.ReadCompiled(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := b.WriteCompiled(&again); err != nil {
			t.Fatal(err)
		}
	})
}
