//go:build interop

package interop

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// playwright is a release that runs on the Node.js of Debian 12.
const playwright = "1.55.1"

// modules installs what drives the browser, once for the machine.
func modules(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("CLASS5_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(dir, "class5")
	}
	dir := filepath.Join(cache, "browser-"+playwright)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "axe-core")); err == nil {
		return dir
	}
	install(t, dir, "playwright-core@"+playwright, "axe-core@4.14.1")
	return dir
}

// TestFetch has on this machine what tests install: run before them, it lets the
// others be where no registry can be reached.
func TestFetch(t *testing.T) {
	jssipBundle(t)
	parquetReader(t)
	if _, err := os.Stat(modules(t)); err != nil {
		t.Error(err)
	}
}

// install fetches packages into a directory. A registry that does not answer
// for a moment is asked again.
func install(t *testing.T, dir string, packages ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, func() error {
		args := append([]string{"install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "--prefix", dir}, packages...)
		out, err := exec.Command("npm", args...).CombinedOutput() //nolint:gosec // the arguments are ours
		if err != nil {
			return fmt.Errorf("npm install: %w\n%s", err, out)
		}
		return nil
	})
}

// person is the script in the browser.
type person struct {
	t     *testing.T
	in    io.Writer
	out   *bufio.Scanner
	seen  map[string]string
	pages int
}

// browse runs a script that drives a browser, for two minutes at most.
func browse(t *testing.T, name string, env ...string) *person {
	t.Helper()
	script := exec.Command("node", scenario(t, name))
	script.Env = append(append(os.Environ(), "MODULES="+modules(t)), env...)
	script.Stderr = os.Stderr
	in, err := script.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := script.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := script.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(2*time.Minute, func() { _ = script.Process.Kill() })
	t.Cleanup(func() {
		_ = in.Close() // ends the script, which ends the browser
		timer.Reset(5 * time.Second)
		_ = script.Wait()
		timer.Stop()
	})
	p := &person{t: t, in: in, out: bufio.NewScanner(out), seen: map[string]string{}}
	p.out.Buffer(nil, 1<<20)
	return p
}

// until reads what the script says up to a word; faults on the way fail the test.
func (p *person) until(word string) {
	p.t.Helper()
	for p.out.Scan() {
		name, value, _ := strings.Cut(p.out.Text(), " ")
		switch name {
		case "axe", "foreign", "fault":
			p.t.Errorf("%s: %s", name, value)
		case "console":
			if !strings.Contains(value, "401") && !strings.Contains(value, "403") { // the wrong password
				p.t.Errorf("console: %s", value)
			}
		case "judged":
			p.pages++
		}
		p.seen[name] = value
		if name == word {
			return
		}
	}
	p.t.Fatalf("the browser script ended before %q", word)
}

func (p *person) next() { p.say("next") }

func (p *person) say(word string) { fmt.Fprintln(p.in, word) }

// TestPanel: an administrator logs in, makes a subscriber, sees it register and
// call without a reload, and reads the call's page. Every page is judged by axe.
func TestPanel(t *testing.T) {
	shots := os.Getenv("CLASS5_SHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	c := newCarrier(t).run(t, "--demo")
	p := browse(t, "panel.mjs", "ADMIN="+c.admin, "SHOTS="+shots, fmt.Sprintf("BASE=http://127.0.0.1:%d", c.web))
	p.until("ready")
	work := t.TempDir()
	port := freePorts(t, 6)
	carol := []string{"carol", "[authentication username=carol password=" + p.seen["password"] + "]", c.domain, "9999"}
	file := injection(t, work, "carol.csv", [][]string{carol})
	c.sipp(t, work, 20*time.Second, "-sf", scenario(t, "register.xml"), "-inf", file, "-m", "1", "-p", fmt.Sprint(port))
	p.next()
	p.until("registered")
	alawTone(t, work)
	call := start(t, work, "sipp", fmt.Sprintf("127.0.0.1:%d", c.sip), "-i", "127.0.0.1", "-nostdin", "-sf", scenario(t, "uac.xml"), "-inf", file,
		"-m", "1", "-p", fmt.Sprint(port), "-mp", fmt.Sprint(port+2), "-d", "8000")
	p.next()
	p.until("calling")
	if err := call.wait(30 * time.Second); err != nil {
		t.Fatalf("sipp: %v", err)
	}
	p.next()
	p.until("done")
	for _, want := range []string{"carol", "9999", "EUR", "INVITE", "BYE", "200 OK"} {
		if !strings.Contains(p.seen["page"], want) {
			t.Errorf("the call page does not show %q", want)
		}
	}
	if p.seen["nojs"] != "true" {
		t.Error("a form does not work without JavaScript")
	}
	if p.pages < 15 {
		t.Errorf("%d pages judged", p.pages)
	}
	t.Logf("%d pages judged by axe", p.pages)
}
