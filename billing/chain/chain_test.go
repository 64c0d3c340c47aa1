package chain_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

var eur = billing.MustCurrency("EUR")

// record is an answered call of a minute.
func record(caller, callee billing.Endpoint) *billing.CDR {
	return &billing.CDR{
		Status: billing.StatusOK, Start: 1_780_000_000_000, Duration: 60_000, Caller: caller, Callee: callee,
		Source: netip.MustParseAddr("192.0.2.1"),
	}
}

func short(parties []billing.Party) string {
	var out []string
	for _, p := range parties {
		s := fmt.Sprintf("%s/%s", p.Side, p.Role)
		if p.Depth > 0 {
			s += fmt.Sprint(p.Depth)
		}
		out = append(out, fmt.Sprintf("%s %s %s %s", s, p.Direction, p.Account, p.Amount.Decimal()))
	}
	return strings.Join(out, "; ")
}

func TestParties(t *testing.T) {
	dir := tariffs{
		"a": {Snapshot: deck("0.10"), Parent: "ra"}, "ra": {Snapshot: deck("0.08"), Parent: "rr"}, "rr": {Snapshot: deck("0.06")},
		"b": {Snapshot: deck("0.01"), Parent: "rb"}, "rb": {Snapshot: deck("0.02")},
		"x": {Snapshot: deck("0.03")}, "y": {Snapshot: deck("0.04")},
		"free": {Parent: "rb"}, "named": {Snapshot: deck("0.09"), Account: "contract 9"},
	}
	own := func(account string) billing.Endpoint { return billing.Endpoint{Account: account, Number: "431"} }
	peer := func(id string) billing.Endpoint { return billing.Endpoint{Peer: id, Number: "491"} }
	for _, c := range []struct {
		what           string
		caller, callee billing.Endpoint
		want           string
	}{
		{"on-net", own("a"), own("b"), "caller/customer out a 0.100000; caller/reseller1 out ra 0.080000; caller/reseller2 out rr 0.060000; " +
			"callee/customer in b 0.010000; callee/reseller1 in rb 0.020000"},
		{"to a peer", own("a"), peer("x"), "caller/customer out a 0.100000; caller/reseller1 out ra 0.080000; caller/reseller2 out rr 0.060000; caller/carrier out x 0.030000"},
		{"from a peer", peer("x"), own("b"), "callee/customer in b 0.010000; callee/reseller1 in rb 0.020000; callee/carrier in x 0.030000"},
		{"transit", peer("x"), peer("y"), "caller/carrier out y 0.040000; callee/carrier in x 0.030000"},
		{"nobody", billing.Endpoint{}, billing.Endpoint{}, ""},
		{"in without a tariff", peer("x"), own("free"), "callee/customer in free 0.000000; callee/reseller1 in rb 0.020000; callee/carrier in x 0.030000"},
		{"recorded by contract", own("named"), billing.Endpoint{Number: "1"}, "caller/customer out contract 9 0.090000"},
	} {
		r := chain.Rater{Directory: dir}
		got, err := r.Rate(nil, record(c.caller, c.callee))
		if err != nil || short(got) != c.want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", c.what, err, short(got), c.want)
		}
		prices, err := r.Prices(nil, record(c.caller, c.callee))
		if err != nil || len(prices) != len(got) {
			t.Errorf("%s: %d prices for %d parties, %v", c.what, len(prices), len(got), err)
		}
		for i := range prices {
			if prices[i].Party.Amount != got[i].Amount {
				t.Errorf("%s: party %d: %v and %v", c.what, i, prices[i].Party.Amount, got[i].Amount)
			}
		}
		busy := record(c.caller, c.callee)
		busy.Status, busy.Start, busy.Duration = billing.StatusBusy, 0, 0
		parties, err := r.Rate(nil, busy)
		if err != nil || len(parties) != len(got) {
			t.Errorf("%s, busy: %s, %v", c.what, short(parties), err)
		}
		for _, p := range parties {
			if !p.Amount.IsZero() {
				t.Errorf("%s, busy: %s", c.what, short(parties))
			}
		}
	}
}

// failing is a directory that is away.
type failing struct{ err error }

func (f failing) Terms(chain.Ref, billing.Millis, netip.Addr) (chain.Terms, error) {
	return chain.Terms{}, f.err
}

