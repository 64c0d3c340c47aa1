//go:build interop

package interop

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/cmd/internal/node"
)

// secondProxy adds a proxy to three nodes. Both have short quotas.
func (n *threeNodes) secondProxy(t *testing.T) (admin int) {
	t.Helper()
	p := freePorts(t, 3)
	short := []string{
		"interim: 15s", "interim: 1s\n  prepaid: {quota: 2s, early: 1s, slack: 1s}",
		"data: proxy-data", "data: proxy-data\n  lease: 1s",
	}
	n.configure(t, "proxy", append(short, "port_max: 49998", "port_max: 44998")...)
	second := strings.NewReplacer(
		"node: proxy1", "node: proxy2", "data: proxy-data", "data: proxy2-data", "port_min: 40000", "port_min: 45000", "port_max: 44998", "port_max: 49998",
		fmt.Sprintf("listen: 127.0.0.1:%d", n.port+3), fmt.Sprintf("listen: 127.0.0.1:%d", p),
		fmt.Sprintf("echo: 127.0.0.1:%d", n.port+4), fmt.Sprintf("echo: 127.0.0.1:%d", p+1),
		fmt.Sprintf("admin: 127.0.0.1:%d", n.proxyAdm), fmt.Sprintf("admin: 127.0.0.1:%d", p+2),
	)
	b, err := os.ReadFile(filepath.Join(n.dir, "proxy.yaml"))
	if err == nil {
		err = os.WriteFile(filepath.Join(n.dir, "proxy2.yaml"), []byte(second.Replace(string(b))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	// On a busy machine a proxy may be taken for dead: here it must not.
	n.configure(t, "lb", "  hosts: [class5.test]", "  hosts: [class5.test]\n  health: {off: true}", "proxies: [127.0.0.1:6064]", fmt.Sprintf("proxies: [127.0.0.1:%d, 127.0.0.1:%d]", n.port+3, p))
	return p + 2
}

// TestPrepaidTwoNodes: many calls on one account, over two proxies, one of
// which is killed in the middle. Nothing is spent that is not there, what the
// dead one had set aside comes back, and its calls are paid for by their
// records when it starts again.
func TestPrepaidTwoNodes(t *testing.T) {
	calls := 40
	if v, err := strconv.Atoi(os.Getenv("CLASS5_PREPAID_CALLS")); err == nil {
		calls = v
	}
	n := newThreeNodes(t)
	admin := n.secondProxy(t)
	n.run(t)
	other := start(t, n.dir, built.path(t, "cmd/proxy"), "-config", "proxy2.yaml")
	other.ready(t, admin)
	n.lb.ready(t, n.port+6)

	customer, phones := n.tariffed(t, "shared", map[string]any{"prepaid": true}, 2)
	paid := int64(calls) * 60_000 // six seconds for each
	n.topUp(t, customer, "first", fmt.Sprintf("%d.%06d", paid/1_000_000, paid%1_000_000))
	waiting := n.waiting(t, phones, calls)
	// All calls are answered: one that is not when its proxy dies has no record.
	before := -1
	eventually(t, 20*time.Second, func() error {
		var active struct{ Items []struct{ State string } }
		if code := n.api(t, "GET", "/api/v1/active-calls?limit=500", nil, &active); code != 200 || len(active.Items) == 0 {
			return fmt.Errorf("status %d, %d calls at the first proxy", code, len(active.Items))
		}
		for _, call := range active.Items {
			if call.State != "confirmed" {
				return fmt.Errorf("a call is %s", call.State)
			}
		}
		if last := before; last != len(active.Items) {
			before = len(active.Items)
			time.Sleep(500 * time.Millisecond)
			return fmt.Errorf("calls at the first proxy were %d and are %d", last, before)
		}
		return nil
	})
	time.Sleep(2 * time.Second) // into the second quota
	n.proxy.kill()
	killed := time.Now()

	// The calls of the other one go on, and are paid when it ends in order.
	time.Sleep(3 * time.Second)
	if !other.stop(10 * time.Second) {
		t.Error("the second proxy does not end on SIGTERM")
	}
	var p purse
	eventually(t, 20*time.Second, func() error {
		if p = n.purse(t, customer); p.balance < 0 {
			t.Fatalf("overspent: %+v", p)
		}
		if p.held != 0 {
			return fmt.Errorf("still set aside: %+v", p)
		}
		return nil
	})
	t.Logf("%v after the kill nothing is set aside, %d of %d micros are left", time.Since(killed).Round(100*time.Millisecond), p.balance, paid)
	if p.balance >= paid {
		t.Error("nothing was paid")
	}
	waiting.kill()

	// The first one starts again: its calls are closed by evidence and paid as
	// far as there is money.
	n.proxy = n.node(t, "proxy", n.proxyAdm)
	var all []record
	eventually(t, 20*time.Second, func() error {
		if all = n.records(t); len(all) < calls {
			return fmt.Errorf("%d records of %d calls", len(all), calls)
		}
		return nil
	})
	evidence, cost := 0, int64(0)
	for _, r := range all {
		if r.Evidence != "" {
			evidence++
		}
		for _, party := range r.Parties {
			if party.Side == "caller" {
				cost += micros(t, party.Amount)
			}
		}
	}
	if evidence == 0 {
		t.Error("no call was on the proxy that was killed")
	}
	eventually(t, 20*time.Second, func() error {
		if p = n.purse(t, customer); p.balance < 0 || p.held != 0 || paid-p.balance != min(cost, paid) {
			return fmt.Errorf("%d micros are left of %d, calls have cost %d, %d set aside", p.balance, paid, cost, p.held)
		}
		return nil
	})
	t.Logf("%d records, %d by evidence, cost %d of %d micros", len(all), evidence, cost, paid)
	n.audit(t)
}

// audit holds every balance against the journal.
func (n *threeNodes) audit(t *testing.T) {
	t.Helper()
	env := node.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now}
	dir, err := node.OpenDirectory(t.Context(), node.StoreConfig{Driver: "mysql", DSN: n.dsn}, env)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := dir.Accounts().Audit(t.Context()); err != nil {
		t.Error(err)
	}
}

// waiting has the first phone call the second, so many times at once.
func (n *threeNodes) waiting(t *testing.T, phones []phone, calls int) *process {
	t.Helper()
	dir := t.TempDir()
	port := freePorts(t, 2)
	row := func(p, to phone) []string {
		return []string{p.user, "[authentication username=" + p.user + " password=" + p.password + "]", n.domain, to.number}
	}
	called := injection(t, dir, "callee.csv", [][]string{row(phones[1], phones[0])})
	caller := injection(t, dir, "caller.csv", [][]string{row(phones[0], phones[1])})
	n.sipp(t, dir, time.Minute, "-sf", scenario(t, "register.xml"), "-m", "1", "-inf", called, "-p", fmt.Sprint(port+1))
	callee(t, dir, port+1, "-sf", scenario(t, "uas.xml"))
	return start(t, dir, "sipp", fmt.Sprintf("127.0.0.1:%d", n.platform.sip), "-i", "127.0.0.1", "-nostdin", "-sf", scenario(t, "uac-waits.xml"),
		"-inf", caller, "-p", fmt.Sprint(port), "-m", fmt.Sprint(calls), "-l", fmt.Sprint(calls), "-r", fmt.Sprint(max(40, calls/2)))
}
