//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/internal/peer"
)

// kind is a way in which calls go.
type kind struct {
	name   string
	share  int // of a hundred calls
	status billing.Status
	code   string // of the call, in Kamailio's account of it
	calls  int    // that the records of one run of it are about
	caller func(f *sippFlow, other string) *sippFlow
	phone  func(f *sippFlow, other string) *sippFlow
}

// kinds of calls. other is the address of a phone that always answers.
func kinds() []kind {
	talk := func(f *sippFlow, _ string) *sippFlow { return f.dial().answered().talk(300, 3000).bye() }
	answer := func(f *sippFlow, _ string) *sippFlow { return f.accept().recv(`request="ACK"`).hungUp() }
	return []kind{
		{"lost", 6, billing.StatusOK, "200", 1, func(f *sippFlow, _ string) *sippFlow { return f.dial().answered().hungUp() }, answer},
		{"talk", 60, billing.StatusOK, "200", 1, talk, answer},
		{"busy", 10, billing.StatusBusy, "486", 1,
			func(f *sippFlow, _ string) *sippFlow { return f.dial().recv(`response="486"`).refused() },
			func(f *sippFlow, _ string) *sippFlow {
				return f.recv(`request="INVITE"`).phone("486 Busy Here", "").recv(`request="ACK"`)
			}},
		{"cancel", 10, billing.StatusCancel, "487", 1,
			func(f *sippFlow, _ string) *sippFlow { return f.dial().cancel() },
			func(f *sippFlow, _ string) *sippFlow { return f.ring() }},
		{"forward", 8, billing.StatusOK, "200", 1, talk, func(f *sippFlow, other string) *sippFlow { return f.moved(other) }},
		{"transfer", 6, billing.StatusOK, "200", 2,
			func(f *sippFlow, other string) *sippFlow {
				f.dial().answered().recv(`request="REFER"`).reply("202 Accepted").talk(100, 500).bye()
				f.callID, f.to, f.cseq, f.second = "x///[call_id]", other[:strings.IndexByte(other, '@')], 0, true
				return f.dial().answered().talk(300, 2000).bye()
			},
			func(f *sippFlow, other string) *sippFlow { return f.accept().refer(other).hungUp() }},
	}
}

// Prices of the test, in millionths: of a call and of each second begun.
const (
	retailConnect, retailSecond = 50_000, 6_000
	wholesaleSecond             = 3_000
	incomingSecond              = 100
)

// accountsWorld is a platform with a Kamailio between callers and edge.
type accountsWorld struct {
	*threeNodes
	store    *directory.Store
	callers  int64 // customers
	reseller int64
	callees  int64
	domain   int64
	passwd   map[string]string
	outer    int // Kamailio's port
	sippDir  string
	ports    int            // of sipp
	made     map[string]int // calls by kind
}

func (w *accountsWorld) profile(t *testing.T, name string, out, in [2]int64) int64 {
	t.Helper()
	p, err := w.store.BillingProfiles().Create(t.Context(), directory.BillingProfile{Name: name, Currency: billing.MustCurrency("EUR")})
	if err != nil {
		t.Fatal(err, directory.Cause(err))
	}
	for d, price := range map[billing.Direction][2]int64{billing.Out: out, billing.In: in} {
		second, err := billing.NewPrice(price[1]*1_000_000, 1)
		if err != nil {
			t.Fatal(err)
		}
		fee := directory.Fee{ProfileID: p.ID, Direction: d, Zone: name, Connect: price[0], Init: second, InitInterval: 1, Follow: second, FollowInterval: 1}
		if _, err := w.store.Fees().Create(t.Context(), fee); err != nil {
			t.Fatal(err, directory.Cause(err))
		}
	}
	return p.ID
}

func (w *accountsWorld) customer(t *testing.T, name string, profile int64) int64 {
	t.Helper()
	c, err := w.store.Customers().Create(t.Context(), directory.Customer{Name: name, BillingProfileID: profile})
	if err != nil {
		t.Fatal(err, directory.Cause(err))
	}
	return c.ID
}

func (w *accountsWorld) subscriber(t *testing.T, customer int64, user, number string) {
	t.Helper()
	_, password, err := w.store.Subscribers().Create(t.Context(), directory.NewSubscriber{
		DomainID: w.domain, CustomerID: customer, Username: user, Numbers: []string{number},
	})
	if err != nil {
		t.Fatal(err, directory.Cause(err))
	}
	w.passwd[user] = string(password)
}

