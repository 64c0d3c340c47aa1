package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Redis is a Redis server with a directory of its own, reached by a socket in
// it. It keeps nothing but what a client tells it to SAVE.
type Redis struct {
	dir     string
	options []string
	proc    *process
}

// StartRedis makes an empty server under a new directory in os.TempDir and
// waits until it answers. options are further ones of the command line. The caller
// has to Stop it.
func StartRedis(ctx context.Context, options ...string) (*Redis, error) {
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		return nil, err
	}
	r := &Redis{dir: dir, options: options}
	if err := r.Start(ctx); err != nil {
		return nil, errors.Join(err, r.Stop())
	}
	return r, nil
}

// Socket is the path of the unix socket.
func (r *Redis) Socket() string { return filepath.Join(r.dir, "s") }

// Start runs the server on its directory again, after [Redis.Kill].
func (r *Redis) Start(ctx context.Context) error {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		return fmt.Errorf("peer: redis-server is not installed: %w", err)
	}
	_ = os.Remove(r.Socket()) // of a server that was killed
	args := []string{"--port", "0", "--unixsocket", r.Socket(), "--dir", r.dir, "--save", "", "--appendonly", "no"}
	r.proc, err = start(nil, bin, append(args, r.options...)...)
	if err != nil {
		return fmt.Errorf("peer: redis-server: %w", err)
	}
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "unix", r.Socket())
		if err == nil {
			return conn.Close()
		}
		select {
		case <-r.proc.done:
			return fmt.Errorf("peer: redis-server ended: %w\n%s", r.proc.err, r.proc.output.String())
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Kill ends the server at once.
func (r *Redis) Kill() { r.proc.signal(syscall.SIGKILL) }

// Stop ends the server and removes its data.
func (r *Redis) Stop() error {
	if r.proc != nil {
		r.proc.signal(syscall.SIGTERM)
	}
	return os.RemoveAll(r.dir)
}
