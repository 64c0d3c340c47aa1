package relay

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
)

// The tests of message flows are text files in testdata/flows. A line with
//
//	>>> LISTENER REMOTE [GENERATION]
//
// begins a message that comes in, one with
//
//	<<< LISTENER REMOTE [GENERATION]
//
// the message that must come out, and
//
//	<<< drop CAUSE
//
// says that none may. {name} stands for a token or hash: what it was when it
// first came out, {_} for any. "!!! close GENERATION" closes a connection. "#" begins a
// comment between messages.

// testListeners is the table of listeners of all tests, by name.
var testListeners = []struct {
	name string
	Listener
}{
	{"udp", Listener{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("192.0.2.1:5060")}},
	{"tcp", Listener{Protocol: transport.TCP, Addr: netip.MustParseAddrPort("192.0.2.1:5060")}},
	{"tls", Listener{Protocol: transport.TLS, Addr: netip.MustParseAddrPort("192.0.2.1:5061"), Host: "edge.example.com"}},
	{"ws", Listener{Protocol: transport.WS, Addr: netip.MustParseAddrPort("192.0.2.1:8080")}},
	{"wss", Listener{Protocol: transport.WSS, Addr: netip.MustParseAddrPort("192.0.2.1:8443"), Host: "edge.example.com"}},
	{"int", Listener{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("10.0.0.1:5070"), Internal: true}},
	{"udp6", Listener{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("[2001:db8::1]:5060")}},
	{"int6", Listener{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("[fd00::1]:5070"), Internal: true}},
	{"peer", Listener{
		Protocol: transport.UDP, Addr: netip.MustParseAddrPort("198.51.100.1:5060"),
		Bound: netip.MustParseAddrPort("172.16.0.1:5060"), Trusted: true,
	}},
	{"inttcp", Listener{Protocol: transport.TCP, Addr: netip.MustParseAddrPort("10.0.0.1:5070"), Internal: true}},
}

const testEpoch = 0x66f0a1b2

var (
	proxyA  = netip.MustParseAddrPort("10.0.0.11:5060")
	testKey = token.Key{ID: 1, Secret: []byte("the secret that one pair shares!")}
)

func listenerIndex(tb testing.TB, name string) uint8 {
	tb.Helper()
	for i, l := range testListeners {
		if l.name == name {
			return uint8(i)
		}
	}
	tb.Fatalf("no listener named %q", name)
	return 0
}

func testFlow(tb testing.TB, name, remote string, generation uint64) transport.Flow {
	tb.Helper()
	i := listenerIndex(tb, name)
	return transport.Flow{
		Protocol: testListeners[i].Protocol, Listener: i, Local: testListeners[i].Addr,
		Remote: netip.MustParseAddrPort(remote), Generation: generation,
	}
}

// testRelay makes a relay with the table above, changed by each of change.
func testRelay(tb testing.TB, change ...func(*Config)) *Relay {
	tb.Helper()
	ring, err := token.New(testKey)
	if err != nil {
		tb.Fatal(err)
	}
	targets, err := NewTargets(nil, Target{Addr: proxyA})
	if err != nil {
		tb.Fatal(err)
	}
	cfg := Config{Ring: ring, Dispatch: targets, Epoch: testEpoch, Names: []string{"lb.example.com"}}
	for _, l := range testListeners {
		cfg.Listeners = append(cfg.Listeners, l.Listener)
	}
	for _, f := range change {
		f(&cfg)
	}
	r, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// player runs one script. The relays take turns.
type player struct {
	t       testing.TB
	file    string
	line    int // of the step under way
	relays  []*Relay
	turn    int
	known   map[string]string
	closed  map[uint64]bool
	scratch Scratch

	seen    func(transport.Flow, []byte) // is shown what comes in
	got     Outcome                      // of the last message that came in
	pending bool                         // whether got waits for its "<<<"
}

func newPlayer(t testing.TB, file string, relays int, change ...func(*Config)) *player {
	p := &player{t: t, file: file, known: map[string]string{}, closed: map[uint64]bool{}}
	for range relays {
		p.relays = append(p.relays, testRelay(t, append(change, func(c *Config) {
			c.Alive = func(f transport.Flow) bool { return !p.closed[f.Generation] }
		})...))
	}
	return p
}

func (p *player) fatalf(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s:%d: %s", p.file, p.line, fmt.Sprintf(format, args...))
}

// play runs the steps of text.
func (p *player) play(text string) {
	p.t.Helper()
	var head string
	var body []string
	step := func(next string, at int) {
		if head != "" {
			p.step(strings.Fields(head), body)
		}
		head, body, p.line = next, nil, at
	}
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, ">>>"), strings.HasPrefix(line, "<<<"), strings.HasPrefix(line, "!!!"):
			step(line, i+1)
		case strings.HasPrefix(line, "# "), line == "#":
		default:
			body = append(body, line)
		}
	}
	step("", 0)
	if p.pending {
		p.t.Fatalf("%s: the last message has no <<<", p.file)
	}
}

