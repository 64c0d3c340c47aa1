package relay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// FileStore keeps states as files of one directory, which only its owner can
// read. It survives the death of the process, and of the machine as far as
// the file system does: nothing is synced. A directory in memory (tmpfs) keeps
// keys off the disk.
type FileStore struct{ dir string }

var _ Store = (*FileStore)(nil)

const (
	stateSuffix = ".json"
	maxState    = 4 << 20 // octets of a file that is read
)

// NewFileStore makes the directory if need be and takes others' rights to it
// away.
func NewFileStore(dir string) (*FileStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("relay: store: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("relay: store: %w", err)
	}
	return &FileStore{dir}, nil
}

// file is that of a call: its name can hold anything.
func (f *FileStore) file(callID string) string {
	sum := sha256.Sum256([]byte(callID))
	return filepath.Join(f.dir, hex.EncodeToString(sum[:])+stateSuffix)
}

// Save implements Store: a reader sees the state before or this one.
func (f *FileStore) Save(ctx context.Context, callID string, state []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(f.dir, "new-*")
	if err != nil {
		return fmt.Errorf("relay: store: %w", err)
	}
	_, err = tmp.Write(state)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), f.file(callID))
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return fmt.Errorf("relay: store: %w", err)
	}
	return nil
}

// Delete implements Store.
func (f *FileStore) Delete(ctx context.Context, callID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := os.Remove(f.file(callID))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("relay: store: %w", err)
	}
	return nil
}

// All implements Store. What is damaged, and what a dying process left half
// written, is removed.
func (f *FileStore) All(ctx context.Context) iter.Seq2[Kept, error] {
	return func(yield func(Kept, error) bool) {
		entries, err := os.ReadDir(f.dir) // what was read so far, with an error
		for _, e := range entries {
			name := filepath.Join(f.dir, e.Name())
			if strings.HasPrefix(e.Name(), "new-") {
				_ = os.Remove(name)
			}
			if !strings.HasSuffix(e.Name(), stateSuffix) {
				continue
			}
			k, err := f.read(name)
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted meanwhile
			}
			if ctx.Err() != nil {
				k, err = Kept{}, ctx.Err()
			}
			if !yield(k, err) || ctx.Err() != nil {
				return
			}
		}
		if err != nil {
			yield(Kept{}, fmt.Errorf("relay: store: %w", err))
		}
	}
}

// read reads a file, and removes it when it is none of ours.
func (f *FileStore) read(name string) (Kept, error) {
	info, err := os.Stat(name)
	var b []byte
	if err == nil && info.Size() <= maxState {
		b, err = os.ReadFile(name)
	}
	if err != nil {
		return Kept{}, fmt.Errorf("%w: %w", ErrState, err)
	}
	var head struct {
		CallID string `json:"call_id"`
	}
	if json.Unmarshal(b, &head) != nil || f.file(head.CallID) != name {
		return Kept{}, errors.Join(fmt.Errorf("%w: a file is damaged", ErrState), os.Remove(name))
	}
	return Kept{CallID: head.CallID, State: b}, nil
}
