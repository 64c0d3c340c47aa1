package native

import (
	"fmt"
	"testing"

	"github.com/class5-go/class5/billing/fraud"
)

// TestPrepaidCustomer: an operator makes a customer prepaid, pays in and sees
// the balance.
func TestPrepaidCustomer(t *testing.T) {
	b := setUp(t, source{})
	var c customer
	if code, _ := b.send("POST", "/customers", "", map[string]any{"name": "Acme", "billing_profile_id": b.profile}, &c); code != 201 {
		t.Fatalf("customer: %d", code)
	}
	terms := fmt.Sprintf("/billing-profiles/%d/terms", b.profile)
	var got TermsIn
	if code, _ := b.send("GET", terms, "", nil, &got); code != 200 || got.Prepaid {
		t.Errorf("terms: %d %+v", code, got)
	}
	in := `{"prepaid":true,"limits":{"day":{"limit":"10.00 EUR","lock":2,"cut":true,"notify":true}}}`
	if code, _ := b.send("PUT", terms, "", in, &got); code != 200 || !got.Prepaid || got.Limits.Day == nil || got.Limits.Day.Limit != "10.00 EUR" || got.Limits.Day.Lock != 2 {
		t.Errorf("terms set: %d %+v", code, got)
	}
	for _, bad := range []string{`{"prepaid":true,"limits":{"day":{"limit":"ten"}}}`, `{"prepaid":true,"limits":{"day":{"limit":"1.00 EUR","lock":6}}}`, `{}`} {
		if code, _ := b.send("PUT", terms, "", bad, nil); code != 422 {
			t.Errorf("%s: %d", bad, code)
		}
	}
	balance, topups := fmt.Sprintf("/customers/%d/balance", c.ID), fmt.Sprintf("/customers/%d/top-ups", c.ID)
	var m money
	if code, _ := b.send("GET", balance, "", nil, &m); code != 200 || m.Balance != "0.00 EUR" {
		t.Errorf("balance: %d %+v", code, m)
	}
	for range 2 { // the second is the same payment
		if code, _ := b.send("POST", topups, "", map[string]string{"token": "p1", "amount": "5.50"}, &m); code != 200 || m.Available != "5.50 EUR" {
			t.Errorf("top-up: %d %+v", code, m)
		}
	}
	if code, _ := b.send("POST", topups, "", map[string]string{"token": "p1", "amount": "6"}, nil); code != 409 {
		t.Errorf("the token for another payment: %d", code)
	}
	for _, bad := range []string{"0", "-1", "1 USD", "x", "0.0000001"} {
		if code, _ := b.send("POST", topups, "", map[string]string{"token": "p2", "amount": bad}, nil); code != 422 {
			t.Errorf("%s: %d", bad, code)
		}
	}
	if code, _ := b.send("GET", "/customers/99/balance", "", nil, nil); code != 404 {
		t.Errorf("nobody's balance: %d", code)
	}
}

func TestLocksOfCustomer(t *testing.T) {
	b := setUp(t, source{})
	var c customer
	b.send("POST", "/customers", "", map[string]any{"name": "Acme", "billing_profile_id": b.profile}, &c)
	path := fmt.Sprintf("/customers/%d/locks", c.ID)
	var l locks
	if code, _ := b.send("PUT", path, "", `{"lock":1,"limits":{"window":{"limit":3,"span_ms":60000,"lock":2}}}`, &l); code != 200 || l.Lock != 1 || l.Limits.Window == nil {
		t.Errorf("locks: %d %+v", code, l)
	}
	if code, _ := b.send("PUT", path, "", `{"lock":6}`, nil); code != 422 {
		t.Errorf("level 6: %d", code)
	}
	if err := b.store.Customers().SetSpentLock(t.Context(), c.ID, 3); err != nil {
		t.Fatal(err)
	}
	if code, _ := b.send("GET", path, "", nil, &l); code != 200 || l.Spent != 3 {
		t.Errorf("locks: %d %+v", code, l)
	}
	if code, _ := b.send("POST", fmt.Sprintf("/customers/%d/unlock", c.ID), "", nil, &l); code != 200 || l.Spent != 0 || l.Lock != 1 {
		t.Errorf("unlocked: %d %+v", code, l)
	}
	if err := b.store.Customers().SetSpentLock(t.Context(), c.ID, 3); err != nil {
		t.Fatal(err)
	}
	if err := b.store.Customers().SetBalanceLock(t.Context(), c.ID, 4); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		source       string
		status       int
		spent, level int
		operator     int
	}{
		{"balance", 200, 3, 0, 1}, {"spending", 200, 0, 0, 1}, {"operator", 200, 0, 0, 0}, {"moon", 422, 0, 0, 0},
	} {
		var l locks
		code, _ := b.send("POST", fmt.Sprintf("/customers/%d/unlock?source=%s", c.ID, step.source), "", nil, &l)
		if code != step.status || l.Spent != step.spent || l.Balance != step.level || l.Lock != step.operator {
			t.Errorf("unlock %s: %d %+v", step.source, code, l)
		}
	}
	if code, _ := b.send("POST", "/customers/99/unlock", "", nil, nil); code != 404 {
		t.Errorf("nobody unlocked: %d", code)
	}
	if sp, err := b.store.Spending(t.Context(), c.ID); err != nil || sp.Limits.Window == nil || sp.Limits.Window.Action != (fraud.Action{Lock: 2}) {
		t.Errorf("limits: %+v, %v", sp, err)
	}
}

