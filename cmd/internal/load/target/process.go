package target

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Process is a child and what it writes.
type Process struct {
	cmd    *exec.Cmd
	output tail
	done   chan struct{} // closed when the child has ended
	err    error         // how; to be read after done
	ports  []*Ports      // that it was given
	killed bool          // its group has no member
}

// Start runs a program in a directory, as leader of a process group, so that
// its own children can be ended with it. The kernel kills it when the thread
// that started it ends, so that thread is kept as long as the child.
func Start(dir, name string, args ...string) (*Process, error) {
	return StartIn(nil, dir, name, args...)
}

// StartIn is Start with the child in what enter moves a thread into, such as a
// network namespace. nil: nothing.
func StartIn(enter func() error, dir, name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(name, args...), done: make(chan struct{})} //nolint:noctx // Stop ends it in order
	p.cmd.Dir = dir
	p.cmd.WaitDelay = time.Second // children of its own may keep its output open
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		var err error
		if enter == nil {
			defer runtime.UnlockOSThread() // else the thread is of no use to others and ends
		} else {
			err = enter()
		}
		if err == nil {
			err = p.cmd.Start()
		}
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output is the end of what the child wrote.
func (p *Process) Output() string { return p.output.String() }

// Stop asks the child to end, and kills it when it does not within five
// seconds. Nobody of its group is left then.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	// A number that still names a group is not given to another process.
	if !p.killed {
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	}
	<-p.done
	for _, x := range p.ports {
		x.Release()
	}
	p.ports = nil
}

// Kill ends the child and its group at once. What it was given stays its own until
// Stop.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.done
	p.killed = true
}

// holds leaves the child its ports until Stop.
func (p *Process) holds(ports ...*Ports) { p.ports = append(p.ports, ports...) }

// Wait repeats probe until it succeeds, the child has ended or the time is over.
func (p *Process) Wait(limit time.Duration, probe func() error) error {
	end := time.Now().Add(limit)
	for {
		select {
		case <-p.done:
			return fmt.Errorf("%s has ended: %w\n%s", p.cmd.Path, errors.Join(p.err, errEnded), p.Output())
		default:
		}
		err := probe()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s is not ready after %v: %w\n%s", p.cmd.Path, limit, err, p.Output())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

var errEnded = errors.New("too early")

// tail keeps the last 16 KiB written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if over := len(t.b) - 16<<10; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.b))
}

// Build compiles a command of this module into dir and returns the file.
func Build(dir, pkg string) (string, error) {
	file := dir + "/" + pkg[bytes.LastIndexByte([]byte(pkg), '/')+1:]
	out, err := exec.Command("go", "build", "-o", file, "github.com/class5-go/class5/"+pkg).CombinedOutput() //nolint:noctx // bounded by itself
	if err != nil {
		return "", fmt.Errorf("go build %s (run this in the module): %w\n%s", pkg, err, out)
	}
	return file, nil
}

// Builds are commands of this module, each compiled once. The zero value
// compiles nothing; Dir must be set.
type Builds struct {
	Dir   string
	mu    sync.Mutex
	files map[string]string
}

// File compiles a command when it is asked for the first time.
func (b *Builds) File(pkg string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if file, ok := b.files[pkg]; ok {
		return file, nil
	}
	file, err := Build(b.Dir, pkg)
	if err != nil {
		return "", err
	}
	if b.files == nil {
		b.files = make(map[string]string)
	}
	b.files[pkg] = file
	return file, nil
}

// Installed tells whether a program is there.
func Installed(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}

func write(dir, name, text string) error {
	return os.WriteFile(dir+"/"+name, []byte(text), 0o600)
}
