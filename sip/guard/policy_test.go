package guard

import (
	"testing"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

const (
	udp = transport.UDP
	tcp = transport.TCP
)

func TestSanity(t *testing.T) {
	const contact, auth = "Contact: <sip:alice@192.168.1.7:5060;ob>\n", `username="alice", `
	for name, c := range map[string]struct {
		text    string
		replace []string
		want    string
	}{
		"register":             {registerText, nil, "pass"},
		"invite":               {inviteText, nil, "pass"},
		"no username":          {registerText, []string{auth, ""}, "400 Bad Auth Header"},
		"empty username":       {registerText, []string{auth, `username="", `}, "400 Bad Auth Header"},
		"two usernames":        {registerText, []string{auth, auth + `Username="bob", `}, "400 Bad Auth Header"},
		"no comma":             {registerText, []string{auth, `username="alice" `}, "400 Bad Auth Header"},
		"no parameters":        {registerText, []string{"Digest username", "Digest"}, "400 Bad Auth Header"},
		"no response":          {registerText, []string{"response=", "answer="}, "400 Bad Auth Header"},
		"scheme alone":         {inviteText, []string{contact, contact + "Proxy-Authorization: Digest\n"}, "400 Bad Auth Header"},
		"escaped quotes":       {registerText, []string{auth, `username="al\"i\\", `}, "pass"},
		"a list without space": {registerText, []string{", ", ","}, "pass"},
		"a folded list":        {registerText, []string{", ", ",\n  "}, "pass"},
		"bearer":               {registerText, []string{`Digest username="alice", `, "Bearer "}, "pass"},
		"from port":            {inviteText, []string{"<sip:alice@example.com>;", "<sip:alice@example.com:99999>;"}, "400 Invalid From Header"},
		"from host":            {inviteText, []string{"<sip:alice@example.com>;", "<sip:alice@exa$mple.com>;"}, "400 Invalid From Header"},
		"from another scheme":  {inviteText, []string{"<sip:alice@example.com>;", "<https://example.com>;"}, "pass"},
		"to":                   {inviteText, []string{"To: <sip:bob@example.com>", "To: <sip:bob@>"}, "400 Invalid To Header"},
		"to without brackets":  {inviteText, []string{"To: <sip:bob@example.com>", "To: sip:bob@example.com"}, "pass"},
		"to tel":               {inviteText, []string{"To: <sip:bob@example.com>", "To: <tel:+4312345>"}, "pass"},
		"display with bracket": {inviteText, []string{`"Alice Adams"`, `"Alice \"<x>\" \\"`}, "pass"},
		"contact":              {inviteText, []string{contact, "Contact: <sip:alice@:5060>\n"}, "400 Bad Contact Header"},
		"second contact":       {registerText, []string{";reg-id=1", ";reg-id=1, <sip:@x>"}, "400 Bad Contact Header"},
		"contact star":         {registerText, []string{"<sip:alice@192.168.1.7:5060;ob>;reg-id=1", "*"}, "pass"},
		"no contact":           {inviteText, []string{contact, ""}, "400 Missing Contact Header"},
		"contact not needed":   {inviteText, []string{contact, "", "INVITE", "MESSAGE"}, "pass"},
		"scheme":               {inviteText, []string{"INVITE sip:bob@example.com", "INVITE soap.beep://bob"}, "416 Unsupported URI Scheme"},
		"urn":                  {inviteText, []string{"INVITE sip:bob@example.com", "INVITE urn:service:sos"}, "pass"},
		"ack":                  {inviteText, []string{"INVITE", "ACK", "To: <sip:bob@example.com>", "To: <sip:bob@>"}, "drop"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuard(t, small())
			if got := request(g, epoch, from("203.0.113.7"), udp, parse(t, c.text, c.replace...)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestPolicy sets rows that pass by default, and a default that shall not hold.
func TestPolicy(t *testing.T) {
	rows := map[string]string{"from_tag": "drop", "branch": "400", "no_max_forwards": "483 Too Few Hops", "many_hops": "drop",
		"no_content_type": "415", "missing_contact": "pass", "uri_scheme": "default", "bare_lf": "drop", "host": "401", "version": "pass"}
	policy, err := ParsePolicy(rows)
	if err != nil {
		t.Fatal(err)
	}
	cfg := small()
	cfg.Policy = policy
	g := newGuard(t, cfg)
	src := from("203.0.113.7")
	for name, c := range map[string]struct {
		replace []string
		want    string
	}{
		"from_tag":        {[]string{";tag=9fxced76sl", ""}, "drop"},
		"branch":          {[]string{"z9hG4bK", "old"}, "400 Bad Request"},
		"no_max_forwards": {[]string{"Max-Forwards: 70\n", ""}, "483 Too Few Hops"},
		"many_hops":       {[]string{"Max-Forwards: 70", "Max-Forwards: 71"}, "drop"},
		"no_content_type": {[]string{"Content-Length: 0\n\n", "Content-Length: 2\n\nab"}, "415 Unsupported Media Type"},
		"missing_contact": {[]string{"Contact: <sip:alice@192.168.1.7:5060;ob>\n", ""}, "pass"},
		"uri_scheme":      {[]string{"INVITE sip:bob@example.com", "INVITE http://bob"}, "416 Unsupported URI Scheme"},
	} {
		if got := request(g, epoch, src, udp, parse(t, inviteText, c.replace...)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		var check Check
		if err := check.UnmarshalText([]byte(name)); err != nil {
			t.Fatal(err)
		}
		if n := g.Stats(epoch).Checks[check]; (n == 1) != (c.want != "pass") {
			t.Errorf("%s counted %d times", name, n)
		}
	}
	for reason, want := range map[wire.Reason]int{wire.ReasonBareLF: 0, wire.ReasonHost: 401, wire.ReasonVersion: 505, wire.ReasonVia: 505} {
		if got := g.Malformed(epoch, src, udp, reason, 505); got != want {
			t.Errorf("%v: %d, want %d", reason, got, want)
		}
	}
	if got := g.Malformed(epoch, src, udp, wire.ReasonHost, 0); got != 0 {
		t.Errorf("a response is answered with %d", got)
	}
	if n := g.Stats(epoch).Malformed[wire.ReasonVia]; n != 1 {
		t.Errorf("counted %d times", n)
	}
	for name, rule := range map[string]string{"unknown": "drop", "branch": "perhaps", "host": "200 OK", "via": "400 a\x00b"} {
		if _, err := ParsePolicy(map[string]string{name: rule}); err == nil {
			t.Errorf("%s: %s is taken", name, rule)
		}
	}
}

// TestNames writes and reads the names of all rows, reasons and rules.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for c := range Checks() {
		var back Check
		text, _ := c.MarshalText()
		if err := back.UnmarshalText(text); err != nil || back != c || seen[string(text)] {
			t.Errorf("check %d: %s, %v", c, text, err)
		}
		seen[string(text)] = true
		var rule Rule
		text, _ = c.Rule().MarshalText()
		if err := rule.UnmarshalText(text); err != nil || rule != c.Rule() {
			t.Errorf("rule %s: %+v, %v", text, rule, err)
		}
	}
	for r := range wire.Reasons {
		if seen[r.String()] {
			t.Errorf("%v is a check and a reason", r)
		}
	}
	for r := range Reasons() {
		var back Reason
		text, _ := r.MarshalText()
		if err := back.UnmarshalText(text); err != nil || back != r {
			t.Errorf("reason %d: %s, %v", r, text, err)
		}
	}
	var c Check
	var r Reason
	if c.UnmarshalText([]byte("x")) == nil || r.UnmarshalText([]byte("x")) == nil || Check(99).String() != "unknown" ||
		Reason(99).String() != "unknown" || Check(99).Rule().Action != Pass || (Rule{}).String() != "default" {
		t.Error("what is unknown has a name")
	}
}

func TestGarbage(t *testing.T) {
	g := newGuard(t, small())
	src := from("203.0.113.7")
	answered := 0
	for range 5000 {
		if g.Malformed(epoch, src, tcp, wire.ReasonVia, 400) != 0 {
			answered++
		}
	}
	if answered != 20 {
		t.Errorf("%d answers to garbage, want the burst of 20", answered)
	}
	if bans := g.Bans(epoch); len(bans) != 1 || bans[0].Reason != Flood || g.Stats(epoch).Refused[Garbage] == 0 {
		t.Errorf("bans %v", bans)
	}
}

func TestTraps(t *testing.T) {
	scanner := []string{"Example Phone 4.2.1 (rev 89ab)", "Friendly-SCANNER"}
	for name, c := range map[string]struct {
		set     func(*Traps)
		text    string
		replace []string
		want    string
		banned  bool
	}{
		"phone":           {nil, inviteText, nil, "pass", false},
		"scanner":         {nil, inviteText, scanner, "drop", true},
		"scanner replied": {func(c *Traps) { c.UserAgent = Rule{Reply, 603, ""} }, inviteText, scanner, "603 Decline", true},
		"not banned":      {func(c *Traps) { c.NoBan = true }, inviteText, scanner, "drop", false},
		"none listed":     {func(c *Traps) { c.UserAgents = []string{} }, inviteText, scanner, "pass", false},
		"own word":        {func(c *Traps) { c.UserAgents = []string{"PHONE 4.2"} }, inviteText, nil, "drop", true},
		"passes":          {func(c *Traps) { c.UserAgent = Rule{Action: Pass} }, inviteText, scanner, "pass", false},
		"absent":          {nil, inviteText, []string{"User-Agent", "X-Agent"}, "pass", false},
		"absent dropped":  {func(c *Traps) { c.Absent = Rule{Action: Drop} }, inviteText, []string{"User-Agent", "X-Agent"}, "drop", false},
		"empty":           {nil, inviteText, []string{"Example Phone 4.2.1 (rev 89ab)", ""}, "pass", false},
		"empty refused":   {func(c *Traps) { c.Empty = Rule{Reply, 403, "Who"} }, inviteText, []string{"Example Phone 4.2.1 (rev 89ab)", ""}, "403 Who", false},
		"trap called":     {func(c *Traps) { c.Users = []string{"BOB"} }, inviteText, nil, "drop", true},
		"trap calls":      {func(c *Traps) { c.Users = []string{"alice"} }, inviteText, nil, "pass", false},
		"trap registers":  {func(c *Traps) { c.Users = []string{"alice"} }, registerText, nil, "drop", true},
		"ack":             {func(c *Traps) { c.UserAgent = Rule{Reply, 403, ""} }, inviteText, append(scanner, "INVITE", "ACK"), "drop", true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := small()
			if c.set != nil {
				c.set(&cfg.Traps)
			}
			g, src := newGuard(t, cfg), from("203.0.113.7")
			m := parse(t, c.text, c.replace...)
			for range 2 { // the second time from memory
				if got := request(g, epoch, src, tcp, m); got != c.want {
					t.Errorf("%s, want %s", got, c.want)
				}
			}
			if got := bannedFor(g, epoch, src) > 0; got != c.banned {
				t.Errorf("banned %v", got)
			}
		})
	}
}
