//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kamailio runs with a configuration, from testdata unless it is a path, in which
// some words are replaced.
func kamailio(t *testing.T, config string, port int, replace ...string) *process {
	t.Helper()
	file := config
	if filepath.Base(config) == config {
		file = filepath.Join("testdata", config)
	}
	config = filepath.Base(config)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, config), []byte(strings.NewReplacer(replace...).Replace(string(b))), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, dir, "kamailio", "-f", config, "-DD", "-E", "-m", "128", "-M", "16", "-w", dir, "-Y", dir, "-P", filepath.Join(dir, "pid"))
	p.bound(t, port)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("kamailio:\n%s", tail(p.output()))
		}
	})
	return p
}

// TestKamailioInFront: phones reach our proxy through a Kamailio that adds
// Path, two Record-Routes and lr=on, over UDP and TCP. The proxy trusts it by
// its addresses and has nothing else from it.
func TestKamailioInFront(t *testing.T) {
	n := newThreeNodes(t)
	access, internal, proxy := fmt.Sprint(n.port), fmt.Sprint(n.port+2), fmt.Sprint(n.port+3)
	n.configure(t, "proxy", "edges: [127.0.0.1:6062]", "plain_edges: [127.0.0.1:6060, 127.0.0.1:6062]")
	n.panel = n.node(t, "web", n.port+8)
	n.login(t)
	n.lb = kamailio(t, "kamailio-lb.cfg", n.port, "ACCESS", access, "INTERNAL", internal, "PROXY", proxy)
	n.proxy = n.node(t, "proxy", n.proxyAdm)

	accounts := n.provision(t, 20)
	n.load(t, accounts, 50)
	n.wantRecords(t, 50)
	n.load(t, accounts, 50, "-t", "t1")
	n.wantRecords(t, 100)

	var list struct {
		Items []struct{ AoR, Path, Source string } `json:"items"`
	}
	n.api(t, "GET", "/api/v1/registrations", nil, &list)
	if len(list.Items) == 0 {
		t.Error("no registrations")
	}
	for _, r := range list.Items {
		if !strings.Contains(r.Path, "127.0.0.1:"+internal+";lr;") || strings.Count(r.Path, "r2=on") != 2 || !strings.Contains(r.Path, "127.0.0.1:"+access) {
			t.Errorf("Path of %s: %s", r.AoR, r.Path)
		}
	}
	for _, record := range n.records(t) {
		n.wantRoutes(t, record, access, internal)
	}
}

// wantRoutes holds the Route sets of one call against RFC 3261 section 16.4 and
// 16.12 and RFC 3327: loose routing with a valued lr, both routes of the pair.
func (n *threeNodes) wantRoutes(t *testing.T, record record, access, internal string) {
	t.Helper()
	var ladder struct {
		Items []struct{ From, To, Data string } `json:"items"`
	}
	n.api(t, "GET", fmt.Sprintf("/api/v1/calls/%d/ladder", record.ID), nil, &ladder)
	invites, byes := 0, 0
	for _, m := range ladder.Items {
		head, _, _ := strings.Cut(m.Data, "\r\n\r\n")
		pair := strings.Count(head, "Record-Route: <sip:127.0.0.1:"+internal+";r2=on;lr=on") + strings.Count(head, "Record-Route: <sip:127.0.0.1:"+access)
		routes := strings.Count(head, "\r\nRoute: ")
		switch sent := strings.HasSuffix(m.To, ":"+internal); {
		case !sent:
		case strings.HasPrefix(head, "INVITE "):
			invites++
			if routes == 0 || pair < 2 {
				t.Errorf("INVITE to the callee lacks a route:\n%s", head)
			}
		case strings.HasPrefix(head, "BYE "):
			byes++
			if routes == 0 || strings.Contains(head, "did=") {
				t.Errorf("BYE to the callee:\n%s", head)
			}
		}
	}
	if invites == 0 || byes == 0 {
		t.Errorf("call %s: %d INVITEs, %d BYEs to the callee in %d messages", record.CallID, invites, byes, len(ladder.Items))
	}
}

const edgeBeforeKamailio = "../../../examples/edge-before-kamailio"

// TestKamailioBehind is examples/edge-before-kamailio: a Kamailio as registrar
// and proxy. Phones come over UDP and over TCP.
func TestKamailioBehind(t *testing.T) {
	const password = "kamailio-secret"
	p := freePorts(t, len(examplePorts))
	n := &threeNodes{platform: platform{sip: p, domain: "127.0.0.1"}, dir: t.TempDir(), port: p}
	if err := os.WriteFile(filepath.Join(n.dir, "edge.key"), []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(edgeBeforeKamailio, "lb.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for i, old := range []string{"5060", "5061", "5062", "5070", "", "5080", "9190"} {
		if old != "" {
			text = strings.ReplaceAll(text, ":"+old, fmt.Sprintf(":%d", p+i))
		}
	}
	if err := os.WriteFile(filepath.Join(n.dir, "lb.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n.lb = n.launch(t, "lb") // it asks before the proxy is there
	proxy := kamailio(t, filepath.Join(edgeBeforeKamailio, "kamailio.cfg"), p+3, "5070", fmt.Sprint(p+3), "class5.test", n.domain, "change-this", password)
	n.lb.ready(t, p+6)
	n.logs = func() string { return n.lb.output() + proxy.output() }
	accounts := make([]account, 20)
	for i := range accounts {
		user := fmt.Sprintf("load%03d", i)
		accounts[i] = account{user, password, user}
	}
	t.Run("udp", func(t *testing.T) { n.load(t, accounts, 100) })
	t.Run("tcp", func(t *testing.T) { n.load(t, accounts, 100, "-t", "t1") })
}
