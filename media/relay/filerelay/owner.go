package filerelay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/media/relay"
)

const (
	ownerName = "owner"
	// ownerSize is that of the file: it is written in one piece.
	ownerSize = 512
	// lockPause is the time between two looks at a lock that another process has.
	lockPause = time.Millisecond
)

// owner is who writes, as the file says.
type owner struct {
	Word   string `json:"word"`
	Number uint64 `json:"number"` // how many there were, with this one
	// Boot is the start of the machine that Current is of; that is when all was
	// current last, by the clock since then.
	Boot    string        `json:"boot"`
	Current time.Duration `json:"current"`
	Began   bool          `json:"began"` // and never said that anything is
}

// lockFile is the open file of the owner.
type lockFile struct {
	*os.File
	info os.FileInfo
	name string
}

func openLock(dir string) (*lockFile, error) {
	name := filepath.Join(dir, ownerName)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &lockFile{f, info, name}, nil
}

// lock keeps other processes, and other stores of this one, from the directory.
func (f *lockFile) lock(ctx context.Context) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return f.is()
		case errors.Is(err, unix.EINTR):
		case !errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("lock: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another process holds the lock: %w", ctx.Err())
		case <-time.After(lockPause):
		}
	}
}

// is tells, by an error, when the file is not that of the directory any more.
func (f *lockFile) is() error {
	info, err := os.Stat(f.name)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && !os.SameFile(info, f.info):
		return errors.Join(relay.ErrStoreLost, f.unlock())
	case err != nil:
		return errors.Join(err, f.unlock())
	}
	return nil
}

func (f *lockFile) unlock() error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// read is what the file says; of one that says nothing of use, a zero owner.
func (f *lockFile) read() (o owner, raw []byte, err error) {
	raw = make([]byte, ownerSize)
	n, err := f.ReadAt(raw, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err != nil || n < len(raw) {
		return owner{}, nil, err
	}
	if json.Unmarshal(bytes.TrimRight(raw, "\n"), &o) != nil {
		o = owner{}
	}
	return o, raw, nil
}

// write makes an owner the one of the directory and returns the file's content.
func (f *lockFile) write(o owner) ([]byte, error) {
	raw, err := json.Marshal(o)
	if err != nil || len(raw) > ownerSize {
		return nil, fmt.Errorf("an owner of %d octets: %w", len(raw), err)
	}
	raw = append(raw, bytes.Repeat([]byte{'\n'}, ownerSize-len(raw))...)
	_, err = f.WriteAt(raw, 0)
	return raw, err
}

// bootID names the start of the machine; empty: it cannot be told.
func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}

// sinceBoot is the time since the start of the machine.
func sinceBoot() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// age is how long ago all was current; negative: nobody knows.
func (o owner) age() time.Duration {
	now := sinceBoot()
	if o.Word == "" || o.Began || o.Boot == "" || o.Boot != bootID() || o.Current > now {
		return -1
	}
	return now - o.Current
}
