//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/digest"
)

// banned lists what the guard of the carrier's edge bans, by prefix.
func (c *carrier) banned(t *testing.T) map[string]string {
	t.Helper()
	var rows []struct{ Prefix, Reason string }
	if err := json.Unmarshal([]byte(fetch(t, fmt.Sprintf("http://127.0.0.1:%d/lb/bans", c.adm))), &rows); err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, r := range rows {
		m[r.Prefix] = r.Reason
	}
	return m
}

// bannedUntil is when the ban of a prefix ends, zero without one.
func (c *carrier) bannedUntil(t *testing.T, prefix string) time.Time {
	t.Helper()
	var rows []struct {
		Prefix string
		Until  time.Time
	}
	if err := json.Unmarshal([]byte(fetch(t, fmt.Sprintf("http://127.0.0.1:%d/lb/bans", c.adm))), &rows); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Prefix == prefix {
			return r.Until
		}
	}
	return time.Time{}
}

// TestScanners: sipvicious asks, looks for users and guesses passwords from one
// address, others guess the password of one user from 200 addresses. None
// learns anything, each is stopped by its source or by its user, and the
// subscribers go on, the attacked one too.
func TestScanners(t *testing.T) {
	const us, them = "10.77.7.0", "10.77.7.1"
	inside := link(t, "c5evil", netip.MustParsePrefix(us+"/31"), netip.MustParsePrefix(them+"/31"))
	c := newCarrier(t)
	c.domain = us
	c.run(t, "--demo", "--address", us)
	alice, bob := newAgent(t, "udp", c.sip, us, c.alice), newAgent(t, "udp", c.sip, us, c.bob)
	for _, a := range []*agent{alice, bob} {
		a.register()
	}
	goodCall(t, alice, bob)

	evil := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("ip", append([]string{"netns", "exec", "c5evil", "timeout", "60"}, args...)...) //nolint:gosec // the arguments are ours
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, _ := cmd.CombinedOutput() // it fails when it finds nothing
		return string(out)
	}
	if out := evil("svmap", "-p", fmt.Sprint(c.sip), us); strings.Contains(out, us+":") {
		t.Errorf("svmap found us:\n%s", out)
	}
	if got := c.banned(t)[them+"/32"]; got != "scanner" {
		t.Errorf("after svmap: ban %q", got)
	}
	c.unban(t, them+"/32")
	for _, method := range []string{"REGISTER", "INVITE", "OPTIONS"} {
		out := evil("svwar", "-m", method, "-d", names(t, c.alice.user, c.bob.user, "nobody1", "nobody2"), "--maximumtime", "5", "--force", "-p", fmt.Sprint(c.sip), us)
		if strings.Contains(out, c.alice.user) || strings.Contains(out, c.bob.user) {
			t.Errorf("svwar -m %s found users:\n%s", method, out)
		}
		if got := c.banned(t)[them+"/32"]; got != "scanner" {
			t.Errorf("after svwar -m %s: ban %q", method, got)
		}
		c.unban(t, them+"/32")
	}

	words := filepath.Join(t.TempDir(), "words")
	var dict strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&dict, "guess%05d\n", i)
	}
	dict.WriteString(c.bob.password + "\n")
	if err := os.WriteFile(words, []byte(dict.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	out := evil("svcrack", "-u", c.bob.user, "-d", words, "--maximumtime", "8", "-p", fmt.Sprint(c.sip), us)
	if strings.Contains(out, c.bob.password) {
		t.Errorf("svcrack found the password:\n%s", tail(out))
	}
	t.Logf("svcrack was at it for %v; bans: %v", time.Since(begin).Round(time.Second), c.banned(t))
	goodCall(t, alice, bob)

	c.guessFromOne(t, inside, us, "10.77.8.250", them)

	// One wrong password each from 200 addresses, as fast as answers come.
	refused, all := 0, map[int]int{}
	for i := 1; i <= 200; i++ {
		from := fmt.Sprintf("10.77.8.%d", i)
		var conn net.Conn
		inside(func() {
			_ = exec.Command("ip", "-n", "c5evil", "addr", "add", from+"/32", "dev", "lo").Run()
			d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}
			var err error
			if conn, err = d.Dial("udp", net.JoinHostPort(us, fmt.Sprint(c.sip))); err != nil {
				t.Error(err)
			}
		})
		if conn == nil {
			t.FailNow()
		}
		a := &agent{t: t, conn: conn, domain: us, phone: c.bob, auth: digest.Client{User: c.bob.user, Password: fmt.Sprintf("wrong%d", i)}}
		a.fresh()
		uri := "sip:" + us
		status, m := a.ask(a.request("REGISTER", uri, "sip:"+c.bob.user+"@"+us))
		if status == 401 {
			a.challenged(m)
			status, _ = a.ask(a.request("REGISTER", uri, "sip:"+c.bob.user+"@"+us, a.credentials(401, "REGISTER", uri)))
		}
		all[status]++
		if status == 403 {
			refused++
		}
		_ = conn.Close()
	}
	if refused < 150 {
		t.Errorf("only %d of 200 guessers were stopped at the edge", refused)
	}
	t.Logf("%d of 200 guessers were refused without their password being tried", refused)
	t.Logf("%v %v\n%s", all, c.banned(t), strings.Join(grep(fetch(t, fmt.Sprintf("http://127.0.0.1:%d/metrics", c.adm)), "class5_edge_guard"), "\n"))
	bob.register() // from where he always was
	goodCall(t, alice, bob)
}

