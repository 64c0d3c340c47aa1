//go:build interop

package interop

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tariffed makes a billing profile of a cent a second, with terms, a customer
// on it and n subscribers.
func (c *platform) tariffed(t *testing.T, name string, terms map[string]any, n int) (customer int64, phones []phone) {
	t.Helper()
	make := func(path string, in map[string]any, out any) {
		t.Helper()
		if code := c.api(t, "POST", path, in, out); code/100 != 2 {
			t.Fatalf("%s: status %d", path, code)
		}
	}
	var domains struct {
		Items []struct{ ID int64 } `json:"items"`
	}
	c.api(t, "GET", "/api/v1/domains", nil, &domains)
	var made struct {
		ID       int64  `json:"id"`
		Password string `json:"password"`
	}
	make("/api/v1/billing-profiles", map[string]any{"name": name, "currency": "EUR"}, &made)
	profile := made.ID
	make(fmt.Sprintf("/api/v1/billing-profiles/%d/fees", profile), map[string]any{
		"direction": "out", "destination": "", "init": "0.01/1", "init_interval": 1, "follow": "0.01/1", "follow_interval": 1, "free_time": true,
	}, &made)
	if code := c.api(t, "PUT", fmt.Sprintf("/api/v1/billing-profiles/%d/terms", profile), terms, nil); code != 200 {
		t.Fatalf("terms: status %d", code)
	}
	make("/api/v1/customers", map[string]any{"name": name, "billing_profile_id": profile}, &made)
	customer = made.ID
	for i := range n {
		p := phone{user: fmt.Sprintf("%s%d", name, i), number: fmt.Sprintf("43%d9%04d", customer, i)}
		make("/api/v1/subscribers", map[string]any{
			"domain_id": domains.Items[0].ID, "customer_id": customer, "username": p.user, "numbers": []string{p.number},
		}, &made)
		p.password = made.Password
		phones = append(phones, p)
	}
	return customer, phones
}

func (c *platform) topUp(t *testing.T, customer int64, token, amount string) {
	t.Helper()
	if code := c.api(t, "POST", fmt.Sprintf("/api/v1/customers/%d/top-ups", customer), map[string]string{"token": token, "amount": amount}, nil); code != 200 {
		t.Fatalf("top-up: status %d", code)
	}
}

// purse is what a prepaid customer has, in micro-units.
type purse struct{ balance, held int64 }

func (c *platform) purse(t *testing.T, customer int64) purse {
	t.Helper()
	var b struct{ Balance, Held string }
	if code := c.api(t, "GET", fmt.Sprintf("/api/v1/customers/%d/balance", customer), nil, &b); code != 200 {
		t.Fatalf("balance: status %d", code)
	}
	return purse{micros(t, b.Balance), micros(t, b.Held)}
}

// micros reads an amount such as "0.06 EUR".
func micros(t *testing.T, amount string) int64 {
	t.Helper()
	whole, part, _ := strings.Cut(strings.TrimSuffix(amount, " EUR"), ".")
	n, err := strconv.ParseInt(whole+(part + "000000")[:6], 10, 64)
	if err != nil {
		t.Fatalf("amount %q: %v", amount, err)
	}
	return n
}

// bye is a BYE as a dissector saw it.
type bye struct {
	at     float64
	port   string // where it went
	reason string
}

// TestPrepaidBaresip: a foreign phone talks until its credit ends; a dissector
// sees the BYE on both legs at the granted second. Afterwards there is no
// credit, and after a top-up there is.
func TestPrepaidBaresip(t *testing.T) {
	c := newCarrier(t)
	w := newCapture(t, fmt.Sprintf("host 127.0.0.1 and port %d", c.sip))
	c.run(t, "--demo")
	customer, phones := c.tariffed(t, "prepaid", map[string]any{"prepaid": true}, 1)
	c.topUp(t, customer, "first", "0.06") // six seconds
	alice := newBaresip(t, c, phones[0], "udp", 440)
	bob := newBaresip(t, c, c.bob, "udp", 1000)

	id, _ := alice.call(c.bob.number, bob)
	alice.await("CALL_CLOSED", "")
	bob.await("CALL_CLOSED", "")
	var list struct {
		Items []record `json:"items"`
	}
	eventually(t, 10*time.Second, func() error {
		if code := c.api(t, "GET", "/api/v1/calls?call_id="+id, nil, &list); code != 200 || len(list.Items) != 1 {
			return fmt.Errorf("status %d, %d records", code, len(list.Items))
		}
		return nil
	})
	if r := list.Items[0]; r.Status != "ok" || r.DurationMS != 6000 || len(r.Parties) == 0 || r.Parties[0].Amount != "0.060000" {
		t.Errorf("record: %+v", r)
	}
	eventually(t, 10*time.Second, func() error {
		if p := c.purse(t, customer); p != (purse{}) {
			return fmt.Errorf("balance %+v", p)
		}
		return nil
	})
	alice.do("dial", c.bob.number)
	if e := alice.await("CALL_CLOSED", ""); !strings.HasPrefix(e.Param, "402") {
		t.Errorf("without credit: %+v", e)
	}
	c.topUp(t, customer, "second", "1")
	alice.call(c.bob.number, bob)
	alice.hangUp(bob)
	w.end(t)
	w.cut(t, c, alice, bob, id)
}

