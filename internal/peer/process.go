package peer

import (
	"bytes"
	"context"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// process is a child that does not outlive the test that started it.
type process struct {
	cmd    *exec.Cmd
	output lockedBuffer
	done   chan struct{} // closed when the process has ended
	err    error         // how; to be read after done
}

// start runs a program. The kernel kills it when the thread that started it
// ends, so that thread is kept until the program has ended by itself; a test
// that panics or is killed leaves nothing running. A program that changes its
// user itself loses that, so as, when it is not nil, says which one it has.
func start(as *syscall.Credential, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(context.Background(), name, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: as}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
		close(p.done)
	}()
	return p, <-started
}

// signal sends a signal and waits for the end.
func (p *process) signal(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s) // it may have ended before
	<-p.done
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
