package ship

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Sink takes files.
type Sink interface {
	// Put makes a file whole or not at all: written under another name, made
	// durable, renamed. A file that is there with the same content is success;
	// with another content it is ErrExists, and it stays as it is. The name
	// has slashes for folders, which are made.
	Put(ctx context.Context, name string, content []byte) error
}

// ErrExists says that a file of the name is there with another content.
var ErrExists = errors.New("ship: file exists with another content")

// ErrName says that a name would lead out of the sink, or hides the file.
var ErrName = errors.New("ship: bad file name")

// CheckName reports whether a sink may take a name: relative, without empty
// parts and parts that begin with a dot.
func CheckName(name string) error {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || strings.ContainsAny(part, "\\\x00") || len(part) > 200 {
			return fmt.Errorf("%w: %.100q", ErrName, name)
		}
	}
	return nil
}

// TempName is the name under which a sink writes a file before it is whole. It
// is the same for every attempt, so that nothing is left behind.
func TempName(name string) string {
	dir, file := "", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		dir, file = name[:i+1], name[i+1:]
	}
	return dir + "." + file + ".part"
}

// Dir is a Sink that is a directory of the operating system. One exporter at a
// time may write to it.
type Dir string

// Put implements Sink.
func (d Dir) Put(ctx context.Context, name string, content []byte) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	path := filepath.Join(string(d), filepath.FromSlash(name))
	switch same, err := d.same(path, content); {
	case err != nil:
		return fmt.Errorf("ship: %w", err)
	case same:
		// The process may have ended between rename and this.
		return d.sync(filepath.Dir(path))
	}
	if err := d.mkdir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("ship: %w", err)
	}
	temp := filepath.Join(string(d), filepath.FromSlash(TempName(name)))
	if err := write(temp, content); err != nil {
		return fmt.Errorf("ship: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("ship: %w", err)
	}
	return d.sync(filepath.Dir(path))
}

// same reports whether the file is there as it should be.
func (d Dir) same(path string, content []byte) (bool, error) {
	had, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !bytes.Equal(had, content) {
		return false, fmt.Errorf("%w: %s has SHA-256 %x, not %x", ErrExists, path, sha256.Sum256(had), sha256.Sum256(content))
	}
	return true, nil
}

func write(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// mkdir makes a folder and those above it durable.
func (d Dir) mkdir(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if up := filepath.Dir(path); path != string(d) && up != path {
		if err := d.mkdir(up); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func (d Dir) sync(path string) error {
	if err := syncDir(path); err != nil {
		return fmt.Errorf("ship: %w", err)
	}
	return nil
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
