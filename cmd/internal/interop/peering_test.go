//go:build interop

package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// wholesale makes a customer that is a foreign network: what goes there costs
// 0.006 a second, what comes from there 0.002.
func (c *platform) wholesale(t *testing.T, name string, peering map[string]any) {
	t.Helper()
	var made struct{ ID int64 }
	post := func(path string, in map[string]any) int64 {
		t.Helper()
		if code := c.api(t, "POST", "/api/v1"+path, in, &made); code != 201 {
			t.Fatalf("%s: status %d", path, code)
		}
		return made.ID
	}
	profile := post("/billing-profiles", map[string]any{"name": name, "currency": "EUR"})
	for direction, price := range map[string]string{"out": "0.006/1", "in": "0.002/1"} {
		post(fmt.Sprintf("/billing-profiles/%d/fees", profile), map[string]any{
			"direction": direction, "destination": "", "init": price, "init_interval": 1, "follow": price, "follow_interval": 1,
		})
	}
	peering["name"], peering["customer_id"] = name, post("/customers", map[string]any{"name": name, "billing_profile_id": profile})
	post("/peers", peering)
}

// TestPeers: sipp is two foreign networks. Calls go there, come from there and
// pass between them, and each party has its price by its contract. A call that
// lasts is in the export of running calls before it ends.
func TestPeers(t *testing.T) {
	c := newCarrier(t)
	dir := t.TempDir()
	exports := filepath.Join(dir, "exports.yaml")
	text := fmt.Sprintf("exports:\n  - {name: running, preset: jsonl, interim: true, every: 5s, directory: %s}\n", filepath.Join(dir, "running"))
	if err := os.WriteFile(exports, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run(t, "--demo", "--dns", "127.0.0.1:9", "--exports", exports) // the gateways are addresses: nobody asks a server
	_, phones := c.tariffed(t, "acme", map[string]any{"prepaid": false}, 2)
	const uk, fr = "127.0.0.66", "127.0.0.67"
	port := freePorts(t, 5)
	at := func(n int) string { return fmt.Sprint(port + n) }
	c.wholesale(t, "uk", map[string]any{"gateway": uk + ":" + at(0), "prefixes": []string{"44"}, "networks": []string{uk + "/32"}, "transit": true})
	c.wholesale(t, "fr", map[string]any{"gateway": fr + ":" + at(1), "prefixes": []string{"33"}, "networks": []string{fr + "/32"}})
	alawTone(t, dir)
	row := func(p phone, to string) []string {
		return []string{p.user, "[authentication username=" + p.user + " password=" + p.password + "]", c.domain, to}
	}
	c.sipp(t, dir, time.Minute, "-sf", scenario(t, "register.xml"), "-m", "1", "-inf", injection(t, dir, "callee.csv", [][]string{row(phones[1], "")}), "-p", at(2))
	for i, address := range []string{uk, fr, "127.0.0.1"} {
		start(t, dir, "sipp", "-sf", scenario(t, "uas.xml"), "-i", address, "-mi", address, "-p", at(i), "-mp", fmt.Sprint(freePorts(t, 4)), "-nostdin").boundAt(t, address, port+i)
	}

	c.sipp(t, dir, time.Minute, "-sf", scenario(t, "uac.xml"), "-inf", injection(t, dir, "out.csv", [][]string{row(phones[0], "+44201234")}), "-m", "1", "-d", "6000", "-p", at(3), "-mp", fmt.Sprint(freePorts(t, 4)))
	c.wantPrices(t, 1, "caller customer acme 0.01x, caller carrier uk 0.006x")
	c.wantRunning(t, filepath.Join(dir, "running"))

	// from calls from a foreign network.
	from := func(to string) {
		t.Helper()
		b, err := os.ReadFile(scenario(t, "uac-plain.xml"))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "from.xml")
		if err := os.WriteFile(file, bytes.ReplaceAll(b, []byte("sip:callee@"), []byte("sip:"+to+"@")), 0o600); err != nil {
			t.Fatal(err)
		}
		c.sipp(t, dir, time.Minute, "-sf", file, "-m", "1", "-d", "1000", "-i", uk, "-mi", uk, "-p", at(4), "-mp", fmt.Sprint(freePorts(t, 4)))
	}
	from(phones[1].number)
	c.wantPrices(t, 2, "callee customer acme 0, callee carrier uk 0.002x")
	from("+33123456")
	c.wantPrices(t, 3, "caller carrier fr 0.006x, callee carrier uk 0.002x")
}

// wantPrices waits for the nth record. x stands for its seconds.
func (c *platform) wantPrices(t *testing.T, n int, want string) {
	t.Helper()
	var list struct {
		Items []struct {
			Status     string
			DurationMS int64 `json:"duration_ms"`
			Parties    []struct{ Side, Role, Amount, Profile string }
		}
	}
	eventually(t, 15*time.Second, func() error {
		if code := c.api(t, "GET", "/api/v1/calls", nil, &list); code != 200 || len(list.Items) != n {
			return fmt.Errorf("status %d, %d records", code, len(list.Items))
		}
		return nil
	})
	r := list.Items[0] // the newest
	seconds := (r.DurationMS + 999) / 1000
	var parties []string
	for _, p := range strings.Split(want, ", ") {
		f := strings.Fields(p)
		price, _, _ := strings.Cut(f[3], "x")
		amount := micros(t, price+" EUR")
		if strings.HasSuffix(f[3], "x") {
			amount *= seconds
		}
		parties = append(parties, fmt.Sprintf("%s %s %d", f[0], f[1], amount))
	}
	var got []string
	for _, p := range r.Parties {
		got = append(got, fmt.Sprintf("%s %s %d", p.Side, p.Role, micros(t, p.Amount+" EUR")))
	}
	if r.Status != "ok" || strings.Join(got, ", ") != strings.Join(parties, ", ") {
		t.Errorf("record %s of %d s: %v, want %v", r.Status, seconds, got, parties)
	}
}

// wantRunning waits for the interim record of the call that has lasted six
// seconds.
func (c *platform) wantRunning(t *testing.T, dir string) {
	t.Helper()
	eventually(t, 15*time.Second, func() error {
		files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("%d files, %v", len(files), err)
		}
		b, err := os.ReadFile(files[0])
		if err != nil {
			return err
		}
		var r struct {
			Interim  int   `json:"interim"`
			Duration int64 `json:"duration_ms"`
			Callee   struct{ Peer string }
			Parties  []any
		}
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		if r.Interim != 1 || r.Duration < 3000 || r.Duration > 6000 || r.Callee.Peer != "uk" || len(r.Parties) != 0 {
			t.Errorf("interim record %s", b)
		}
		return nil
	})
}
