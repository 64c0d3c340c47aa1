package guard

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// TestGuessingFromOneSource sends failures until the source is banned.
func TestGuessingFromOneSource(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*Guard, netip.AddrPort)
		ban    time.Duration
		after  string // what happens to the next guess
	}{
		"unproved datagrams": {func(*Guard, netip.AddrPort) {}, 30 * time.Second, "pass"},
		"proved datagrams":   {func(g *Guard, src netip.AddrPort) { g.Proved(epoch, src, udp) }, 10 * time.Minute, "pass"},
		"a connection": {func(g *Guard, src netip.AddrPort) {
			g.Request(epoch, src, tcp, registerOf(t, "bob"))
		}, 10 * time.Minute, "pass"},
		"where others succeed": {func(g *Guard, src netip.AddrPort) {
			g.Result(epoch, src, []byte("carol@example.com"), true)
		}, 0, "403 Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			g, src := newGuard(t, small()), from("203.0.113.7")
			c.before(g, src)
			n := 0
			for ; bannedFor(g, epoch, src) == 0 && n < 100; n++ {
				g.Result(epoch, src, fmt.Appendf(nil, "user%d@example.com", n), false)
			}
			if c.ban != 0 && n != 50 || bannedFor(g, epoch, src) != c.ban {
				t.Errorf("banned for %v after %d failures, want %v after 50", bannedFor(g, epoch, src), n, c.ban)
			}
			if got := request(g, epoch, src, udp, registerOf(t, "bob")); got != c.after {
				t.Errorf("the next guess: %s, want %s", got, c.after)
			}
			if got := request(g, epoch, src, udp, registerOf(t, "carol")); got != "pass" {
				t.Errorf("who succeeds there: %s", got)
			}
			if got := request(g, epoch, src, udp, parse(t, inviteText)); got != "pass" {
				t.Errorf("a call without credentials: %s", got)
			}
			if !g.Source(epoch, from("203.0.113.8"), udp) {
				t.Error("the neighbour is banned too")
			}
			if got := request(g, at(2*time.Hour), src, udp, registerOf(t, "bob")); got != "pass" {
				t.Errorf("two hours later: %s", got)
			}
		})
	}
}

// TestSlowGuessing stays below the threshold of each window.
func TestSlowGuessing(t *testing.T) {
	g, src := newGuard(t, small()), from("203.0.113.7")
	for i := range 1000 {
		g.Result(at(time.Duration(i)*time.Minute), src, []byte("alice@example.com"), false)
	}
	if bans := g.Bans(at(1000 * time.Minute)); len(bans) != 0 {
		t.Errorf("a phone with a wrong password is banned: %v", bans)
	}
}

// TestGuessingFromManySources attacks one user from 200 addresses.
func TestGuessingFromManySources(t *testing.T) {
	g := newGuard(t, small())
	home, neighbour := from("198.51.100.7"), from("198.51.100.8")
	g.Result(epoch, home, []byte("alice@example.com"), true)
	g.Result(epoch, neighbour, []byte("bob@example.com"), true)
	refused := 0
	for guess := range 2000 {
		src := numbered(guess % 200)
		now := at(time.Duration(guess) * 10 * time.Millisecond)
		if request(g, now, src, udp, registerOf(t, "alice")) != "pass" {
			refused++
			continue
		}
		g.Result(now, src, []byte("alice@example.com"), false)
	}
	if refused < 1960 {
		t.Errorf("%d of 2000 guesses refused", refused)
	}
	now := at(time.Minute)
	for _, c := range []struct {
		name string
		src  netip.AddrPort
		user string
		want string
	}{
		{"the user at home", home, "alice", "pass"},
		{"the user elsewhere", neighbour, "alice", "403 Forbidden"},
		{"another user", neighbour, "bob", "pass"},
		{"another user from an attacker", numbered(3), "bob", "pass"},
	} {
		if got := request(g, now, c.src, udp, registerOf(t, c.user)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	spelled := parse(t, registerText, `username="alice"`, `username="al\ice"`, "example.com", "EXAMPLE.com")
	if got := request(g, now, numbered(3), udp, spelled); got != "403 Forbidden" {
		t.Errorf("spelled otherwise: %s", got)
	}
	challenge := parse(t, registerText, "Authorization: Digest", "X-Old: Digest")
	if got := request(g, now, neighbour, udp, challenge); got != "403 Forbidden" {
		t.Errorf("without credentials: %s", got)
	}
	if got := request(g, at(time.Hour+time.Minute), neighbour, udp, registerOf(t, "alice")); got != "pass" {
		t.Errorf("after the protection: %s", got)
	}
	s := g.Stats(now)
	if s.Bans[UserAttacked] != 1 || s.Refused[UserAttacked] < 1960 || s.Failed == 0 || s.Succeeded != 2 {
		t.Errorf("%+v", s)
	}
}

// TestProtectionDoubles attacks again and again.
func TestProtectionDoubles(t *testing.T) {
	g := newGuard(t, small())
	user := []byte("alice@example.com")
	who := g.seed.address(user)
	now := epoch
	for _, want := range []time.Duration{1, 2, 4, 8, 12, 12} {
		for i := range 300 {
			g.Result(now, numbered(i), user, false)
		}
		last := now.Add(want*time.Hour - time.Second)
		if !g.targets.protected(who, seconds(last.UnixNano())) || g.targets.protected(who, seconds(last.Add(time.Second).UnixNano())) {
			t.Errorf("not protected for %d hours", want)
		}
		now = last.Add(time.Minute)
	}
}

// TestFewSources fails often for one user, but from few addresses: those are
// banned, the user is not bothered.
func TestFewSources(t *testing.T) {
	g := newGuard(t, small())
	for i := range 400 {
		g.Result(epoch, numbered(i%3), []byte("alice@example.com"), false)
	}
	if got := request(g, epoch, numbered(9), udp, registerOf(t, "alice")); got != "pass" {
		t.Errorf("the user elsewhere: %s", got)
	}
	if len(g.Bans(epoch)) != 3 {
		t.Errorf("bans %v", g.Bans(epoch))
	}
}

func TestUserNames(t *testing.T) {
	s := newSeed()
	want := s.user([]byte("alice"), []byte("example.com"))
	for _, a := range []string{"alice@example.com", "%61lice@Example.COM"} {
		if s.address([]byte(a)) != want {
			t.Errorf("%s is somebody else", a)
		}
	}
	for _, a := range []string{"Alice@example.com", "alice", "alice@example.org", "alic%e@example.com"} {
		if s.address([]byte(a)) == want {
			t.Errorf("%s is the same", a)
		}
	}
	for text, same := range map[string]bool{`alice`: true, `al\ice`: true, `bob`: false} {
		c := credentials{username: []byte(text), realm: []byte("EXAMPLE.com")}
		if (s.credentials(&c) == want) != same {
			t.Errorf("credentials of %s", text)
		}
	}
}
