package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// store is the directory; tests replace it.
type store interface {
	create(name string) (diskFile, error) // must not exist
	exists(name string) bool
	rename(from, to string) error
	remove(name string)
	close() error
}

type diskFile interface {
	io.Writer
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// directory opens files below a root only, whatever symbolic links lie there.
type directory struct{ root *os.Root }

func openDirectory(dir string) (*directory, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return &directory{root}, nil
}

func (d *directory) create(name string) (diskFile, error) {
	if dir := path.Dir(name); dir != "." {
		if err := d.root.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	return d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (d *directory) exists(name string) bool {
	_, err := d.root.Lstat(name)
	return err == nil
}

func (d *directory) rename(from, to string) error { return d.root.Rename(from, to) }
func (d *directory) remove(name string)           { _ = d.root.Remove(name) }
func (d *directory) close() error                 { return d.root.Close() }

const (
	part       = ".part"
	incomplete = ".incomplete"
	maxSame    = 1000 // recordings with the same name
)

// buffered is what is written to a file at a time.
const buffered = 16 << 10

// file is one that is being written.
type file struct {
	store     store
	name, ext string // without and with the dot
	f         diskFile
	buf       []byte
	disk, max int64 // octets on the disk, at most
	over      bool  // writing over what is there, from at on
	at        int64
}

// create makes name.ext.part. When there is a file of that name already, a
// number is added.
func create(s store, name, ext string, limit int64) (*file, error) {
	for i := 1; i <= maxSame; i++ {
		try := name
		if i > 1 {
			try = fmt.Sprintf("%s-%d", name, i)
		}
		f, err := s.create(try + ext + part)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("record: %w", err)
		}
		if s.exists(try+ext) || s.exists(try+incomplete+ext) {
			_ = f.Close()
			s.remove(try + ext + part)
			continue
		}
		return &file{store: s, name: try, ext: ext, f: f, buf: make([]byte, 0, buffered), max: limit}, nil
	}
	return nil, fmt.Errorf("%w: %d files are called %s", ErrName, maxSame, name)
}

// size is what the file holds when all is written.
func (f *file) size() int64 { return f.disk + int64(len(f.buf)) }

// Write implements io.Writer. What is given at once stays together: a file
// that cannot be completed ends behind such a piece.
func (f *file) Write(b []byte) (int, error) {
	if f.over {
		n, err := f.f.WriteAt(b, f.at)
		f.at += int64(n)
		return n, err
	}
	if f.size()+int64(len(b)) > f.max {
		return 0, ErrFileSize
	}
	if len(f.buf)+len(b) > cap(f.buf) {
		if err := f.flush(); err != nil {
			return 0, err
		}
	}
	f.buf = append(f.buf, b...)
	return len(b), nil
}

// Seek implements io.Seeker for those who complete the beginning of a file:
// from an offset on, what is there is written over, until they seek to the end.
func (f *file) Seek(offset int64, whence int) (int64, error) {
	err := f.flush()
	f.over, f.at = whence == io.SeekStart, offset
	if !f.over {
		f.at = f.disk
	}
	return f.at, err
}

func (f *file) flush() error {
	_, err := f.f.Write(f.buf)
	if err == nil {
		f.disk += int64(len(f.buf))
	} else {
		err = errors.Join(err, f.f.Truncate(f.disk))
	}
	f.buf = f.buf[:0]
	return err
}

// finish gives the file its name; it returns that name and the first error.
// An incomplete file keeps what was written.
func (f *file) finish(complete bool) (string, error) {
	err := f.flush()
	err = errors.Join(err, f.f.Sync())
	err = errors.Join(err, f.f.Close())
	to := f.name + f.ext
	if !complete || err != nil {
		to = f.name + incomplete + f.ext
	}
	if e := f.store.rename(f.name+f.ext+part, to); e != nil {
		return f.name + f.ext + part, errors.Join(err, e)
	}
	return to, err
}

func (f *file) discard() {
	_ = f.f.Close()
	f.store.remove(f.name + f.ext + part)
}