// cut checks when the BYEs of a call came.
func (w *capture) cut(t *testing.T, c *carrier, alice, bob *baresip, id string) {
	t.Helper()
	answers := w.dissect(t, c, fmt.Sprintf("sip.Status-Code == 200 and sip.CSeq.method == INVITE and udp.dstport == %d and sip.Call-ID == %q", alice.sip, id), "frame.time_epoch")
	if len(answers) == 0 {
		t.Fatal("no answer was captured")
	}
	answered, err := strconv.ParseFloat(answers[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]bye{}
	for _, line := range w.dissect(t, c, fmt.Sprintf("sip.Method == BYE and udp.srcport == %d and sip.Call-ID == %q", c.sip, id), "frame.time_epoch", "udp.dstport", "sip.Reason") {
		f := strings.Split(line, "\t")
		at, err := strconv.ParseFloat(f[0], 64)
		if _, again := first[f[1]]; again || err != nil {
			continue
		}
		first[f[1]] = bye{at, f[1], f[2]}
	}
	for name, port := range map[string]int{"alice": alice.sip, "bob": bob.sip} {
		b, ok := first[strconv.Itoa(port)]
		if !ok {
			t.Errorf("%s got no BYE: %v", name, first)
			continue
		}
		after := b.at - answered
		if after < 5 || after > 7 || !strings.Contains(b.reason, "cause=402") {
			t.Errorf("%s got its BYE after %.3f s with Reason %q", name, after, b.reason)
		}
		t.Logf("%s: BYE %.3f s after the answer, %s", name, after, b.reason)
	}
}

// TestSpendingLimit: a daily limit is crossed in calls: they are cut, new ones
// are refused, and go again when the operator unlocks.
func TestSpendingLimit(t *testing.T) {
	c := newCarrier(t).run(t, "--demo")
	customer, phones := c.tariffed(t, "limited", map[string]any{"prepaid": false, "limits": map[string]any{
		"day": map[string]any{"limit": "0.05 EUR", "lock": 2, "cut": true, "notify": true},
	}}, 1)
	alice := newBaresip(t, c, phones[0], "udp", 440)
	bob := newBaresip(t, c, c.bob, "udp", 1000)
	alice.call(c.bob.number, bob)
	alice.await("CALL_CLOSED", "")
	bob.await("CALL_CLOSED", "")
	locked := func(want int) {
		t.Helper()
		eventually(t, 10*time.Second, func() error {
			var l struct {
				Spent int `json:"spent_lock"`
			}
			if code := c.api(t, "GET", fmt.Sprintf("/api/v1/customers/%d/locks", customer), nil, &l); code != 200 || l.Spent != want {
				return fmt.Errorf("status %d, lock %d, want %d", code, l.Spent, want)
			}
			return nil
		})
	}
	locked(2)
	alice.do("dial", c.bob.number)
	if e := alice.await("CALL_CLOSED", ""); !strings.HasPrefix(e.Param, "403") {
		t.Errorf("a locked customer calls: %+v", e)
	}
	if !strings.Contains(c.output(), "a limit on spending is exceeded") {
		t.Error("nobody was told")
	}
	eventually(t, 10*time.Second, func() error {
		if n := len(c.records(t)); n != 2 {
			return fmt.Errorf("%d records", n)
		}
		return nil
	})
	if code := c.api(t, "POST", fmt.Sprintf("/api/v1/customers/%d/unlock", customer), nil, nil); code != 200 {
		t.Fatalf("unlock: status %d", code)
	}
	locked(0)
	alice.call(c.bob.number, bob)
	alice.hangUp(bob)
}
