//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// account is a subscriber made for a test.
type account struct{ user, password, number string }

// provision makes a customer and n subscribers over the API.
func (c *platform) provision(t *testing.T, n int) []account {
	t.Helper()
	var domains struct {
		Items []struct {
			ID int64 `json:"id"`
		} `json:"items"`
	}
	c.api(t, "GET", "/api/v1/domains", nil, &domains)
	var profiles struct {
		Items []struct {
			ID int64 `json:"id"`
		} `json:"items"`
	}
	c.api(t, "GET", "/api/v1/billing-profiles", nil, &profiles)
	var customer struct {
		ID int64 `json:"id"`
	}
	if code := c.api(t, "POST", "/api/v1/customers", map[string]any{"name": "Load", "billing_profile_id": profiles.Items[0].ID}, &customer); code != 201 {
		t.Fatalf("customer: status %d", code)
	}
	accounts := make([]account, n)
	for i := range accounts {
		a := account{user: fmt.Sprintf("load%03d", i), number: fmt.Sprintf("4319900%03d", i)}
		var made struct {
			Password string `json:"password"`
		}
		code := c.api(t, "POST", "/api/v1/subscribers", map[string]any{
			"domain_id": domains.Items[0].ID, "customer_id": customer.ID, "username": a.user, "numbers": []string{a.number},
		}, &made)
		if code != 201 || made.Password == "" {
			t.Fatalf("subscriber %s: status %d", a.user, code)
		}
		a.password = made.Password
		accounts[i] = a
	}
	return accounts
}

