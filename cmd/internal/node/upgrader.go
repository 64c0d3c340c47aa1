package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// upgrader waits for the successor of this process.
type upgrader struct {
	path     string
	listener *net.UnixListener

	mu     sync.Mutex
	result chan error // of the handing over that an operator waits for
}

// newUpgrader listens where a successor comes. A socket that nobody listens at
// any more is replaced, or, by who took over, that of the process before.
func newUpgrader(ctx context.Context, path string, over bool) (*upgrader, error) {
	if path == "" {
		return nil, nil
	}
	if !over && listened(ctx, path) {
		return nil, fmt.Errorf("%w: media: upgrade: %s is another process's", ErrConfig, path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSocket {
		_ = os.Remove(path)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("%w: media: upgrade: %w", ErrConfig, err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // whoever came before is looked at too
		return nil, errors.Join(fmt.Errorf("%w: media: upgrade: %w", ErrConfig, err), l.Close())
	}
	return &upgrader{path: path, listener: l}, nil
}

func listened(ctx context.Context, path string) bool {
	c, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// run hands over to the first process that can go on, and returns it; nil when
// ctx is done before.
func (u *upgrader) run(ctx context.Context, m *MediaNode) *successor {
	stop := context.AfterFunc(ctx, func() { _ = u.listener.Close() })
	defer stop()
	for {
		c, err := u.listener.AcceptUnix()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			time.Sleep(100 * time.Millisecond)
			continue
		}
		u.listener.SetUnlinkOnClose(false) // the path is the next one's
		next, err := m.handOver(ctx, c)
		u.tell(err)
		if err == nil {
			_ = u.listener.Close()
			return next
		}
		u.listener.SetUnlinkOnClose(true)
		m.env.Log.Error("not handed over, all is as before", "error", err)
	}
}

func (u *upgrader) tell(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.result != nil {
		u.result <- err
		u.result = nil
	}
}

func (u *upgrader) expect() (<-chan error, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.result != nil {
		return nil, errors.New("an upgrade is under way")
	}
	c := make(chan error, 1)
	u.result = c
	return c, nil
}

// upgrade starts the program anew, as it is on the disk now, and waits until it
// has taken over.
func (m *MediaNode) upgrade(r *http.Request) (any, error) {
	if m.upgrader == nil {
		return nil, fault{http.StatusConflict, errors.New("media: upgrade is not configured")}
	}
	result, err := m.upgrader.expect()
	if err != nil {
		return nil, fault{http.StatusConflict, err}
	}
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(r.Context()), path, append([]string{"upgrade"}, m.env.Args...)...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = os.Stdout, os.Stderr, &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		m.upgrader.tell(err)
		return nil, err
	}
	if err := watchStart(r.Context(), cmd.Process.Pid, result); err != nil {
		m.upgrader.tell(err)
		return nil, fault{http.StatusBadGateway, err}
	}
	m.env.Log.Info("handed over", "pid", cmd.Process.Pid)
	return map[string]int{"pid": cmd.Process.Pid}, nil
}

// watchStart waits until a child has taken over, which it outlives us then, or
// has ended.
func watchStart(ctx context.Context, pid int, result <-chan error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var failed error
	for {
		select {
		case err := <-result:
			if err == nil {
				return nil
			}
			failed, result = err, nil // it ends now
		case <-ctx.Done():
			return errors.Join(failed, ctx.Err())
		case <-tick.C:
			var status syscall.WaitStatus
			if n, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil); n == pid || err != nil {
				return errors.Join(failed, fmt.Errorf("the new process ended with status %d", status.ExitStatus()))
			}
		}
	}
}
