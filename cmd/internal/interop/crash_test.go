//go:build interop

package interop

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // reads what a killed process left
)

// callers are accounts of which the first half calls the second, with the
// ports that sipp uses for both.
type callers struct {
	dir     string
	uacPort string
	uasPort int
	rows    [][]string
	uas     *process
}

// registerPairs registers n callers and n callees over UDP and starts the
// user agent server of the callees.
func (c *carrier) registerPairs(t *testing.T, n int) *callers {
	t.Helper()
	port := freePorts(t, 2)
	p := &callers{dir: t.TempDir(), uacPort: fmt.Sprint(port), uasPort: port + 1}
	accounts := c.provision(t, 2*n)
	var callees [][]string
	for i, a := range accounts {
		row := []string{a.user, "[authentication username=" + a.user + " password=" + a.password + "]", c.domain, accounts[(i+n)%(2*n)].number}
		if i < n {
			p.rows = append(p.rows, row)
		} else {
			callees = append(callees, row)
		}
	}
	c.sipp(t, p.dir, time.Minute, "-sf", scenario(t, "register.xml"), "-inf", injection(t, p.dir, "callees.csv", callees), "-m", fmt.Sprint(n), "-r", "50", "-p", fmt.Sprint(p.uasPort))
	injection(t, p.dir, "calls.csv", p.rows)
	alawTone(t, p.dir)
	p.serve(t)
	return p
}

func (p *callers) serve(t *testing.T) {
	t.Helper()
	p.uas = callee(t, p.dir, p.uasPort, "-sf", scenario(t, "uas.xml"), "-rtp_echo",
		"-mp", fmt.Sprint(freePorts(t, 4)), "-trace_msg", "-message_file", filepath.Join(p.dir, "uas_messages.log"))
}

// dial are the arguments with which sipp makes calls of a length.
func (p *callers) dial(t *testing.T, n, rate int, length time.Duration, more ...string) []string {
	t.Helper()
	return append([]string{
		"-sf", scenario(t, "uac.xml"), "-inf", filepath.Join(p.dir, "calls.csv"), "-p", p.uacPort, "-m", fmt.Sprint(n), "-r", fmt.Sprint(rate),
		"-d", fmt.Sprint(length.Milliseconds()), "-mp", fmt.Sprint(freePorts(t, 4)),
	}, more...)
}

// background starts calls that nobody waits for.
func (c *carrier) background(t *testing.T, p *callers, args ...string) *process {
	t.Helper()
	return start(t, p.dir, "sipp", append([]string{fmt.Sprintf("127.0.0.1:%d", c.sip), "-i", "127.0.0.1", "-nostdin"}, args...)...)
}

// running waits for a number of answered calls.
func (c *carrier) running(t *testing.T, n int) {
	t.Helper()
	eventually(t, 15*time.Second, func() error {
		var list struct {
			Items []struct {
				State string `json:"state"`
			} `json:"items"`
		}
		c.api(t, "GET", "/api/v1/active-calls?limit=500", nil, &list)
		confirmed := 0
		for _, call := range list.Items {
			if call.State == "confirmed" {
				confirmed++
			}
		}
		if confirmed != n {
			return fmt.Errorf("%d calls running, want %d", confirmed, n)
		}
		return nil
	})
}

// intact asks SQLite itself whether the database is.
func (c *carrier) intact(t *testing.T) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(c.data, "class5.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, check := range []string{"PRAGMA integrity_check", "PRAGMA foreign_key_check"} {
		rows, err := db.Query(check)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var v [4]any
			cols, _ := rows.Columns()
			into := []any{&v[0], &v[1], &v[2], &v[3]}[:len(cols)]
			if err := rows.Scan(into...); err != nil || fmt.Sprint(v[0]) != "ok" {
				t.Errorf("%s: %v, %v", check, v, err)
			}
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
		_ = rows.Close()
	}
}

// TestKill: SIGKILL during 50 calls, 20 others being over. The next start with
// the same data accounts for each of them exactly once, and still knows who is
// registered.
func TestKill(t *testing.T) {
	const interval = 5 * time.Second // between proofs that a call lives
	c := newCarrier(t).run(t, "--demo")
	p := c.registerPairs(t, 10)
	c.sipp(t, p.dir, time.Minute, p.dial(t, 20, 50, 300*time.Millisecond)...)
	begin := time.Now()
	uac := c.background(t, p, p.dial(t, 50, 50, time.Minute)...)
	c.running(t, 50)
	// Long enough for two proofs of life of each, and cut between two.
	time.Sleep(time.Until(begin.Add(13 * time.Second)))
	c.kill()
	killed := time.Now()
	uac.kill()
	c.intact(t)

	c.client = nil // its session outlives the process, its connections do not
	admin := c.admin
	c.run(t, "--demo")
	for _, secret := range []string{admin, c.alice.password, c.bob.password} {
		if strings.Contains(c.output(), secret) {
			t.Errorf("the second start shows a password:\n%s", c.output())
		}
	}
	if strings.Contains(c.output(), "first start") {
		t.Errorf("second start:\n%s", c.output())
	}
	var all []record
	eventually(t, 10*time.Second, func() error {
		if all = c.records(t); len(all) != 70 {
			return fmt.Errorf("%d records, want 70", len(all))
		}
		return nil
	})
	finished, closed := 0, 0
	seen := map[string]bool{}
	longest := killed.Sub(begin)
	for _, r := range all {
		if seen[r.CallID] {
			t.Errorf("two records of call %s", r.CallID)
		}
		seen[r.CallID] = true
		d := time.Duration(r.DurationMS) * time.Millisecond
		switch {
		case r.Status != "ok":
			t.Errorf("record %+v", r)
		case r.Evidence == "" && d > 250*time.Millisecond && d < 2*time.Second:
			finished++
		case r.Evidence == "restart" && d <= longest && d >= longest-interval-2*time.Second: // they began within 2 s
			closed++
		default:
			t.Errorf("record %+v of a call of up to %v", r, longest)
		}
		checkPrice(t, r)
	}
	if finished != 20 || closed != 50 {
		t.Errorf("%d records of finished calls, %d closed by evidence", finished, closed)
	}
	c.intact(t)

	// Nobody registers again: callees are still known where they are. They get
	// a new server because the old one waits for calls that nobody will end.
	p.uas.kill()
	p.serve(t)
	c.sipp(t, p.dir, time.Minute, p.dial(t, 10, 50, 300*time.Millisecond)...)
	eventually(t, 10*time.Second, func() error {
		if all = c.records(t); len(all) != 80 {
			return fmt.Errorf("%d records, want 80", len(all))
		}
		return nil
	})
}