// TestFunds: what a billing profile gives for free, packages and vouchers, and
// the account that comes of them.
func TestFunds(t *testing.T) {
	b := setUp(t, source{})
	var c customer
	if code, _ := b.send("POST", "/customers", "", map[string]any{"name": "Acme", "billing_profile_id": b.profile}, &c); code != 201 {
		t.Fatalf("customer: %d", code)
	}
	want := func(method, path string, in any, status int, out any) {
		t.Helper()
		if code, _ := b.send(method, path, "", in, out); code != status {
			t.Errorf("%s %s %v: status %d, want %d", method, path, in, code, status)
		}
	}
	var terms TermsIn
	path := fmt.Sprintf("/billing-profiles/%d/terms", b.profile)
	want("PUT", path, `{"prepaid":false,"free_seconds":6000,"free_cash":"2.00 EUR","interval":{"count":1,"period":"week"},"start":"create"}`, 200, &terms)
	if terms.FreeSeconds != 6000 || terms.FreeCash != "2.00 EUR" || terms.Start != "create" || terms.Interval == nil || terms.Interval.Period != "week" {
		t.Errorf("terms %+v", terms)
	}
	for _, bad := range []string{
		`{"prepaid":false,"free_seconds":-1}`, `{"prepaid":false,"free_cash":"2.00 USD"}`, `{"prepaid":false,"free_cash":"-2.00 EUR"}`,
		`{"prepaid":false,"interval":{"count":0,"period":"week"}}`, `{"prepaid":false,"interval":{"count":1,"period":"year"}}`, `{"prepaid":false,"start":"later"}`,
		`{"prepaid":false,"free_seconds":99999999999}`,
	} {
		want("PUT", path, bad, 422, nil)
	}
	var m money
	balance := fmt.Sprintf("/customers/%d/balance", c.ID)
	want("GET", balance, nil, 200, &m)
	if m.Balance != "2.00 EUR" || m.Interval.FreeSeconds != 6000 || m.Interval.FreeLeft != 6000 || m.Interval.FreeCash != "2.00 EUR" || m.Interval.Debit != "0.00 EUR" {
		t.Errorf("account %+v", m)
	}

	gold := `{"name":"gold","service_charge":"1.00 EUR","lock_below":"0.50 EUR","lock_level":2,"topup_lock":0,"discard_after":3,"bundles":[
		{"wallet":"abroad","unit":"time","value":"600","weight":1,"destinations":["49"],"increment":60,"life":{"count":30,"period":"day"}},
		{"wallet":"bonus","unit":"cash","value":"1.50"},{"wallet":"texts","unit":"sms","value":"20"}]}`
	var p packageOut
	want("POST", "/packages", gold, 201, &p)
	want("POST", "/packages", gold, 409, nil)
	if p.ServiceCharge != "1.00 EUR" || *p.LockLevel != 2 || *p.TopUpLock != 0 || len(p.Bundles) != 3 || p.Bundles[0].Value != "600" || p.Bundles[0].Increment != 60 || p.Bundles[1].Value != "1.500000" {
		t.Errorf("package %+v", p)
	}
	for _, bad := range []string{
		`{"name":"bad","service_charge":"1"}`, `{"name":"bad","carry_over":"maybe"}`, `{"name":"b d"}`, `{"name":"bad","bundles":[{"wallet":"cash","unit":"time","value":"1"}]}`,
		`{"name":"bad","bundles":[{"wallet":"x","unit":"time","value":"-1"}]}`, `{"name":"bad","bundles":[{"wallet":"x","unit":"cash","value":"many"}]}`,
	} {
		want("POST", "/packages", bad, 422, nil)
	}
	var v voucherOut
	want("POST", "/vouchers", `{"code":"VOUCHER-0001","amount":"5.00 EUR","package":"gold"}`, 201, &v)
	if v.Hint != "0001" || v.Amount != "5.00 EUR" || v.Package != "gold" {
		t.Errorf("voucher %+v", v)
	}
	want("POST", "/vouchers", `{"code":"voucher0001","amount":"5.00 EUR"}`, 409, nil)
	want("POST", "/vouchers", `{"code":"voucher0002","amount":"5.00"}`, 422, nil)
	redeem := fmt.Sprintf("/customers/%d/vouchers", c.ID)
	want("POST", redeem, `{"code":"nonesuch"}`, 422, nil)
	want("POST", "/customers/99/vouchers", `{"code":"voucher0001"}`, 404, nil)
	want("POST", redeem, `{"code":"voucher 0001"}`, 200, &m)
	if m.Balance != "6.00 EUR" || m.Package != "gold" || len(m.Wallets) != 3 || m.Wallets[0].Value != "600" || m.Wallets[0].Expires.IsZero() || m.Wallets[2].Value != "20" {
		t.Errorf("account %+v", m)
	}
	want("POST", redeem, `{"code":"voucher0001"}`, 422, nil)
	want("GET", fmt.Sprintf("/vouchers/%d", v.ID), nil, 200, &v)
	if v.Used.IsZero() || v.UsedBy != c.ID {
		t.Errorf("voucher %+v", v)
	}
	want("POST", fmt.Sprintf("/customers/%d/top-ups", c.ID), `{"token":"t","amount":"1","package":"gold"}`, 200, &m)
	if m.Balance != "6.00 EUR" || m.Wallets[0].Value != "1200" {
		t.Errorf("account %+v", m)
	}
	want("POST", fmt.Sprintf("/customers/%d/top-ups", c.ID), `{"token":"u","amount":"1","package":"none"}`, 422, nil)
}

