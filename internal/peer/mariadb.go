package peer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// MariaDB is a MariaDB server with a data directory of its own, reached by a
// socket in it and by nothing else.
type MariaDB struct {
	dir  string
	proc *process
	args []string
}

// MariaDBOption changes how a server runs.
type MariaDBOption func(*MariaDB)

// Durable is a server as one in service: every commit is on disk when it is
// acknowledged, and there is memory for a working set.
func Durable() MariaDBOption {
	return func(m *MariaDB) {
		m.args = append(m.args, "--innodb-flush-method=fsync", "--innodb-flush-log-at-trx-commit=1", "--sync-frm=1",
			"--innodb-buffer-pool-size=512M", "--innodb-log-file-size=512M", "--max-allowed-packet=64M")
	}
}

// Listening is a server that takes connections at a port of 127.0.0.1 too.
func Listening(port uint16) MariaDBOption {
	return func(m *MariaDB) {
		m.args = append(m.args, "--skip-networking=0", "--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port))
	}
}

// StartMariaDB makes an empty server under a new directory in os.TempDir and
// waits until it answers. Debian's mariadb-server has what it needs. The
// caller has to Stop it.
func StartMariaDB(ctx context.Context, options ...MariaDBOption) (*MariaDB, error) {
	dir, err := os.MkdirTemp("", "mariadb")
	if err != nil {
		return nil, err
	}
	m := &MariaDB{dir: dir}
	for _, o := range options {
		o(m)
	}
	if err = m.install(ctx); err == nil {
		err = m.Start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, m.Stop())
	}
	return m, nil
}

// account is the unprivileged user that the server runs as: mariadbd refuses
// to be root.
func account() (name string, uid, gid int, err error) {
	if os.Getuid() != 0 {
		u, err := user.Current()
		if err != nil {
			return "", 0, 0, err
		}
		return u.Username, os.Getuid(), os.Getgid(), nil
	}
	u, err := user.Lookup("mysql")
	if err != nil {
		return "", 0, 0, fmt.Errorf("peer: mariadb-server is not installed: %w", err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return u.Username, uid, gid, errors.Join(err1, err2)
}

func (m *MariaDB) data() string   { return filepath.Join(m.dir, "data") }
func (m *MariaDB) socket() string { return filepath.Join(m.dir, "s") }

func (m *MariaDB) install(ctx context.Context) error {
	name, uid, gid, err := account()
	if err != nil {
		return err
	}
	if err := os.Chown(m.dir, uid, gid); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mariadb-install-db", "--no-defaults", "--user="+name, "--datadir="+m.data(),
		"--auth-root-authentication-method=normal", "--skip-test-db")
	// A server that starts removes the temporary tables that it finds, also those
	// of another one that starts beside it.
	cmd.Env = append(os.Environ(), "TMPDIR="+m.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("peer: mariadb-install-db: %w\n%s", err, out)
	}
	return nil
}

// Start runs the server on its directory again, after [MariaDB.Kill].
func (m *MariaDB) Start(ctx context.Context) error {
	_, uid, gid, err := account()
	if err != nil {
		return err
	}
	var as *syscall.Credential
	if os.Getuid() == 0 {
		as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	bin, err := exec.LookPath("mariadbd")
	if err != nil {
		if bin, err = exec.LookPath("/usr/sbin/mariadbd"); err != nil {
			return fmt.Errorf("peer: mariadb-server is not installed: %w", err)
		}
	}
	m.proc, err = start(as, bin, append([]string{"--no-defaults", "--datadir=" + m.data(), "--tmpdir=" + m.dir, "--socket=" + m.socket(),
		"--pid-file=" + filepath.Join(m.dir, "pid"), "--skip-networking", "--skip-log-bin", "--performance-schema=0",
		"--innodb-buffer-pool-size=16M", "--innodb-log-file-size=16M", "--key-buffer-size=1M", "--max-connections=100",
		// Tests end processes, not machines: what the kernel has is safe.
		"--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=2", "--sync-frm=0",
		"--character-set-server=utf8mb4", "--skip-name-resolve"}, m.args...)...)
	if err != nil {
		return fmt.Errorf("peer: mariadbd: %w", err)
	}
	db, err := sql.Open("mysql", m.DSN(""))
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-m.proc.done:
			return fmt.Errorf("peer: mariadbd ended: %w\n%s", m.proc.err, m.proc.output.String())
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// DSN is where the server's database of that name is, as go-sql-driver wants
// it.
func (m *MariaDB) DSN(database string) string {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = "root", "unix", m.socket(), database
	c.Logger = &mysql.NopLogger{}
	return c.FormatDSN()
}

// Create makes an empty database.
func (m *MariaDB) Create(ctx context.Context, database string) error {
	db, err := sql.Open("mysql", m.DSN(""))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "CREATE DATABASE "+database)
	return err
}

// PID is the process of the server.
func (m *MariaDB) PID() int { return m.proc.cmd.Process.Pid }

// Kill ends the server as a power cut would, but for what the kernel has
// taken over already. Start runs it again.
func (m *MariaDB) Kill() { m.proc.signal(syscall.SIGKILL) }

// Stop ends the server and removes its data.
func (m *MariaDB) Stop() error {
	if m.proc != nil {
		m.proc.signal(syscall.SIGKILL) // there is nothing to save
	}
	return os.RemoveAll(m.dir)
}

// Selects is the number of SELECT statements that clients ever sent to the
// server. Asking is none.
func (m *MariaDB) Selects(ctx context.Context) (int64, error) {
	db, err := sql.Open("mysql", m.DSN(""))
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var name string
	var n int64
	err = db.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Com_select'").Scan(&name, &n)
	return n, err
}
