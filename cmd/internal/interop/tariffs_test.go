//go:build interop

package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// statement is the account of a customer as the API shows it.
type statement struct {
	Balance, Held, Package string
	Interval               struct {
		Free  int64 `json:"free_seconds"`
		Left  int64 `json:"free_seconds_left"`
		Debit string
	}
	Wallets []struct{ Wallet, Unit, Value string }
}

func (c *platform) statement(t *testing.T, customer int64) (s statement) {
	t.Helper()
	if code := c.api(t, "GET", fmt.Sprintf("/api/v1/customers/%d/balance", customer), nil, &s); code != 200 {
		t.Fatalf("balance: status %d", code)
	}
	return s
}

// payment is how a call was paid by its caller.
type payment struct {
	Price       string `json:"price"`
	FromBalance string `json:"from_balance"`
	Due         string `json:"due"`
	FreeSeconds int64  `json:"free_seconds"`
}

// paid waits for the record of a call and says what it cost and how that was
// paid.
func (c *platform) paid(t *testing.T, callID string) (seconds int64, p payment) {
	t.Helper()
	var one struct {
		DurationMS int64 `json:"duration_ms"`
		Parties    []struct {
			Side string
			Paid payment
		}
	}
	eventually(t, 10*time.Second, func() error {
		var list struct{ Items []record }
		if code := c.api(t, "GET", "/api/v1/calls?call_id="+callID, nil, &list); code != 200 || len(list.Items) != 1 {
			return fmt.Errorf("status %d, %d records", code, len(list.Items))
		}
		if code := c.api(t, "GET", fmt.Sprintf("/api/v1/calls/%d", list.Items[0].ID), nil, &one); code != 200 || len(one.Parties) == 0 {
			return fmt.Errorf("status %d, %d parties", code, len(one.Parties))
		}
		return nil
	})
	return (one.DurationMS + 999) / 1000, one.Parties[0].Paid
}

// TestPostpaidFreeTime: three free seconds a month, then 0.01 a second, due at
// its end.
func TestPostpaidFreeTime(t *testing.T) {
	c := newCarrier(t).run(t, "--demo")
	customer, phones := c.tariffed(t, "postpaid", map[string]any{"prepaid": false, "free_seconds": 3, "start": "create"}, 1)
	if s := c.statement(t, customer); s.Interval.Free != 3 || s.Interval.Left != 3 {
		t.Fatalf("before the first call: %+v", s)
	}
	alice := newBaresip(t, c, phones[0], "udp", 440)
	bob := newBaresip(t, c, c.bob, "udp", 1000)
	debit := int64(0)
	for n, free := range []int64{3, 0} {
		id, _ := alice.call(c.bob.number, bob)
		time.Sleep(3500 * time.Millisecond)
		alice.hangUp(bob)
		seconds, p := c.paid(t, id)
		owes := (seconds - free) * 10_000
		if p.FreeSeconds != free || micros(t, p.Due) != owes || micros(t, p.Price) != owes || micros(t, p.FromBalance) != 0 {
			t.Errorf("call %d of %d s: paid %+v", n, seconds, p)
		}
		debit += owes
	}
	if s := c.statement(t, customer); s.Interval.Left != 0 || micros(t, s.Interval.Debit) != debit || micros(t, s.Balance) != 0 {
		t.Errorf("afterwards %+v, want a debit of %d", s, debit)
	}
}