func newAccountsWorld(t *testing.T) *accountsWorld {
	t.Helper()
	maria := freePorts(t, 1)
	w := &accountsWorld{threeNodes: newThreeNodes(t, peer.Listening(uint16(maria))), passwd: map[string]string{}, made: map[string]int{}}
	w.configure(t, "proxy", "    allow_loopback: true", "    timeout: 8s\n    allow_loopback: true")
	w.configure(t, "lb", "  hosts: [class5.test]", "  hosts: [class5.test]\n  health: {off: true}")
	w.run(t)
	var err error
	if w.store, err = directory.Open(t.Context(), directory.Config{DSN: "mysql:" + w.dsn}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	domain, err := w.store.Domains().ByName(t.Context(), w.platform.domain)
	if err != nil {
		t.Fatal(err)
	}
	w.domain = domain.ID
	w.callers = w.customer(t, "callers", w.profile(t, "retail", [2]int64{retailConnect, retailSecond}, [2]int64{}))
	w.reseller = w.customer(t, "reseller", w.profile(t, "wholesale", [2]int64{0, wholesaleSecond}, [2]int64{}))
	w.callees = w.customer(t, "callees", w.profile(t, "phones", [2]int64{retailConnect, retailSecond}, [2]int64{0, incomingSecond}))
	if err := w.store.Contracts().Resell(t.Context(), w.callers, w.reseller); err != nil {
		t.Fatal(err)
	}
	for i, k := range kinds() {
		w.subscriber(t, w.callers, "from-"+k.name, fmt.Sprint("4319910", i))
		w.subscriber(t, w.callees, "to-"+k.name, fmt.Sprint("4319920", i))
	}
	w.outer = freePorts(t, 1)
	w.sql(t, append([]string{"CREATE DATABASE acc"}, accTables...)...)
	kamailio(t, "kamailio-acc.cfg", w.outer, "LISTEN", fmt.Sprint(w.outer), "EDGE", fmt.Sprint(w.sip), "MARIADB", fmt.Sprint(maria))
	return w
}

// other is a phone that always answers.
func (w *accountsWorld) other() string { return "to-talk@" + w.platform.domain }

// row is what sipp knows of a party, in a file of its own.
func (w *accountsWorld) row(t *testing.T, user, to string) string {
	t.Helper()
	row := []string{user, "[authentication username=" + user + " password=" + w.passwd[user] + "]", w.platform.domain, to}
	return injection(t, w.sippDir, user+".csv", [][]string{row})
}

// phones registers a phone for each kind of calls and lets it wait for them.
func (w *accountsWorld) phones(t *testing.T) {
	t.Helper()
	w.sippDir, w.ports = t.TempDir(), freePorts(t, 2*len(kinds()))
	for i, k := range kinds() {
		port := w.ports + 2*i
		w.sipp(t, w.sippDir, time.Minute, "-sf", scenario(t, "register.xml"), "-inf", w.row(t, "to-"+k.name, ""), "-m", "1", "-p", fmt.Sprint(port))
		callee(t, w.sippDir, port, "-sf", k.phone(newFlow(), w.other()).file(t, w.sippDir, k.name+"-phone"))
	}
}

// calls makes so many calls of all kinds, at once.
func (w *accountsWorld) calls(t *testing.T, total int, list []kind) {
	t.Helper()
	callers := map[string]*process{}
	begin := time.Now()
	for i, k := range kinds() {
		n := total * k.share / 100
		if !slices.ContainsFunc(list, func(o kind) bool { return o.name == k.name }) || n == 0 {
			continue
		}
		w.made[k.name] += n
		rate := max(1, callRate(total)*k.share/100)
		if k.name == "lost" {
			rate = callRate(total) // they last longest
		}
		callers[k.name] = start(t, w.sippDir, "sipp", fmt.Sprintf("127.0.0.1:%d", w.outer), "-sf", k.caller(newFlow(), w.other()).file(t, w.sippDir, k.name),
			"-i", "127.0.0.1", "-inf", w.row(t, "from-"+k.name, "to-"+k.name), "-p", fmt.Sprint(w.ports+2*i+1), "-m", fmt.Sprint(n), "-r", fmt.Sprint(rate),
			"-l", fmt.Sprint(max(500, n)), "-nostdin", "-trace_err", "-error_file", filepath.Join(w.sippDir, k.name+".errors"))
	}
	for name, p := range callers {
		if err := p.wait(time.Duration(total/callRate(total)+60) * time.Second); err != nil {
			errs, _ := os.ReadFile(filepath.Join(w.sippDir, name+".errors"))
			t.Fatalf("sipp %s: %v\n%s\n%s", name, err, errs[:min(len(errs), 3000)], tail(p.output()))
		}
	}
	t.Logf("%d calls in %v", total, time.Since(begin).Round(time.Millisecond))
}

// callRate is how many calls begin in a second: the ports of the relay rest for
// 30 s after each.
func callRate(total int) int {
	if total > 1000 {
		return 45
	}
	return 100
}

// stored waits until as many records are in the database as there have to be,
// and returns them by call and leg.
func (w *accountsWorld) stored(t *testing.T, want int) []*billing.CDR {
	t.Helper()
	var list []*billing.CDR
	eventually(t, 30*time.Second, func() error {
		list = nil
		for c, err := range w.store.Records(sqlstore.Options{}).Records(t.Context(), sqlstore.Filter{Superseded: true}) {
			if err != nil {
				return err
			}
			list = append(list, c)
		}
		if len(list) != want {
			return fmt.Errorf("%d records, want %d", len(list), want)
		}
		return nil
	})
	return list
}

// wantPrices holds the prices of a record against the tariffs.
func (w *accountsWorld) wantPrices(t *testing.T, c *billing.CDR) {
	t.Helper()
	seconds := (int64(c.Duration) + 999) / 1000
	retail, wholesale, incoming := retailConnect+seconds*retailSecond, seconds*wholesaleSecond, seconds*incomingSecond
	if !c.Chargeable() {
		retail, wholesale, incoming = 0, 0, 0
	}
	want := fmt.Sprintf("caller customer 0 %d %d, caller reseller 1 %d %d, callee customer 0 %d %d", w.callers, retail, w.reseller, wholesale, w.callees, incoming)
	if c.Leg > 0 { // who sent the call on pays, and nobody sells to it
		want = fmt.Sprintf("caller customer 0 %d %d, callee customer 0 %d %d", w.callees, retail, w.callees, incoming)
	}
	var got []string
	for _, p := range c.Parties {
		got = append(got, fmt.Sprintf("%s %s %d %s %d", p.Side, p.Role, p.Depth, p.Account, p.Amount.Micros()))
	}
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("%s leg %d, %d ms: %s, want %s", c.CallID, c.Leg, c.Duration, s, want)
	}
}