func (p *player) step(head, lines []string) {
	p.t.Helper()
	switch head[0] {
	case "!!!":
		var generation uint64
		if _, err := fmt.Sscanf(strings.Join(head[1:], " "), "close %x", &generation); err != nil {
			p.fatalf("%v", err)
		}
		p.closed[generation] = true
	case ">>>":
		if p.pending {
			p.fatalf("the message before has no <<<, it gave %v\n%s", p.got.Cause, p.got.Data)
		}
		msg := p.fill(message(lines))
		if p.seen != nil {
			p.seen(p.flow(head), []byte(msg))
		}
		r := p.relays[p.turn%len(p.relays)]
		p.turn++
		p.got = r.Handle(&p.scratch, transport.Packet{Data: []byte(msg), Flow: p.flow(head)}, nil)
		p.pending = true
	case "<<<":
		if !p.pending {
			p.fatalf("nothing came in")
		}
		p.pending = false
		p.expect(head, lines)
	}
}

func (p *player) flow(head []string) transport.Flow {
	p.t.Helper()
	var generation uint64
	if len(head) > 3 {
		if _, err := fmt.Sscanf(head[3], "%x", &generation); err != nil {
			p.fatalf("generation: %v", err)
		}
	}
	return testFlow(p.t, head[1], head[2], generation)
}

// message joins the lines of a message: CR LF in the head, LF in the body.
func message(lines []string) string {
	text := strings.TrimRight(strings.Join(lines, "\n"), "\n")
	head, body, _ := strings.Cut(text, "\n\n")
	return strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + strings.TrimLeft(body, "\n")
}

var placeholder = regexp.MustCompile(`\{([a-z][a-z0-9-]*|_)\}`)

// fill replaces what is known.
func (p *player) fill(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(name string) string {
		v, ok := p.known[name]
		if !ok {
			p.fatalf("%s is not known yet", name)
		}
		return v
	})
}

func (p *player) expect(head, lines []string) {
	p.t.Helper()
	if head[1] == "drop" {
		if p.got.Data != nil || p.got.Cause.String() != head[2] {
			p.fatalf("got %v, want it dropped as %s\n%s", p.got.Cause, head[2], p.got.Data)
		}
		return
	}
	want := message(lines)
	if p.got.Data == nil {
		p.fatalf("dropped as %v (%v), want\n%s", p.got.Cause, p.got.Reason, want)
	}
	if !p.match(want, string(p.got.Data)) {
		p.fatalf("%v\n--- got\n%s\n--- want\n%s", p.got.Cause, p.got.Data, want)
	}
	flow := p.flow(head)
	if g := p.got.Flow; g.Protocol != flow.Protocol || g.Listener != flow.Listener || g.Remote != flow.Remote || g.Generation != flow.Generation {
		p.fatalf("sent on %+v, want %+v", g, flow)
	}
}

// match compares got with a pattern and learns from it.
func (p *player) match(want, got string) bool {
	p.t.Helper()
	var re strings.Builder
	var names []string
	re.WriteString(`^`)
	at := 0
	for _, loc := range placeholder.FindAllStringIndex(want, -1) {
		re.WriteString(regexp.QuoteMeta(want[at:loc[0]]))
		name := want[loc[0]:loc[1]]
		if v, ok := p.known[name]; ok {
			re.WriteString(regexp.QuoteMeta(v))
		} else {
			re.WriteString(`([A-Za-z0-9_-]+)`)
			names = append(names, name)
		}
		at = loc[1]
	}
	re.WriteString(regexp.QuoteMeta(want[at:]) + `$`)
	found := regexp.MustCompile(re.String()).FindStringSubmatch(got)
	if found == nil {
		return false
	}
	for i, name := range names {
		if name != "{_}" {
			p.known[name] = found[i+1]
		}
	}
	return true
}

// flowFiles is the text of all flows by file name.
func flowFiles(tb testing.TB) map[string]string { return scripts(tb, "testdata/flows/*.txt") }

func scripts(tb testing.TB, pattern string) map[string]string {
	tb.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		tb.Fatalf("%v, %v", files, err)
	}
	texts := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		texts[file] = string(text)
	}
	return texts
}

func TestFlows(t *testing.T) {
	for file, text := range flowFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			newPlayer(t, file, 1).play(text)
		})
		// Two relays that share keys and nothing else take turns by message.
		t.Run(name+"/two", func(t *testing.T) {
			newPlayer(t, file, 2).play(text)
		})
	}
}
