//go:build interop

package interop

import (
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/cmd/internal/node"
)

// unprivileged has the nodes of this test use the database as somebody whom a
// read-only server refuses.
func (n *threeNodes) unprivileged(t *testing.T) {
	t.Helper()
	n.sql(t, "CREATE USER app@localhost", "GRANT ALL ON class5.* TO app@localhost")
	n.dsn = strings.Replace(n.dsn, "root@", "app@", 1)
	for _, name := range []string{"lb", "web"} {
		n.configure(t, name)
	}
	n.configure(t, "proxy", "interim: 15s", "interim: 1s\n  prepaid: {quota: 2s, early: 1s, slack: 1s}", "data: proxy-data", "data: proxy-data\n  lease: 1s")
	// A node that waits for its database may be taken for dead: here it must not.
	n.configure(t, "lb", "  hosts: [class5.test]", "  hosts: [class5.test]\n  health: {off: true}")
}

// sql runs statements as an administrator of the database server.
func (n *threeNodes) sql(t *testing.T, statements ...string) {
	t.Helper()
	db, err := sql.Open("mysql", n.db.DSN(""))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// shop are the customers of TestStoresFail and their calls.
type shop struct {
	*threeNodes
	dir    string
	port   int
	callee phone
	phone  *process // of the callee
	made   int
}

// register has the callee's phone register and wait for calls.
func (s *shop) register(t *testing.T) {
	t.Helper()
	if s.phone != nil {
		s.phone.kill()
	}
	file := injection(t, s.dir, "callee.csv", [][]string{{s.callee.user, s.credentials(s.callee), s.domain, ""}})
	s.sipp(t, s.dir, 30*time.Second, "-sf", scenario(t, "register.xml"), "-m", "1", "-inf", file, "-p", fmt.Sprint(s.port))
	answers := newFlow().accept().recv(`request="ACK"`).hungUp().file(t, s.dir, "phone")
	s.phone = callee(t, s.dir, s.port, "-sf", answers)
}

func (s *shop) credentials(p phone) string {
	return "[authentication username=" + p.user + " password=" + p.password + "]"
}

// dial begins calls from a phone to the callee by a flow.
func (s *shop) dial(t *testing.T, from phone, flow *sippFlow, port, calls int, rate string) *process {
	t.Helper()
	s.made += calls
	name := fmt.Sprintf("%s-%d", from.user, s.made)
	file := injection(t, s.dir, name+".csv", [][]string{{from.user, s.credentials(from), s.domain, s.callee.number}})
	return start(t, s.dir, "sipp", fmt.Sprintf("127.0.0.1:%d", s.threeNodes.platform.sip), "-i", "127.0.0.1", "-nostdin", "-sf", flow.file(t, s.dir, name),
		"-inf", file, "-p", fmt.Sprint(s.port+port), "-m", fmt.Sprint(calls), "-r", rate, "-l", "500")
}

// done waits for calls that have to go as their flow says.
func (s *shop) done(t *testing.T, what string, p *process) {
	t.Helper()
	if err := p.wait(time.Minute); err != nil {
		t.Errorf("%s: %v\n%s\nproxy: %s", what, err, tail(p.output()), tail(s.proxy.output()))
	}
}

// talks is a flow of a call that lasts so long, in milliseconds.
func talks(low, high int) *sippFlow { return newFlow().dial().answered().talk(low, high).bye() }

// refusedWith is a flow of a call that is refused.
func refusedWith(status string) *sippFlow {
	return newFlow().dial().recv(`response="` + status + `"`).refused()
}

// TestStoresFail: while the database is slow, refuses writes or is gone, a node
// keeps the calls of postpaid customers, and writes their records down; a
// prepaid customer whose money can not be asked for gets 503. When Redis is gone
// nobody is found, and calls go again when it is back, empty. In the end every
// call is in the database once, accounts have paid for each of them once, and no
// prepaid customer has spent what it did not have.
func TestStoresFail(t *testing.T) {
	n := newThreeNodes(t)
	n.unprivileged(t)
	n.run(t)
	s := &shop{threeNodes: n, dir: t.TempDir(), port: freePorts(t, 9)}
	postpaid, phones := n.tariffed(t, "later", map[string]any{"prepaid": false, "free_seconds": 20, "start": "create"}, 2)
	s.callee = phones[1]
	prepaid, before := n.tariffed(t, "before", map[string]any{"prepaid": true}, 2)
	other, others := n.tariffed(t, "other", map[string]any{"prepaid": true}, 1)
	const paid = 1_000_000
	n.topUp(t, prepaid, "first", "1")
	n.topUp(t, other, "first", "1")
	s.register(t)
	s.done(t, "a first call", s.dial(t, others[0], talks(300, 300), 1, 1, "1"))
	eventually(t, 20*time.Second, func() error { // its money is back
		if p := n.purse(t, other); p.held != 0 || p.balance == paid {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})

	running := s.dial(t, before[0], newFlow().dial().answered().hungUp(), 3, 1, "1") // until it is cut
	eventually(t, 10*time.Second, func() error {
		var active struct{ Items []struct{ State string } }
		if code := n.api(t, "GET", "/api/v1/active-calls", nil, &active); code != 200 || len(active.Items) == 0 || active.Items[0].State != "confirmed" {
			return fmt.Errorf("status %d, %+v", code, active)
		}
		return nil
	})
	s.done(t, "a first call", s.dial(t, phones[0], talks(100, 100), 8, 1, "1"))
	many := s.dial(t, phones[0], talks(300, 1500), 2, 50, "6")
	time.Sleep(time.Second)
	signal := func(sig syscall.Signal) {
		if err := syscall.Kill(n.db.PID(), sig); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	time.Sleep(2500 * time.Millisecond)
	signal(syscall.SIGCONT)
	n.sql(t, "SET GLOBAL read_only = 1")
	time.Sleep(2 * time.Second)
	n.sql(t, "SET GLOBAL read_only = 0")
	time.Sleep(time.Second)
	n.db.Kill()
	waiting := n.scrape(t, n.proxyAdm, "class5_charge_unstored_bytes")
	s.done(t, "a prepaid call without ledger", s.dial(t, others[0], refusedWith("503"), 4, 1, "1"))
	time.Sleep(time.Second)
	if now := n.scrape(t, n.proxyAdm, "class5_charge_unstored_bytes"); now <= waiting {
		t.Errorf("the spool has %v bytes that are not stored, and had %v", now, waiting)
	}
	if err := n.db.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.done(t, "calls while the database fails", many)

	n.redis.kill()
	s.done(t, "a call without Redis", s.dial(t, phones[0], refusedWith("503"), 5, 1, "1"))
	n.startRedis(t)
	s.register(t)
	s.done(t, "a call with a new Redis", s.dial(t, phones[0], talks(300, 300), 6, 1, "1"))
	s.done(t, "a prepaid call with a new Redis", s.dial(t, before[1], talks(300, 300), 7, 1, "1"))

	running.kill()
	if !n.proxy.stop(10 * time.Second) { // ends what still runs
		t.Error("the proxy does not end on SIGTERM")
	}
	n.proxy = n.node(t, "proxy", n.proxyAdm)
	s.accounts(t, map[int64]int64{postpaid: 0, prepaid: paid, other: paid})
}

// accounts waits for all records, and holds what customers have paid against
// what their calls have cost.
func (s *shop) accounts(t *testing.T, paid map[int64]int64) {
	t.Helper()
	dir, err := node.OpenDirectory(t.Context(), node.StoreConfig{Driver: "mysql", DSN: s.dsn}, node.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var list []record
	eventually(t, 30*time.Second, func() error {
		if list = s.records(t); len(list) < s.made {
			return fmt.Errorf("%d records of %d calls", len(list), s.made)
		}
		return nil
	})
	if len(list) != s.made {
		t.Errorf("%d records of %d calls", len(list), s.made)
	}
	seen, cost := map[string]bool{}, map[int64]int64{}
	for _, r := range list {
		if seen[r.CallID] {
			t.Errorf("call %s has two records", r.CallID)
		}
		seen[r.CallID] = true
		c, err := dir.CDRs().Find(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range c.Parties {
			if p.Side == billing.SideCaller && p.Amount.Micros() != 0 {
				var id int64
				if _, err := fmt.Sscan(p.Account, &id); err != nil {
					t.Fatal(err)
				}
				cost[id] += p.Amount.Micros()
			}
		}
	}
	for id, had := range paid {
		var a balance.Account
		var cash ledger.Balance
		eventually(t, 10*time.Second, func() error {
			var err error
			if a, cash, err = dir.AccountNow(t.Context(), id, billing.MillisOf(time.Now())); err == nil && cash.Held != 0 {
				err = fmt.Errorf("customer %d: %+v is still held", id, cash)
			}
			return err
		})
		i := a.Running()
		free := int64(i.FreeTime-i.FreeLeft) / 1000 * 10_000 // at 0.01 a second
		if i.Debit.Micros()+free != cost[id] {
			t.Errorf("customer %d: calls cost %d, the account says %s and %d of free time", id, cost[id], i.Debit, free)
		}
		if cash.Value != a.Cash().Micros() || cash.Value != max(had-cost[id], 0) {
			t.Errorf("customer %d: ledger %+v, document %s, paid in %d, calls cost %d", id, cash, a.Cash(), had, cost[id])
		}
		t.Logf("customer %d: calls cost %d, free time paid %d, balance %d", id, cost[id], free, cash.Value)
	}
	s.audit(t)
}