// accTables are what Kamailio writes to in the database beside ours, in the
// columns that it has by default and with times to the microsecond.
var accTables = []string{
	"CREATE TABLE acc.version (table_name VARCHAR(32) NOT NULL, table_version INT UNSIGNED NOT NULL DEFAULT 0, UNIQUE (table_name))",
	"INSERT INTO acc.version VALUES ('acc', 5), ('missed_calls', 4)",
	`CREATE TABLE acc.acc (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY NOT NULL, method VARCHAR(16) NOT NULL DEFAULT '', from_tag VARCHAR(128) NOT NULL DEFAULT '',
		to_tag VARCHAR(128) NOT NULL DEFAULT '', callid VARCHAR(255) NOT NULL DEFAULT '', sip_code VARCHAR(3) NOT NULL DEFAULT '',
		sip_reason VARCHAR(128) NOT NULL DEFAULT '', time DATETIME NOT NULL, time_attr INT NOT NULL, time_exten INT NOT NULL, KEY callid_idx (callid))`,
}

// accounted is what Kamailio wrote of a call.
type accounted struct {
	invites  int
	code     string
	from, to time.Time // of the final response to INVITE and BYE
}

// kamailioAccounts waits until Kamailio has written the ends of so many calls,
// and reads them.
func (w *accountsWorld) kamailioAccounts(t *testing.T, calls int) (out map[string]*accounted) {
	t.Helper()
	db := sqlx.MustOpen("mysql", w.db.DSN("acc"))
	defer db.Close()
	eventually(t, 10*time.Second, func() error {
		var rows []struct {
			Method, Code, CallID string
			Sec, USec            int64
		}
		if err := db.SelectContext(t.Context(), &rows, "SELECT method, sip_code AS code, callid, time_attr AS sec, time_exten AS usec FROM acc WHERE sip_code <> '407' ORDER BY id"); err != nil {
			return err
		}
		out = map[string]*accounted{}
		ended := 0
		for _, r := range rows {
			a := out[r.CallID]
			if a == nil {
				a = &accounted{}
				out[r.CallID] = a
			}
			at := time.Unix(r.Sec, r.USec*1000)
			switch r.Method {
			case "INVITE":
				a.invites, a.code, a.from = a.invites+1, r.Code, at
				if r.Code != "200" {
					ended++
				}
			case "BYE":
				if a.to.IsZero() {
					ended++
				}
				if a.to.IsZero() || at.Before(a.to) {
					a.to = at
				}
			}
		}
		if ended < calls {
			return fmt.Errorf("kamailio has %d of %d calls", ended, calls)
		}
		return nil
	})
	return out
}

