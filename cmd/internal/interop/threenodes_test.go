//go:build interop

package interop

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/internal/peer"
)

// threeNodes is cmd/lb, cmd/proxy and cmd/web with the configuration of
// examples/three-nodes, a Redis and a MariaDB.
type threeNodes struct {
	platform
	dir              string
	port             int // the first of those in place of the example's
	db               *peer.MariaDB
	dsn              string
	lb, proxy, panel *process
	redis            *process
	proxyAdm         int
}

// ports of the example, in the order of those that take their places.
var examplePorts = []string{"6060", "6061", "6062", "6064", "6066", "6080", "9190", "9191", "9192", "8180", "6390"}

func newThreeNodes(t *testing.T, options ...peer.MariaDBOption) *threeNodes {
	t.Helper()
	p := freePorts(t, len(examplePorts))
	n := &threeNodes{platform: platform{sip: p, web: p + 9, domain: "127.0.0.1"}, dir: t.TempDir(), port: p, proxyAdm: p + 7}
	db, err := peer.StartMariaDB(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Stop() })
	if err := db.Create(t.Context(), "class5"); err != nil {
		t.Fatal(err)
	}
	n.db, n.dsn = db, db.DSN("class5")
	n.startRedis(t)
	for _, secret := range []string{"edge.key", "live.token"} {
		if err := os.WriteFile(filepath.Join(n.dir, secret), []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, node := range []string{"lb", "proxy", "web"} {
		n.configure(t, node)
	}
	n.logs = func() string {
		return "lb: " + tail(n.lb.output()) + "\nproxy: " + tail(n.proxy.output()) + "\nweb: " + tail(n.panel.output())
	}
	return n
}

// startRedis starts an empty Redis, also in place of one that was killed.
func (n *threeNodes) startRedis(t *testing.T) {
	t.Helper()
	port := fmt.Sprint(n.port + 10)
	n.redis = start(t, n.dir, "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", n.dir, "--save", "", "--appendonly", "no")
	eventually(t, 10*time.Second, func() error {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = c.Close()
		}
		return err
	})
}

// configure writes the example's file with addresses of this test and further
// replacements.
func (n *threeNodes) configure(t *testing.T, node string, replace ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "three-nodes", node+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	pairs := []string{`"class5@unix(mysqld.sock)/class5"`, `"` + n.dsn + `"`}
	for i, old := range examplePorts {
		pairs = append(pairs, ":"+old, fmt.Sprintf(":%d", n.port+i))
	}
	text := string(b)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("%s.yaml has no %q", node, replace[i])
		}
	}
	text = strings.NewReplacer(replace...).Replace(text)
	if !strings.Contains(text, "overload:") {
		// A machine with other things to do is no reason to refuse calls of a test.
		text = strings.Replace(text, "    allow_loopback: true\n", "    allow_loopback: true\n  overload: {off: true}\n", 1)
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	file := filepath.Join(n.dir, node+".yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (n *threeNodes) node(t *testing.T, name string, admin int) *process {
	t.Helper()
	p := n.launch(t, name)
	p.ready(t, admin)
	return p
}

// launch is node without waiting until it is ready.
func (n *threeNodes) launch(t *testing.T, name string) *process {
	t.Helper()
	p := start(t, n.dir, built.path(t, "cmd/"+name), "-config", name+".yaml")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s:\n%s", name, tail(p.output()))
		}
	})
	return p
}

func (n *threeNodes) run(t *testing.T) *threeNodes {
	t.Helper()
	n.panel = n.node(t, "web", n.port+8)
	n.lb = n.launch(t, "lb") // it asks before the proxy is there
	n.proxy = n.node(t, "proxy", n.proxyAdm)
	n.lb.ready(t, n.port+6)
	n.login(t)
	return n
}

// login reads what the first start of web printed for a person.
func (n *threeNodes) login(t *testing.T) {
	t.Helper()
	eventually(t, patience, func() error {
		for _, line := range strings.Split(n.panel.output(), "\n") {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "administrator" {
				n.admin = f[2]
				return nil
			}
		}
		return errors.New("no password of an administrator")
	})
}