// names writes a dictionary for svwar.
func names(t *testing.T, users ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "names")
	if err := os.WriteFile(file, []byte(strings.Join(users, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// guessFromOne guesses passwords over UDP as svcrack does, but looks like a
// phone. Who answers our challenges has proved its address: its ban is a real
// one. A datagram in the name of another address that carries a challenge made
// for us proves nothing, and that address gets a short ban at most.
func (c *carrier) guessFromOne(t *testing.T, inside func(func()), us, from, via string) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", "ip route add 10.77.8.0/24 via "+via).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	dial := func(from string) (conn net.Conn) {
		inside(func() {
			_ = exec.Command("ip", "-n", "c5evil", "addr", "add", from+"/32", "dev", "lo").Run()
			d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}
			var err error
			if conn, err = d.Dial("udp", net.JoinHostPort(us, fmt.Sprint(c.sip))); err != nil {
				t.Error(err)
			}
		})
		if conn == nil {
			t.FailNow()
		}
		return conn
	}
	uri := "sip:" + us
	victim := dial("10.77.8.251")
	defer victim.Close()
	guesser := &agent{t: t, conn: dial(from), domain: us}
	defer guesser.conn.Close()
	begin := time.Now()
	tries := 0
	for banned := false; !banned; tries++ {
		if tries > 300 {
			t.Fatal("300 passwords guessed over UDP and no ban")
		}
		// Another user each time, so that only the source stands out.
		guesser.phone = phone{user: fmt.Sprintf("user%d", tries), password: "guess"}
		guesser.auth = digest.Client{User: guesser.phone.user, Password: "guess"}
		guesser.fresh()
		aor := "sip:" + guesser.phone.user + "@" + us
		status, m := guesser.ask(guesser.request("REGISTER", uri, aor))
		if status != 401 {
			t.Fatalf("guess %d: %d", tries, status)
		}
		guesser.challenged(m)
		guess := guesser.request("REGISTER", uri, aor, guesser.credentials(401, "REGISTER", uri))
		// The same credentials, from an address that got no challenge.
		forged := strings.NewReplacer("branch=z9hG4bK", "branch=z9hG4bKforged", "Call-ID: ", "Call-ID: forged-").Replace(string(guess))
		if _, err := victim.Write([]byte(forged)); err != nil {
			t.Fatal(err)
		}
		guesser.ask(guess)
		_, banned = c.banned(t)[from+"/32"]
		time.Sleep(10 * time.Millisecond)
	}
	left := time.Until(c.bannedUntil(t, from+"/32"))
	t.Logf("after %d guesses in %v %s is banned for another %v", tries, time.Since(begin).Round(time.Millisecond), from, left.Round(time.Second))
	if left < time.Minute {
		t.Errorf("banned for %v: the answer to our challenge was not taken for a proof of address", left)
	}
	if short := time.Until(c.bannedUntil(t, "10.77.8.251/32")); short > 30*time.Second {
		t.Errorf("an address that others spoke for is banned for %v", short)
	}
}

// unban is what an operator does.
func (c *carrier) unban(t *testing.T, prefix string) {
	t.Helper()
	out, err := exec.Command(built.path(t, "cmd/class5ctl"), "lb", "unban", "-admin", fmt.Sprintf("http://127.0.0.1:%d", c.adm), prefix).CombinedOutput() //nolint:gosec // built here
	if err != nil {
		t.Fatalf("class5ctl: %v\n%s", err, out)
	}
}

func grep(text, what string) (lines []string) {
	for _, l := range strings.Split(text, "\n") {
		if strings.HasPrefix(l, what) && !strings.HasSuffix(l, " 0") {
			lines = append(lines, l)
		}
	}
	return lines
}