func TestPeers(t *testing.T) {
	b := setUp(t, source{})
	var c customer
	b.send("POST", "/customers", "", map[string]any{"name": "Carrier", "billing_profile_id": b.profile}, &c)
	var p peer
	code, h := b.send("POST", "/peers", "", map[string]any{
		"name": "uk", "customer_id": c.ID, "gateway": "192.0.2.9:5070", "prefixes": []string{"44"}, "networks": []string{"192.0.2.0/24"},
	}, &p)
	if code != 201 || p.Networks[0] != "192.0.2.0/24" || p.Prefixes[0] != "44" {
		t.Fatalf("created: %d %+v", code, p)
	}
	path := fmt.Sprintf("/peers/%d", p.ID)
	var changed peer
	if code, _ := b.send("PUT", path, h.Get("ETag"), map[string]any{"name": "uk", "customer_id": c.ID, "transit": true}, &changed); code != 200 || !changed.Transit || changed.Gateway != "" {
		t.Errorf("changed: %d %+v", code, changed)
	}
	for _, bad := range []map[string]any{
		{"name": "x", "customer_id": c.ID, "networks": []string{"here"}}, {"name": "x", "customer_id": c.ID, "prefixes": []string{"+44"}}, {"name": "x", "customer_id": 99},
	} {
		if code, _ := b.send("POST", "/peers", "", bad, nil); code != 422 {
			t.Errorf("%v: %d", bad, code)
		}
	}
	var l list[peer]
	if code, _ := b.send("GET", "/peers", "", nil, &l); code != 200 || len(l.Items) != 1 {
		t.Errorf("list: %d %+v", code, l)
	}
	if code, _ := b.send("DELETE", path, `"2"`, nil, nil); code != 204 {
		t.Errorf("deleted: %d", code)
	}
}

// TestPackageProfiles: a package can bring billing profiles that there are.
func TestPackageProfiles(t *testing.T) {
	b := setUp(t, source{})
	body := func(profile int64, below string) map[string]any {
		return map[string]any{"name": "flex", "topup_profile_id": profile, "underrun_profile_id": profile, "profile_below": below}
	}
	for _, c := range []struct {
		profile int64
		below   string
		status  int
	}{{99, "1.00 EUR", 422}, {b.profile, "", 422}, {b.profile, "1", 422}, {b.profile, "1.00 EUR", 201}} {
		var p packageOut
		if code, _ := b.send("POST", "/packages", "", body(c.profile, c.below), &p); code != c.status || code == 201 && (p.TopUpProfile != b.profile || p.Underrun != b.profile || p.ProfileBelow != "1.00 EUR") {
			t.Errorf("%+v: %d %+v", c, code, p)
		}
	}
}