// TestThreeNodes is TestThousandCalls with three processes on Redis and
// MariaDB. What web shows of registrations and messages comes from the proxy.
func TestThreeNodes(t *testing.T) {
	n := newThreeNodes(t).run(t)
	thousandCalls(t, &n.platform, wantedCalls())
	n.wantRegistrations(t, 100)

	call := n.records(t)[0]
	var ladder struct {
		Items []struct{ Node, Data string } `json:"items"`
	}
	if code := n.api(t, "GET", fmt.Sprintf("/api/v1/calls/%d/ladder", call.ID), nil, &ladder); code != 200 || len(ladder.Items) < 10 {
		t.Errorf("ladder of %s: status %d, %d messages", call.CallID, code, len(ladder.Items))
	}
	if len(ladder.Items) > 0 && ladder.Items[0].Node != "proxy" {
		t.Errorf("a message of node %q", ladder.Items[0].Node)
	}

	// Registrations are in Redis: another proxy process finds them.
	if !n.proxy.stop(8 * time.Second) {
		t.Error("the proxy does not end on SIGTERM")
	}
	if code := n.api(t, "GET", "/api/v1/registrations", nil, nil); code/100 == 2 {
		t.Error("without a proxy, registrations are shown as none")
	}
	n.proxy = n.node(t, "proxy", n.proxyAdm)
	n.lb.ready(t, n.port+6)
	n.wantRegistrations(t, 100)
	for name, p := range map[string]*process{"lb": n.lb, "proxy": n.proxy, "web": n.panel} {
		if !p.stop(8*time.Second) || p.err != nil {
			t.Errorf("%s ends with %v", name, p.err)
		}
	}
}

func (n *threeNodes) wantRegistrations(t *testing.T, want int) {
	t.Helper()
	var list struct {
		Items []struct {
			AoR       string `json:"aor"`
			Path      string `json:"path"`
			Source    string `json:"source"`
			Transport string `json:"transport"`
		} `json:"items"`
	}
	if code := n.api(t, "GET", "/api/v1/registrations?limit=500", nil, &list); code != 200 || len(list.Items) != want {
		t.Fatalf("status %d, %d registrations, want %d", code, len(list.Items), want)
	}
	for _, r := range list.Items {
		if !strings.HasPrefix(r.AoR, "load") || r.Path == "" || r.Transport != "UDP" || !strings.HasPrefix(r.Source, "127.0.0.1:") {
			t.Errorf("registration %+v", r)
		}
	}
}

// TestMistakesOfOperators: exit code 2 and one line that names the file, and
// the line in it when there is one to blame.
func TestMistakesOfOperators(t *testing.T) {
	n := newThreeNodes(t)
	for _, c := range []struct{ node, old, new, want string }{
		{"proxy", "  interim: 15s", "  intermi: 15s", "proxy.yaml:16:3: unknown field"},
		{"proxy", "interim: 15s", "interim: soon", "proxy.yaml:16:12: "},
		{"proxy", "listen: 127.0.0.1:6064", "listen: here", "proxy.yaml:12:11: "},
		{"proxy", "driver: mysql", "driver: oracle", `proxy.yaml: configuration: store: driver "oracle"`},
		{"proxy", "127.0.0.1:6390", "127.0.0.1:9", "proxy.yaml: configuration: redis 127.0.0.1:9"},
		{"proxy", "keys: edge.key", "keys: none.key", "proxy.yaml: configuration: keys: "},
		{"proxy", "edges: [127.0.0.1:6062]", "edges: []", "edges or plain_edges is needed"},
		{"proxy", "addr: 127.0.0.1\n", "addr: 192.0.2.7\n", "not an address of this machine"},
		{"proxy", "/class5\"", "/other\"", "proxy.yaml: configuration: store: "},
		{"lb", "protocol: tls", "protocol: sctp", "lb.yaml: configuration: lb: "},
		{"lb", "proxies: [127.0.0.1:6064]", "proxies: []", "lb.yaml: configuration: lb: proxies"},
		{"lb", "udp, addr: 127.0.0.1:6060", "udp, addr: 192.0.2.7:6060", "not an address of this machine"},
		{"web", "listen: 127.0.0.1:8180", "listen: 127.0.0.1:6390", "port in use"},
		{"web", "log: info", "log: loud", "web.yaml: configuration: log: "},
		{"web", "node: web1", "node: [web1", "web.yaml:"},
	} {
		if c.new == "listen: 127.0.0.1:6390" {
			c.new = fmt.Sprintf("listen: 127.0.0.1:%d", n.port+10)
		}
		if strings.HasPrefix(c.old, "/class5") {
			c.old, c.new = `"class5@unix(mysqld.sock)/class5"`, `"root@unix(/nowhere/mysqld.sock)/class5"`
		}
		n.configure(t, c.node, c.old, c.new)
		cmd := exec.CommandContext(t.Context(), built.path(t, "cmd/"+c.node), "-config", c.node+".yaml")
		cmd.Dir = n.dir
		timer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		out, err := cmd.CombinedOutput()
		timer.Stop()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("%s with %q: %v\n%s", c.node, c.new, err, out)
		}
		if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); len(lines) != 1 || !strings.Contains(lines[0], c.want) {
			t.Errorf("%s with %q: want one line with %q\n%s", c.node, c.new, c.want, out)
		}
	}
}