// TestPrepaidVoucher: a voucher of 0.02 brings a package of four seconds: a call
// lasts for six and uses both up.
func TestPrepaidVoucher(t *testing.T) {
	c := newCarrier(t).run(t, "--demo")
	customer, phones := c.tariffed(t, "voucher", map[string]any{"prepaid": true}, 1)
	make := func(path string, in map[string]any, want int) {
		t.Helper()
		if code := c.api(t, "POST", path, in, nil); code != want {
			t.Fatalf("%s: status %d, want %d", path, code, want)
		}
	}
	make("/api/v1/packages", map[string]any{"name": "four", "bundles": []map[string]any{
		{"wallet": "seconds", "unit": "time", "value": "4", "weight": 1, "life": map[string]any{"count": 30, "period": "day"}},
	}}, 201)
	make("/api/v1/vouchers", map[string]any{"code": "ABCD-1234", "amount": "0.02 EUR", "package": "four"}, 201)
	redeem := fmt.Sprintf("/api/v1/customers/%d/vouchers", customer)
	alice := newBaresip(t, c, phones[0], "udp", 440)
	bob := newBaresip(t, c, c.bob, "udp", 1000)
	alice.do("dial", c.bob.number)
	if e := alice.await("CALL_CLOSED", ""); !strings.HasPrefix(e.Param, "402") {
		t.Errorf("before the voucher: %+v", e)
	}
	make(redeem, map[string]any{"code": "abcd1234"}, 200)
	make(redeem, map[string]any{"code": "abcd1234"}, 422)
	if s := c.statement(t, customer); micros(t, s.Balance) != 20_000 || s.Package != "four" || len(s.Wallets) != 1 || s.Wallets[0].Value != "4" {
		t.Fatalf("with the voucher: %+v", s)
	}
	id, _ := alice.call(c.bob.number, bob)
	alice.await("CALL_CLOSED", "")
	bob.await("CALL_CLOSED", "")
	seconds, p := c.paid(t, id)
	if seconds != 6 || micros(t, p.FromBalance) != 20_000 || micros(t, p.Due) != 0 {
		t.Errorf("a call of %d s paid %+v", seconds, p)
	}
	eventually(t, 10*time.Second, func() error {
		if s := c.statement(t, customer); micros(t, s.Balance) != 0 || micros(t, s.Held) != 0 || s.Wallets[0].Value != "0" {
			return fmt.Errorf("afterwards %+v", s)
		}
		return nil
	})
	alice.do("dial", c.bob.number)
	if e := alice.await("CALL_CLOSED", ""); !strings.HasPrefix(e.Param, "402") {
		t.Errorf("after the call: %+v", e)
	}
}

// TestForwarderCredit: a prepaid customer's phone sends a call on: the customer
// pays for that leg, the call ends for all when its money does, and afterwards
// it is not sent on any more.
func TestForwarderCredit(t *testing.T) {
	c := newCarrier(t).run(t, "--demo")
	_, phones := c.tariffed(t, "caller", map[string]any{"prepaid": false}, 2)
	forwarder, moving := c.tariffed(t, "moves", map[string]any{"prepaid": true}, 1)
	c.topUp(t, forwarder, "first", "0.03") // three seconds
	dir, port := t.TempDir(), freePorts(t, 4)
	sipp := func(p phone, to string, offset int, flow *sippFlow, calls int) *process {
		name := fmt.Sprint(p.user, offset)
		file := injection(t, dir, name+".csv", [][]string{{p.user, "[authentication username=" + p.user + " password=" + p.password + "]", c.domain, to}})
		if calls == 0 {
			c.sipp(t, dir, 30*time.Second, "-sf", scenario(t, "register.xml"), "-m", "1", "-inf", file, "-p", fmt.Sprint(port+offset))
			return callee(t, dir, port+offset, "-sf", flow.file(t, dir, name))
		}
		return start(t, dir, "sipp", fmt.Sprintf("127.0.0.1:%d", c.sip), "-i", "127.0.0.1", "-nostdin", "-sf", flow.file(t, dir, name),
			"-inf", file, "-p", fmt.Sprint(port+offset), "-m", fmt.Sprint(calls), "-r", "1")
	}
	// It rings for as long as the ledger may need to be asked.
	sipp(phones[1], "", 0, newFlow().recv(`request="INVITE" rrs="true"`).phone("180 Ringing", "").talk(2000, 2000).
		phone("200 OK", sippSDP).recv(`request="ACK"`).hungUp(), 0)
	sipp(moving[0], "", 1, newFlow().moved(phones[1].user+"@"+c.domain), 0)
	for n, flow := range []*sippFlow{
		newFlow().dial().recv(`response="180"`).answered().hungUp(), newFlow().dial().recv(`response="180" optional="true"`).recv(`response="480"`).refused(),
	} {
		if err := sipp(phones[0], moving[0].number, 2+n, flow, 1).wait(30 * time.Second); err != nil {
			t.Fatalf("call %d: %v\n%s", n, err, tail(c.logs()))
		}
	}
	eventually(t, 10*time.Second, func() error {
		if list := c.records(t); len(list) < 4 {
			return fmt.Errorf("%d records", len(list))
		}
		if p := c.purse(t, forwarder); p != (purse{}) {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})
	talked := 0
	for _, r := range c.records(t) {
		if r.Status != "ok" {
			continue
		}
		if talked++; r.DurationMS < 2900 || r.DurationMS > 3100 {
			t.Errorf("record %+v", r)
		}
	}
	if talked != 2 {
		t.Errorf("%d legs were answered, want 2", talked)
	}
}
