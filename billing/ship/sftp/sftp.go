package sftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/class5-go/class5/billing/ship"
)

// Config says where the files go. All but Root, Timeout and Dial is required.
type Config struct {
	Address string // host:port
	User    string
	// Auth is one or more of ssh.PublicKeys and ssh.Password.
	Auth []ssh.AuthMethod
	// HostKey checks the key of the server: ssh.FixedHostKey, or what
	// knownhosts.New of golang.org/x/crypto/ssh makes.
	HostKey ssh.HostKeyCallback
	Root    string        // folder on the server; that of the login when empty
	Timeout time.Duration // of one file with all that belongs to it; 2 min when 0
	// Dial connects; a net.Dialer when nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Sink is a ship.Sink.
type Sink struct{ cfg Config }

// New makes a Sink. It does not connect.
func New(cfg Config) (*Sink, error) {
	if cfg.Address == "" || cfg.User == "" || len(cfg.Auth) == 0 || cfg.HostKey == nil {
		return nil, errors.New("sftp: address, user, a way to log in and a check of the host key are required")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 2 * time.Minute
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	return &Sink{cfg}, nil
}

// Put implements ship.Sink.
func (s *Sink) Put(ctx context.Context, name string, content []byte) error {
	if err := ship.CheckName(name); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	conn, err := s.cfg.Dial(ctx, "tcp", s.cfg.Address)
	if err != nil {
		return fmt.Errorf("sftp: %w", err)
	}
	// Closing the connection ends whatever waits for the server.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	if err := s.session(conn, name, content); err != nil {
		return fmt.Errorf("sftp: %s: %w", name, errors.Join(err, ctx.Err()))
	}
	return nil
}

func (s *Sink) session(conn net.Conn, name string, content []byte) error {
	c, channels, requests, err := ssh.NewClientConn(conn, s.cfg.Address, &ssh.ClientConfig{
		User: s.cfg.User, Auth: s.cfg.Auth, HostKeyCallback: s.cfg.HostKey,
	})
	if err != nil {
		return err
	}
	client := ssh.NewClient(c, channels, requests)
	defer client.Close()
	files, err := sftp.NewClient(client)
	if err != nil {
		return err
	}
	defer files.Close()
	return put(files, s.cfg.Root, name, content)
}

func put(files *sftp.Client, root, name string, content []byte) error {
	final, temp := path.Join(root, name), path.Join(root, ship.TempName(name))
	if same, err := same(files, final, content); err != nil || same {
		return err
	}
	if err := files.MkdirAll(path.Dir(final)); err != nil {
		return err
	}
	f, err := files.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.ReadFrom(bytes.NewReader(content))
	if _, can := files.HasExtension("fsync@openssh.com"); err == nil && can {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	// The rename of SFTP itself never replaces a file.
	return files.Rename(temp, final)
}

// same reports whether the file is there as it should be.
func same(files *sftp.Client, name string, content []byte) (bool, error) {
	f, err := files.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	had, err := io.ReadAll(io.LimitReader(f, int64(len(content))+1))
	if err != nil {
		return false, err
	}
	if !bytes.Equal(had, content) {
		return false, ship.ErrExists
	}
	return true, nil
}