func TestErrors(t *testing.T) {
	b, err := tariff.NewBuilder(tariff.Config{Currency: eur})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Add(tariff.Fee{Destination: "43"}); err != nil {
		t.Fatal(err)
	}
	narrow, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	dir := tariffs{
		"ring": {Snapshot: deck("0.10"), Parent: "ring"}, "none": {}, "narrow": {Snapshot: narrow},
		"below": {Snapshot: deck("0.10"), Parent: "narrow"},
	}
	away := errors.New("away")
	for _, c := range []struct {
		what, caller, callee string
		dir                  chain.Directory
		want                 error
		role                 billing.Role
	}{
		{"resellers in a ring", "ring", "", dir, chain.ErrDepth, billing.RoleReseller},
		{"no tariff", "none", "", dir, chain.ErrNoTariff, billing.RoleCustomer},
		{"no fee", "narrow", "", dir, rate.ErrNoFee, billing.RoleCustomer},
		{"no fee of the reseller", "below", "", dir, rate.ErrNoFee, billing.RoleReseller},
		{"no directory", "", "b", failing{away}, away, billing.RoleCustomer},
		{"received: no fee is no error", "", "narrow", dir, nil, ""},
	} {
		r := chain.Rater{Directory: c.dir}
		had := []billing.Party{{Account: "before"}}
		got, err := r.Rate(had, record(billing.Endpoint{Account: c.caller, Number: "491"}, billing.Endpoint{Account: c.callee, Number: "492"}))
		var p *chain.PartyError
		if !errors.Is(err, c.want) || c.want != nil && (!errors.As(err, &p) || p.Ref.Role != c.role || len(got) != 1) {
			t.Errorf("%s: %v, %d parties", c.what, err, len(got))
		}
	}
}

func TestNGCP(t *testing.T) {
	dir := tariffs{
		"a": {Snapshot: deck("0.10"), Parent: "ra"}, "ra": {Snapshot: deck("0.08"), Parent: "top"}, "top": {Snapshot: deck("0.07")},
		"b": {Snapshot: deck("0.01"), Parent: "rb"}, "rb": {Snapshot: deck("0.02")}, "x": {Snapshot: deck("0.03")}, "y": {Snapshot: deck("0.04")},
	}
	r := chain.Rater{Directory: dir}
	parties, err := r.Rate(nil, record(billing.Endpoint{Account: "a", Peer: "x"}, billing.Endpoint{Account: "b", Peer: "y"}))
	if err != nil {
		t.Fatal(err)
	}
	c := chain.NGCP(parties)
	var got []string
	for _, v := range []chain.Column{c.SourceCarrier, c.SourceReseller, c.SourceCustomer, c.DestinationCarrier, c.DestinationReseller, c.DestinationCustomer} {
		got = append(got, v.Cost.Decimal()[:4]+" "+v.Fee)
	}
	if s := strings.Join(got, "; "); s != "0.04 out:; 0.08 out:; 0.10 out:; 0.03 in:; 0.02 in:; 0.01 in:" {
		t.Error(s)
	}
}