// received are the Call-IDs of messages that sipp received according to its
// log, by their first line and method.
func received(t *testing.T, file, begins, method string) map[string]bool {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]bool{}
	for _, entry := range strings.Split(string(b), "-----------------------------------------------") {
		_, m, ok := strings.Cut(strings.ReplaceAll(entry, "\r\n", "\n"), "message received")
		_, m, _ = strings.Cut(m, "\n\n")
		if !ok || !strings.HasPrefix(m, begins) {
			continue
		}
		header := func(name string) string {
			_, v, _ := strings.Cut(m, "\n"+name+": ")
			v, _, _ = strings.Cut(v, "\n")
			return v
		}
		if strings.HasSuffix(header("CSeq"), method) {
			calls[header("Call-ID")] = true
		}
	}
	return calls
}

// TestKillUnderLoad: SIGKILL while calls begin and end at a high rate. A call
// whose BYE was answered is on disk with its end, and one whose INVITE was
// answered with its beginning, whatever happened a moment later.
func TestKillUnderLoad(t *testing.T) {
	c := newCarrier(t).run(t, "--demo")
	p := c.registerPairs(t, 10)
	messages := filepath.Join(p.dir, "uac_messages.log")
	uac := c.background(t, p, p.dial(t, 1000, 100, 400*time.Millisecond, "-trace_msg", "-message_file", messages)...)
	eventually(t, 20*time.Second, func() error {
		if n := len(c.records(t)); n < 100 {
			return fmt.Errorf("%d records", n)
		}
		return nil
	})
	c.kill()
	time.Sleep(200 * time.Millisecond) // sipp reads what was sent before
	uac.kill()
	c.intact(t)
	c.client = nil
	c.run(t, "--demo")
	answered, ended := received(t, messages, "SIP/2.0 200", " INVITE"), received(t, messages, "SIP/2.0 200", " BYE")
	recorded := map[string]record{}
	eventually(t, 10*time.Second, func() error {
		clear(recorded)
		for _, r := range c.records(t) {
			if _, twice := recorded[r.CallID]; twice {
				t.Fatalf("two records of call %s", r.CallID)
			}
			recorded[r.CallID] = r
		}
		if len(recorded) < len(answered) {
			return fmt.Errorf("%d records of %d answered calls", len(recorded), len(answered))
		}
		return nil
	})
	for id := range answered {
		r, ok := recorded[id]
		switch {
		case !ok:
			t.Errorf("no record of answered call %s", id)
		case ended[id] && (r.Evidence != "" || r.Status != "ok" || r.DurationMS < 300):
			t.Errorf("call %s ended in time, its record is %+v", id, r)
		case !ended[id] && r.Evidence != "" && r.Evidence != "restart":
			t.Errorf("record %+v", r)
		}
	}
	if len(ended) < 100 || len(answered) == len(ended) {
		t.Errorf("%d calls answered, %d ended: not killed during calls", len(answered), len(ended))
	}
	t.Logf("%d answered, %d ended before the kill, %d records", len(answered), len(ended), len(recorded))
}

// TestInterrupt: Ctrl-C during 20 calls ends them for both sides and leaves a
// record of each.
func TestInterrupt(t *testing.T) {
	c := newCarrier(t).run(t, "--demo")
	p := c.registerPairs(t, 10)
	messages := filepath.Join(p.dir, "uac_messages.log")
	uac := c.background(t, p, p.dial(t, 20, 50, time.Minute, "-trace_msg", "-message_file", messages)...)
	c.running(t, 20)
	time.Sleep(time.Second)
	begin := time.Now()
	if err := c.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := c.wait(8 * time.Second); err != nil {
		t.Fatalf("%v\n%s", err, c.output())
	}
	took := time.Since(begin)
	if took > 5*time.Second {
		t.Errorf("drained in %v", took)
	}
	t.Logf("drained in %v", took.Round(time.Millisecond))
	uac.kill()
	p.uas.kill()
	for _, side := range []string{messages, filepath.Join(p.dir, "uas_messages.log")} {
		calls := received(t, side, "BYE ", " BYE")
		if len(calls) != 20 {
			t.Errorf("%s: %d calls got a BYE", filepath.Base(side), len(calls))
		}
	}
	c.intact(t)
	c.client = nil
	c.run(t, "--demo")
	all := c.records(t)
	if len(all) != 20 {
		t.Errorf("%d records, want 20", len(all))
	}
	for _, r := range all {
		if r.Status != "ok" || r.Evidence != "" || r.DurationMS < 900 || r.DurationMS > 10_000 {
			t.Errorf("record %+v", r)
		}
	}
}
