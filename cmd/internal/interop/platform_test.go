//go:build interop

package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// binaries builds each command once for all tests. Those that are in the directory
// CLASS5_COMMANDS are built already, for more than one run of tests.
type binaries struct {
	mu   sync.Mutex
	dir  string
	done map[string]error
}

func (b *binaries) path(t *testing.T, command string) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if dir := os.Getenv("CLASS5_COMMANDS"); dir != "" {
		return filepath.Join(dir, filepath.Base(command))
	}
	file := filepath.Join(b.dir, filepath.Base(command))
	err, built := b.done[command]
	if !built {
		out, e := exec.Command("go", "build", "-o", file, "github.com/class5-go/class5/"+command).CombinedOutput()
		if e != nil {
			err = fmt.Errorf("go build %s: %w\n%s", command, e, out)
		}
		b.done[command] = err
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

var built binaries

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "class5-interop-")
	if err != nil {
		panic(err)
	}
	built = binaries{dir: dir, done: map[string]error{}}
	if inMemory() {
		_ = os.Setenv("TMPDIR", shm)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

const shm = "/dev/shm"

// inMemory tells whether there is room in memory for the files of tests. There
// no server waits for seconds because others write to the disk; whoever sets
// TMPDIR has them where he wants.
func inMemory() bool {
	var fs unix.Statfs_t
	var available uint64 // KiB
	if os.Getenv("TMPDIR") != "" || unix.Statfs(shm, &fs) != nil {
		return false
	}
	b, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(b)) {
		_, _ = fmt.Sscanf(line, "MemAvailable: %d kB", &available)
	}
	const room = 4 << 30
	return fs.Type == unix.TMPFS_MAGIC && fs.Flags&unix.ST_NOEXEC == 0 && fs.Bavail*uint64(fs.Bsize) > room && available<<10 > 2*room
}

const (
	firstRow  = 12000
	rowLength = 20
	// aboveRows is where media relays of tests have their ports that are given a
	// fixed range: nothing else of ours is between here and the ports that the
	// system gives to clients.
	aboveRows = 28000
)

// portRows are the rows of ports that tests take, in the order of this run. A
// row is its test's until that ends, for nobody may have bound its ports yet,
// or somebody will do so again.
type portRows struct {
	mu    sync.Mutex
	order []int
	next  int
	taken map[int]bool
}

var rows = portRows{order: rand.Perm((aboveRows - firstRow) / rowLength), taken: map[int]bool{}}

// freePorts returns the first of n ports in a row that nobody listens on, UDP
// nor TCP, below the range from which the system gives ports to clients. All
// ports of a test but those of media relays come from here: a number written
// into a test is some other test's now and then.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	if n > rowLength {
		t.Fatalf("%d ports are more than a row", n)
	}
	rows.mu.Lock()
	defer rows.mu.Unlock()
	for range rows.order {
		row := rows.order[rows.next]
		rows.next = (rows.next + 1) % len(rows.order)
		first := firstRow + rowLength*row
		if rows.taken[row] || !portsFree(first, n) {
			continue
		}
		rows.taken[row] = true
		t.Cleanup(func() { // after the processes that are started now
			rows.mu.Lock()
			defer rows.mu.Unlock()
			delete(rows.taken, row)
		})
		return first
	}
	t.Fatal("no free ports")
	return 0
}

func portsFree(first, n int) bool {
	var open []io.Closer
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for port := first; port < first+n; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		open = append(open, l)
		u, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		open = append(open, u)
	}
	return true
}

// process is a command of ours or of others, ended with the test.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}
	err  error

	mu    sync.Mutex
	lines []string
}

func start(t *testing.T, dir, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	pipe, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p.cmd.Stdout
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	go func() {
		defer close(p.done)
		s := bufio.NewScanner(pipe)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			p.mu.Lock()
			p.lines = append(p.lines, s.Text())
			p.mu.Unlock()
		}
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() { p.stop(5 * time.Second) })
	return p
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// bound waits until the process has bound a UDP port of 127.0.0.1. To bind it
// would tell too, and now and then take it from the process.
func (p *process) bound(t *testing.T, port int) *process {
	t.Helper()
	return p.boundAt(t, "127.0.0.1", port)
}

func (p *process) boundAt(t *testing.T, address string, port int) *process {
	t.Helper()
	a := netip.MustParseAddr(address).As4()
	socket := fmt.Sprintf(" %02X%02X%02X%02X:%04X ", a[3], a[2], a[1], a[0], port)
	eventually(t, 20*time.Second, func() error {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %v\n%s", p.cmd.Path, p.err, p.output())
		default:
		}
		sockets, err := os.ReadFile("/proc/net/udp")
		if err != nil || !strings.Contains(string(sockets), socket) {
			return fmt.Errorf("%s does not listen: %v\n%s", p.cmd.Path, err, p.output())
		}
		return nil
	})
	return p
}

