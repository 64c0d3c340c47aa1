package ship_test

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
)

var call = billing.CDR{
	Key: billing.LegKey{1}, Revision: 1, Generation: 2, CallID: `a"b,c'd`, Status: billing.StatusOK, Code: 200,
	Caller: billing.Endpoint{Number: "4312345", Account: "7"}, Init: 1_777_900_000_000, Start: 1_777_900_001_005, Duration: 61_020,
	Parties: []billing.Party{
		{Side: billing.SideCaller, Role: billing.RoleCustomer, Account: "7", Amount: billing.NewAmount(-1_500_000, billing.MustCurrency("EUR"))},
		{Side: billing.SideCaller, Role: billing.RoleReseller, Depth: 1, Account: "r1", Amount: billing.NewAmount(42, billing.MustCurrency("EUR"))},
		{Side: billing.SideCaller, Role: billing.RoleReseller, Depth: 2, Account: "../r2", Zone: "z"},
	},
}

func encode(t testing.TB, f ship.Format, fields []ship.Field, records ...*billing.CDR) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Encode(&b, fields, records); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func fields(t testing.TB, names ...string) []ship.Field {
	t.Helper()
	f, err := ship.Fields(names...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFormats(t *testing.T) {
	some := fields(t, "call_id", "=X", "start=START", "duration", "caller.customer.amount", "caller.reseller.amount", "caller.reseller2.zone", "generation")
	const plain = `a"b,c'd`
	for _, c := range []struct {
		format ship.Format
		want   string
	}{
		{ship.CSV{}, "call_id,X,START,duration,caller.customer.amount,caller.reseller.amount,caller.reseller2.zone,generation\r\n" +
			`"a""b,c'd",,2026-05-04 13:06:41.005,61.020,-1.500000,0.000042,z,2` + "\r\n"},
		{ship.CSV{Separator: ';', Quote: '\'', QuoteAll: true, NoNames: true, LF: true, Version: "007"}, "007,0001\n" +
			`'a"b,c''d';'';'2026-05-04 13:06:41.005';'61.020';'-1.500000';'0.000042';'z';'2'` + "\n"},
		{ship.JSONLines{}, `{"call_id":"a\"b,c'd","X":"","START":"2026-05-04 13:06:41.005","duration":"61.020","caller.customer.amount":"-1.500000",` +
			`"caller.reseller.amount":"0.000042","caller.reseller2.zone":"z","generation":2}` + "\n"},
	} {
		if got := encode(t, c.format, some, &call); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(encode(t, ship.CSV{}, some, &call))).ReadAll()
	if err != nil || rows[1][0] != plain {
		t.Errorf("%q, %v", rows, err)
	}
	var back billing.CDR
	if err := json.Unmarshal([]byte(encode(t, ship.JSONLines{}, nil, &call)), &back); err != nil || back.CallID != plain || len(back.Parties) != 3 {
		t.Errorf("%+v, %v", back, err)
	}
	zipped := encode(t, ship.Gzip{Format: ship.CSV{}}, some, &call)
	r, err := gzip.NewReader(strings.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != encode(t, ship.CSV{}, some, &call) {
		t.Errorf("%s, %v", b, err)
	}
	if zipped != encode(t, ship.Gzip{Format: ship.CSV{}}, some, &call) {
		t.Error("the same records gave other bytes")
	}
	for _, bad := range []string{"nothing", "caller.boss.amount", "caller.reseller0.amount", "caller.customer1.amount", "third.customer.amount", "caller.customer.x", "call_id="} {
		if _, err := ship.Fields(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestNGCP007(t *testing.T) {
	s, err := ship.NGCP007()
	if err != nil {
		t.Fatal(err)
	}
	got := encode(t, s.Format, s.Fields, &call, &call)
	lines := strings.SplitAfter(got, "\n")
	if len(lines) != 5 || lines[0] != "007,0002\n" || strings.Count(lines[1], "','") != len(s.Fields)-1 {
		t.Fatalf("%q", got)
	}
	sum := md5.Sum([]byte(strings.Join(lines[:3], "")))
	if lines[3] != hex.EncodeToString(sum[:])+"\n" {
		t.Errorf("footer %q", lines[3])
	}
	if parts := s.Parts(&call); strings.Join(parts, " ") != "system r1 ../r2" {
		t.Errorf("%q", parts)
	}
}

func TestMasking(t *testing.T) {
	f := fields(t, "caller.number", "callee.number")
	if v := ship.Masked(f[0], 3); v.Show(&call) != "****345" {
		t.Errorf("%q", v.Show(&call))
	}
	if v := ship.Masked(f[0], 30); v.Show(&call) != "4312345" {
		t.Errorf("%q", v.Show(&call))
	}
	a, b := ship.Hashed(f[0], []byte("key")), ship.Hashed(f[0], []byte("other"))
	if a.Show(&call) == b.Show(&call) || len(a.Show(&call)) != 32 {
		t.Errorf("%q, %q", a.Show(&call), b.Show(&call))
	}
	if e := ship.Hashed(f[1], nil); e.Show(&call) != "" {
		t.Error("the hash of nothing is something")
	}
}

func TestDir(t *testing.T) {
	root := t.TempDir()
	d := ship.Dir(filepath.Join(root, "out"))
	ctx := t.Context()
	for range 2 {
		if err := d.Put(ctx, "r1/202605/a.csv", []byte("content")); err != nil {
			t.Fatal(err)
		}
	}
	// A part of an attempt before is in the way of nothing.
	if err := os.WriteFile(filepath.Join(root, "out", ship.TempName("b.csv")), []byte("longer than the content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(ctx, "b.csv", []byte("b")); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(ctx, "b.csv", []byte("other")); !errors.Is(err, ship.ErrExists) {
		t.Errorf("%v", err)
	}
	for name, want := range map[string]string{"r1/202605/a.csv": "content", "b.csv": "b"} {
		if b, err := os.ReadFile(filepath.Join(root, "out", name)); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(root, "out", ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	for _, bad := range []string{"", "../x", "a//b", ".hidden", "a/../b", "/etc/x", `a\b`, "a\x00"} {
		if err := d.Put(ctx, bad, nil); !errors.Is(err, ship.ErrName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("a,b\"c\r\n", "x")
	f.Add("\n", "\"")
	f.Fuzz(func(t *testing.T, a, b string) {
		c := billing.CDR{CallID: a, FromTag: b}
		got := encode(t, ship.CSV{}, fields(t, "call_id", "from_tag"), &c)
		rows, err := csv.NewReader(strings.NewReader(got)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		// The reader of the standard library makes LF of CRLF.
		clean := strings.NewReplacer("\r\n", "\n").Replace
		if len(rows) == 2 && (rows[1][0] != clean(a) || rows[1][1] != clean(b)) {
			t.Fatalf("%q of %q and %q", rows, a, b)
		}
	})
}