// TestDirectoryIsAsked: by contract, time and caller network, and ported
// numbers are looked up where a tariff cares.
func TestDirectoryIsAsked(t *testing.T) {
	b, err := tariff.NewBuilder(tariff.Config{Currency: eur})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []tariff.Fee{{ID: "all"}, {ID: "ported", Destination: "lnp:p7"}, {ID: "bob", Mode: tariff.Exact, Destination: "bob@example.org"}} {
		if err := b.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	r := chain.Rater{
		Explain: true,
		Directory: ask(func(ref chain.Ref, at billing.Millis, ip netip.Addr) (chain.Terms, error) {
			asked = append(asked, fmt.Sprint(ref.Role, " ", at, " ", ip))
			return chain.Terms{Snapshot: s}, nil
		}),
		Ported: func(number string, _ billing.Millis) (string, string) {
			if number == "4366" {
				return "p7", ""
			}
			return "", ""
		},
	}
	for callee, want := range map[billing.Endpoint]string{
		{Number: "4366"}: "ported", {Number: "431"}: "all", {User: "bob", Domain: "example.org", Number: "4319"}: "bob",
	} {
		parties, err := r.Rate(nil, record(billing.Endpoint{Account: "a"}, callee))
		if err != nil || parties[0].Fee != want || len(parties[0].Explain) == 0 {
			t.Errorf("%+v: %+v, %v", callee, parties, err)
		}
	}
	if asked[0] != "customer 1780000000000 192.0.2.1" {
		t.Error(asked[0])
	}
}

type ask func(chain.Ref, billing.Millis, netip.Addr) (chain.Terms, error)

func (f ask) Terms(r chain.Ref, at billing.Millis, ip netip.Addr) (chain.Terms, error) {
	return f(r, at, ip)
}

// peak makes a tariff with an evening in a zone.
func peak(t *rapid.T, what string) *tariff.Snapshot {
	evening := rapid.IntRange(60, 1380).Draw(t, what+" evening") * 60
	b, err := tariff.NewBuilder(tariff.Config{
		Currency: eur, Windows: []tariff.Window{{Rate: "off", Days: 127, From: evening, To: 86400}},
	})
	if err != nil {
		t.Fatal(err)
	}
	draw := func(label string) tariff.Rate {
		p, err := billing.NewPrice(rapid.Int64Range(0, 1e12).Draw(t, what+label), 7)
		if err != nil {
			t.Fatal(err)
		}
		i := tariff.Interval{Price: p, Seconds: rapid.SampledFrom([]int{1, 30, 60, 600}).Draw(t, what+label+" seconds")}
		return tariff.Rate{Init: i, Follow: i}
	}
	if err := b.Add(tariff.Fee{Rate: draw(" on"), Named: map[string]tariff.Rate{"off": draw(" off")}}); err != nil {
		t.Fatal(err)
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFragments: the fragments of a call cover it, and those of each party sum
// up to its price.
func TestFragments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := chain.Rater{Directory: tariffs{
			"a": {Snapshot: peak(t, "a"), Parent: "ra"}, "ra": {Snapshot: peak(t, "ra")}, "x": {Snapshot: peak(t, "x")},
		}}
		c := record(billing.Endpoint{Account: "a"}, billing.Endpoint{Peer: "x"})
		c.Duration = billing.Millis(rapid.Int64Range(0, 3*86_400_000).Draw(t, "duration"))
		prices, err := r.Prices(nil, c)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := chain.Fragments(prices, c.Duration)
		if err != nil {
			t.Fatal(err)
		}
		var off billing.Millis
		sums := make([]billing.Amount, len(prices))
		for _, f := range parts {
			if f.Offset != off || f.Duration < 0 {
				t.Fatalf("a fragment from %d on, the one before ends at %d", f.Offset, off)
			}
			off += f.Duration
			for i := range sums {
				if sums[i], err = sums[i].Add(f.Amounts[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
		if off != c.Duration {
			t.Fatalf("fragments end at %d of %d", off, c.Duration)
		}
		for i := range sums {
			if sums[i] != prices[i].Party.Amount {
				t.Fatalf("party %d: %v in fragments, %v as a whole", i, sums[i], prices[i].Party.Amount)
			}
		}
	})
}

// BenchmarkRate prices a call for customer, reseller and carrier.
func BenchmarkRate(b *testing.B) {
	r := chain.Rater{Directory: tariffs{
		"a": {Snapshot: deck("0.10"), Parent: "ra"}, "ra": {Snapshot: deck("0.08")}, "x": {Snapshot: deck("0.03")},
	}}
	c := record(billing.Endpoint{Account: "a", Number: "431"}, billing.Endpoint{Peer: "x", Number: "491"})
	c.Duration = billing.Span(5 * time.Minute)
	parties := make([]billing.Party, 0, 4)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if parties, err = r.Rate(parties[:0], c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "CDR/s")
}

// TestAllocs: pricing a call for three parties allocates nothing.
func TestAllocs(t *testing.T) {
	r := chain.Rater{Directory: tariffs{
		"a": {Snapshot: deck("0.10"), Parent: "ra"}, "ra": {Snapshot: deck("0.08")}, "x": {Snapshot: deck("0.03")},
	}}
	c := record(billing.Endpoint{Account: "a", Number: "431"}, billing.Endpoint{Peer: "x", Number: "491"})
	parties := make([]billing.Party, 0, 4)
	n := testing.AllocsPerRun(100, func() {
		var err error
		if parties, err = r.Rate(parties[:0], c); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestComplete: a record of three messages.
func TestComplete(t *testing.T) {
	b, err := tariff.NewBuilder(tariff.Config{Currency: billing.MustCurrency("EUR")})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.ReadCSV(strings.NewReader("service,destination,follow_price\nsms,,0.07\n")); err != nil {
		t.Fatal(err)
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	r := chain.Rater{Directory: tariffs{"c": {Snapshot: s}}, Complete: func(c rate.Call, _ *billing.CDR) rate.Call { c.Service, c.Units = tariff.SMS, 3; return c }}
	parties, err := r.Rate(nil, &billing.CDR{Status: billing.StatusOK, Start: 1, Caller: billing.Endpoint{Account: "c", Number: "1"}, Callee: billing.Endpoint{Number: "2"}})
	if err != nil || len(parties) != 1 || parties[0].Amount.String() != "0.21 EUR" || parties[0].Units != 3 || parties[0].Charged != 0 {
		t.Errorf("%+v, %v", parties, err)
	}
}