// stop asks the process to end and kills it when it does not within the time.
func (p *process) stop(limit time.Duration) (graceful bool) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return true
	case <-time.After(limit):
	}
	_ = p.cmd.Process.Kill()
	<-p.done
	return false
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// wait waits for the process to end by itself.
func (p *process) wait(limit time.Duration) error {
	select {
	case <-p.done:
		return p.err
	case <-time.After(limit):
		return fmt.Errorf("still running after %v", limit)
	}
}

// patience is how long a test waits for what takes a moment on a machine that
// has nothing else to do.
const patience = 10 * time.Second

// eventually repeats check until it returns nil.
func eventually(t *testing.T, limit time.Duration, check func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("after %v: %v", limit, err)
}

// platform is a running set of servers as its users see it: where phones
// register, and where administrators log in.
type platform struct {
	sip, web int    // ports on 127.0.0.1: UDP and TCP, HTTP
	domain   string // of the subscribers
	admin    string // password, from the first start
	client   *http.Client
	logs     func() string // what the servers wrote, for a test that fails
}

// carrier is cmd/carrier with its own data directory and ports.
type carrier struct {
	platform
	*process
	data         string
	tls, ws, adm int
	internal     int
	alice, bob   phone
}

// phone are the credentials printed by --demo.
type phone struct{ user, password, number string }

func newCarrier(t *testing.T) *carrier {
	t.Helper()
	p := freePorts(t, 12)
	return &carrier{
		platform: platform{sip: p, web: p + 4, domain: "127.0.0.1"},
		data:     t.TempDir(), tls: p + 1, ws: p + 2, adm: p + 5, internal: p + 6,
	}
}

// flags is a command line with the carrier's own ports and data; later flags
// win over earlier ones.
func (c *carrier) flags(args ...string) []string {
	port := func(n int) string { return fmt.Sprint(n) }
	return append([]string{
		"--data", c.data, "--address", "127.0.0.1", "--sip-port", port(c.sip), "--tls-port", port(c.tls), "--ws-port", port(c.ws), "--internal-port", port(c.internal),
		"--web", "127.0.0.1:" + port(c.web), "--admin", "127.0.0.1:" + port(c.adm),
	}, args...)
}

// run starts the carrier and waits until it is ready.
func (c *carrier) run(t *testing.T, args ...string) *carrier {
	t.Helper()
	t.Cleanup(func() { // after the process has ended
		for _, bad := range []string{"panic:", "DATA RACE", "fatal error:"} {
			if strings.Contains(c.output(), bad) {
				t.Errorf("the carrier wrote %q:\n%s", bad, c.output())
			}
		}
	})
	c.process = start(t, c.data, built.path(t, "cmd/carrier"), c.flags(args...)...)
	c.logs = c.process.output
	c.ready(t, c.adm)
	c.settled(t)
	c.credentials()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("carrier:\n%s", tail(c.output()))
		}
	})
	return c
}

// settled waits until all that a process has written was read.
func (p *process) settled(t *testing.T) {
	t.Helper()
	last := ""
	eventually(t, patience, func() error {
		now := p.output()
		if now == "" || now != last {
			last = now
			return fmt.Errorf("still writing: %s", now)
		}
		return nil
	})
}

// ready waits until a command of ours says so on its admin port.
func (p *process) ready(t *testing.T, port int) {
	t.Helper()
	eventually(t, 20*time.Second, func() error {
		select {
		case <-p.done:
			return fmt.Errorf("it ended: %v\n%s", p.err, p.output())
		default:
		}
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/readyz", port))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != 200 {
			b, _ := io.ReadAll(resp.Body)
			return fmt.Errorf("readyz: %s %s", resp.Status, b)
		}
		return nil
	})
}

// credentials reads what the first start printed for a person.
func (c *carrier) credentials() {
	for _, line := range strings.Split(c.output(), "\n") {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		switch {
		case f[0] == "administrator":
			c.admin = f[2]
		case f[0] == "subscriber" && f[1] == "alice":
			c.alice = phone{f[1], f[2], f[3]}
		case f[0] == "subscriber" && f[1] == "bob":
			c.bob = phone{f[1], f[2], f[3]}
		}
	}
}

// api is one request to the JSON API as the administrator.
func (c *platform) api(t *testing.T, method, path string, in, out any) int {
	t.Helper()
	if c.client == nil {
		jar, _ := cookiejar.New(nil)
		c.client = &http.Client{Jar: jar, Timeout: 20 * time.Second}
		if code := c.api(t, "POST", "/api/v1/login", map[string]string{"username": "admin", "password": c.admin}, nil); code/100 != 2 {
			t.Fatalf("login: status %d", code)
		}
	}
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = strings.NewReader(string(b))
	}
	req, err := http.NewRequestWithContext(context.Background(), method, fmt.Sprintf("http://127.0.0.1:%d%s", c.web, path), body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			t.Fatalf("%s %s: %s: %v: %s", method, path, resp.Status, err, b)
		}
	}
	return resp.StatusCode
}
