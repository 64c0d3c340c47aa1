package memstore

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// journal is the directory on disk. Segment n holds changes; snapshot n holds
// all that was changed up to the end of segment n.
type journal struct {
	dir  string
	lock *os.File
	each bool // sync each change

	mu       sync.Mutex
	segment  *os.File
	number   uint64
	size     int64 // of the segment
	dirty    bool
	buf      []byte
	snapshot int64 // size of the last snapshot
	failed   bool  // a sync or snapshot failed: only a new snapshot makes the disk right
}

const (
	snapshotPrefix = "snapshot-"
	segmentPrefix  = "segment-"
	partSuffix     = ".part"
)

// ErrLocked is the error of Open when another process has the directory.
var ErrLocked = errors.New("memstore: directory is in use by another process")

func openDir(dir string, each bool) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("memstore: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("memstore: %w", err)
	}
	if err := lockFile(lock); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	return &journal{dir: dir, lock: lock, each: each}, nil
}

func (j *journal) name(prefix string, n uint64) string {
	return filepath.Join(j.dir, prefix+fmt.Sprintf("%016x", n))
}

// files gives the numbers of the files with a prefix, ascending.
func (j *journal) files(prefix string) ([]uint64, error) {
	list, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, err
	}
	var ns []uint64
	for _, e := range list {
		digits, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok || len(digits) != 16 {
			continue
		}
		if n, err := strconv.ParseUint(digits, 16, 64); err == nil {
			ns = append(ns, n)
		}
	}
	slices.Sort(ns)
	return ns, nil
}

// append writes one change. After an error the file is as it was for every
// reader: the next frame goes to the same place.
func (j *journal) append(aor string, record []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.segment == nil {
		return fmt.Errorf("memstore: journal: %w", fs.ErrClosed)
	}
	frame, err := appendFrame(j.buf[:0], aor, record)
	if err != nil {
		return err
	}
	j.buf = frame
	if _, err := j.segment.WriteAt(frame, j.size); err != nil {
		return fmt.Errorf("memstore: journal: %w", err)
	}
	if j.each {
		if err := j.segment.Sync(); err != nil {
			j.failed = true
			return fmt.Errorf("memstore: journal: %w", err)
		}
	}
	j.size += int64(len(frame))
	j.dirty = !j.each
	return nil
}

// sync makes what was appended safe. Writers go on meanwhile.
func (j *journal) sync() error {
	j.mu.Lock()
	f, dirty := j.segment, j.dirty
	j.dirty = false
	j.mu.Unlock()
	if f == nil || !dirty {
		return nil
	}
	if err := f.Sync(); err != nil {
		j.fail()
		return fmt.Errorf("memstore: journal: %w", err)
	}
	return nil
}

func (j *journal) fail() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failed = true
}

// due reports whether a new snapshot is worth its while.
func (j *journal) due(after int64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed || j.size >= after && j.size >= 2*j.snapshot
}

// rotate starts the next segment and gives the number of the one before. An
// empty segment serves again, so that a full disk does not fill with them.
func (j *journal) rotate() (uint64, error) {
	j.mu.Lock()
	n := j.number
	if j.segment != nil && j.size == 0 {
		j.mu.Unlock()
		return n - 1, nil
	}
	f, err := os.OpenFile(j.name(segmentPrefix, n+1), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		j.mu.Unlock()
		return 0, err
	}
	old := j.segment
	j.segment, j.number, j.size, j.dirty = f, n+1, 0, false
	j.mu.Unlock()
	if old != nil {
		// Until the snapshot stands this segment is needed.
		err = errors.Join(old.Sync(), old.Close())
	}
	return n, err
}

// writeSnapshot writes snapshot n from what records yields and removes what
// it makes needless.
func (j *journal) writeSnapshot(n uint64, records func(write func(aor, record string) error) error) error {
	name := j.name(snapshotPrefix, n)
	f, err := os.OpenFile(name+partSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(name + partSuffix) // gone already when all went well
	w := bufio.NewWriterSize(f, 1<<18)
	var size int64
	var frame []byte
	err = records(func(aor, record string) error {
		var err error
		if frame, err = appendFrame(frame[:0], aor, record); err != nil {
			return err
		}
		size += int64(len(frame))
		_, err = w.Write(frame)
		return err
	})
	if err == nil {
		err = errors.Join(w.Flush(), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(name+partSuffix, name); err != nil {
		return err
	}
	if err := j.syncDir(); err != nil {
		return err
	}
	j.mu.Lock()
	j.snapshot, j.failed = size, false
	j.mu.Unlock()
	return j.clean(n)
}

// clean removes segments up to n and snapshots before n.
func (j *journal) clean(n uint64) error {
	segments, err := j.files(segmentPrefix)
	if err != nil {
		return err
	}
	snapshots, err := j.files(snapshotPrefix)
	if err != nil {
		return err
	}
	for _, k := range segments {
		if k <= n {
			err = errors.Join(err, os.Remove(j.name(segmentPrefix, k)))
		}
	}
	for _, k := range snapshots {
		if k < n {
			err = errors.Join(err, os.Remove(j.name(snapshotPrefix, k)))
		}
	}
	return err
}

func (j *journal) syncDir() error {
	d, err := os.Open(j.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (j *journal) close() error {
	err := j.sync()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.segment != nil {
		err = errors.Join(err, j.segment.Close())
		j.segment = nil
	}
	return errors.Join(err, j.lock.Close())
}