// TestAccounts: every call that callers make through lb and proxy, whatever
// becomes of it, is in the central database once for each of its legs, with the
// price for all who have a share in it; a Kamailio in their way that writes its
// accounts into the same server counts the same calls and the same time. So is
// every call made while the database is gone, of which Kamailio's lines are lost.
func TestAccounts(t *testing.T) {
	total := 300
	if os.Getenv("CLASS5_CALLS") != "" {
		total = wantedCalls()
	}
	w := newAccountsWorld(t)
	w.phones(t)
	w.calls(t, total, kinds())
	legs, calls := 0, 0
	for _, k := range kinds() {
		calls += w.made[k.name] * k.calls
	}
	theirs := w.kamailioAccounts(t, calls)
	if len(theirs) != calls {
		t.Errorf("Kamailio counts %d calls, want %d", len(theirs), calls)
	}
	killed := billing.MillisOf(time.Now())
	w.db.Kill()
	w.calls(t, 50, kinds()[1:]) // all but those that take long
	if err := w.db.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds() {
		legs += w.made[k.name] * k.calls
		if k.name == "forward" {
			legs += w.made[k.name]
		}
	}
	list := w.stored(t, legs)
	byCall, got := map[string]*billing.CDR{}, map[string]int{}
	var apart, most time.Duration
	for _, c := range list {
		w.wantPrices(t, c)
		if c.Leg == 0 {
			byCall[c.CallID] = c
			got[strings.TrimPrefix(c.Caller.User, "from-")]++
			d := w.compare(t, c, theirs[c.CallID], c.Init < killed)
			apart, most = apart+d, max(most, d)
		}
	}
	for _, k := range kinds() {
		if got[k.name] != w.made[k.name]*k.calls {
			t.Errorf("%d calls of kind %s, want %d", got[k.name], k.name, w.made[k.name]*k.calls)
		}
	}
	for _, c := range list {
		first := byCall[c.CallID]
		if c.Leg > 0 && (first == nil || c.Type != billing.CallForwardResponse || c.Leg != 1 || c.Caller.User != "to-forward" || c.Duration != first.Duration) {
			t.Errorf("leg %+v of %+v", c, first)
		}
	}
	w.wantPaid(t, list)
	t.Logf("%d records of %d calls; Kamailio's durations are %v apart on average, %v at most", len(list), calls, apart/time.Duration(max(1, calls)), most)
}

// wantPaid holds what accounts have paid, which is all due later, against the
// prices of the records.
func (w *accountsWorld) wantPaid(t *testing.T, list []*billing.CDR) {
	t.Helper()
	want := map[int64]int64{w.callers: 0, w.callees: 0}
	for _, c := range list {
		for _, p := range c.Parties {
			if id, err := strconv.ParseInt(p.Account, 10, 64); err == nil && p.Role == billing.RoleCustomer {
				want[id] += p.Amount.Micros()
			}
		}
	}
	for id, cost := range want {
		a, _, err := w.store.AccountNow(t.Context(), id, billing.MillisOf(time.Now()))
		if err != nil {
			t.Fatal(err, directory.Cause(err))
		}
		got := int64(0)
		for _, i := range a.Intervals {
			got += i.Debit.Micros()
		}
		if got != cost || cost == 0 {
			t.Errorf("customer %d: calls cost %d, the account says %d", id, cost, got)
		}
	}
}

// longestApart is how much two elements may differ that see the messages of a
// call one after the other on a machine with other things to do.
const longestApart = 3 * time.Second

// compare holds a record against its kind and against Kamailio's account of the
// call, if there has to be one, and returns how far the durations are apart.
func (w *accountsWorld) compare(t *testing.T, c *billing.CDR, a *accounted, kept bool) time.Duration {
	t.Helper()
	var k kind
	for _, k = range kinds() {
		if c.Caller.User == "from-"+k.name {
			break
		}
	}
	evidence := ""
	if k.name == "lost" {
		evidence = "media-timeout"
	}
	if c.Status != k.status || c.Evidence != evidence || c.Revision != 1 || strconv.Itoa(c.Code) != k.code {
		t.Errorf("%s: %+v", k.name, c)
	}
	if !kept {
		return 0
	}
	if a == nil || a.invites != 1 || a.code != k.code || a.to.IsZero() != (k.code != "200") {
		t.Errorf("%s: Kamailio has %+v of call %s", k.name, a, c.CallID)
		return 0
	}
	if a.to.IsZero() {
		return 0
	}
	d := (a.to.Sub(a.from) - time.Duration(c.Duration)*time.Millisecond).Abs()
	if d > longestApart {
		t.Errorf("%s: %s took %d ms, by Kamailio %v", k.name, c.CallID, c.Duration, a.to.Sub(a.from))
	}
	return d
}