// injection writes a CSV file for sipp.
func injection(t *testing.T, dir, name string, rows [][]string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("SEQUENTIAL\n")
	for _, r := range rows {
		b.WriteString(strings.Join(r, ";") + ";\n")
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func scenario(t *testing.T, name string) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// alawTone writes a second of a tone as raw G.711 A-law for sipp to send.
func alawTone(t *testing.T, dir string) {
	t.Helper()
	pcm := make([]byte, 16000)
	for i := range 8000 {
		v := int16(8000)
		if i/10%2 == 0 {
			v = -8000
		}
		pcm[2*i], pcm[2*i+1] = byte(v), byte(v>>8)
	}
	out := make([]byte, 8000)
	for i := range out {
		out[i] = 0xd5
		if pcm[2*i+1]&0x80 != 0 {
			out[i] = 0x55
		}
		out[i] ^= 0x30
	}
	if err := os.WriteFile(filepath.Join(dir, "tone.alaw"), out, 0o600); err != nil {
		t.Fatal(err)
	}
}

// sipp runs to its end; the statistics screen is in the error when it fails.
func (c *platform) sipp(t *testing.T, dir string, limit time.Duration, args ...string) {
	t.Helper()
	args = append([]string{fmt.Sprintf("127.0.0.1:%d", c.sip), "-i", "127.0.0.1", "-nostdin", "-trace_err"}, args...)
	p := start(t, dir, "sipp", args...)
	if err := p.wait(limit); err != nil {
		errs, _ := filepath.Glob(filepath.Join(dir, "*_errors.log"))
		var first string
		for _, e := range errs {
			b, _ := os.ReadFile(e)
			first += string(b[:min(len(b), 3000)])
		}
		out := p.output()
		t.Fatalf("sipp %s: %v\n%s\n%s\nservers: %s", strings.Join(args, " "), err, out[max(0, len(out)-1500):], first, tail(c.logs()))
	}
}

// callee is a sipp that listens on a port for calls.
func callee(t *testing.T, dir string, port int, args ...string) *process {
	t.Helper()
	return start(t, dir, "sipp", append([]string{"-i", "127.0.0.1", "-p", fmt.Sprint(port), "-nostdin"}, args...)...).bound(t, port)
}

func tail(s string) string { return s[max(0, len(s)-3000):] }

// record is a CDR as the API shows it.
type record struct {
	ID         int64  `json:"id"`
	CallID     string `json:"call_id"`
	Status     string `json:"status"`
	DurationMS int64  `json:"duration_ms"`
	Evidence   string `json:"evidence"`
	Parties    []struct {
		Side   string `json:"side"`
		Amount string `json:"amount"`
	} `json:"parties"`
}

// records reads all CDRs page by page.
func (c *platform) records(t *testing.T) []record {
	t.Helper()
	var all []record
	cursor := ""
	for {
		var page struct {
			Items []record `json:"items"`
			Next  string   `json:"next"`
		}
		path := "/api/v1/calls?limit=500"
		if cursor != "" {
			path += "&cursor=" + cursor
		}
		if code := c.api(t, "GET", path, nil, &page); code != 200 {
			t.Fatalf("calls: status %d", code)
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		cursor = page.Next
	}
}

// TestThousandCalls: 100 subscribers register with digest through the edge; 50
// of them make 1,000 calls at 50 a second to the other 50, with media through
// the relay; every call has one record with its time and price.
func TestThousandCalls(t *testing.T) {
	c := newCarrier(t).run(t, "--demo")
	thousandCalls(t, &c.platform, wantedCalls())
}

func wantedCalls() int {
	if n, err := strconv.Atoi(os.Getenv("CLASS5_CALLS")); err == nil {
		return n
	}
	return 1000
}

func thousandCalls(t *testing.T, c *platform, calls int) {
	t.Helper()
	c.load(t, c.provision(t, 100), calls)
	c.wantRecords(t, calls)
}

// load registers all accounts and has the first half call the second, 50 calls
// a second with media. Further arguments are for the sipp that calls.
func (c *platform) load(t *testing.T, accounts []account, calls int, args ...string) {
	t.Helper()
	dir := t.TempDir()
	port := freePorts(t, 10) // for media sipp binds two, the second two above the first
	uacPort, uasPort, uacMedia, uasMedia := fmt.Sprint(port), port+1, fmt.Sprint(port+2), fmt.Sprint(port+6)
	half := len(accounts) / 2
	var callers, callees [][]string
	for i, a := range accounts {
		row := []string{a.user, "[authentication username=" + a.user + " password=" + a.password + "]", c.domain, accounts[(i+half)%len(accounts)].number}
		if i < half {
			callers = append(callers, row)
		} else {
			callees = append(callees, row)
		}
	}
	begin := time.Now()
	register := []string{"-sf", scenario(t, "register.xml"), "-m", fmt.Sprint(half), "-r", "50"}
	c.sipp(t, dir, time.Minute, append(register, "-inf", injection(t, dir, "callees.csv", callees), "-p", fmt.Sprint(uasPort))...)
	c.sipp(t, dir, time.Minute, append(append(register, "-inf", injection(t, dir, "callers.csv", callers), "-p", uacPort), args...)...)
	t.Logf("%d registrations in %v", len(accounts), time.Since(begin).Round(time.Millisecond))

	alawTone(t, dir)
	phones := callee(t, dir, uasPort, "-sf", scenario(t, "uas.xml"), "-rtp_echo", "-mp", uasMedia)
	// The next load's phones are other contacts of the same accounts. Both would
	// answer, and of two dialogs from one INVITE sipp makes one.
	defer phones.kill()
	begin = time.Now()
	c.sipp(t, dir, 3*time.Minute, append([]string{"-sf", scenario(t, "uac.xml"), "-inf", injection(t, dir, "calls.csv", callers), "-p", uacPort,
		"-m", fmt.Sprint(calls), "-d", "2000", "-r", "50", "-l", "400", "-mp", uacMedia}, args...)...)
	t.Logf("%d calls in %v, none failed", calls, time.Since(begin).Round(time.Millisecond))
}

// wantRecords waits for one record of each call with its time and price.
func (c *platform) wantRecords(t *testing.T, calls int) {
	t.Helper()
	var all []record
	eventually(t, 30*time.Second, func() error {
		if all = c.records(t); len(all) != calls {
			return fmt.Errorf("%d records, want %d", len(all), calls)
		}
		return nil
	})
	seen := map[string]bool{}
	for _, r := range all {
		if seen[r.CallID] {
			t.Errorf("two records of call %s", r.CallID)
		}
		seen[r.CallID] = true
		if r.Status != "ok" || r.DurationMS < 1900 || r.DurationMS > 4000 || r.Evidence != "" {
			t.Errorf("record %+v", r)
		}
		checkPrice(t, r)
	}
}

// checkPrice: calls to +43 cost 0.03 EUR a minute, the first minute whole.
func checkPrice(t *testing.T, r record) {
	t.Helper()
	price := ""
	for _, p := range r.Parties {
		if p.Side == "caller" {
			price = p.Amount
		}
	}
	if !strings.HasPrefix(price, "0.03") {
		t.Errorf("price %q of %+v", price, r)
	}
}
