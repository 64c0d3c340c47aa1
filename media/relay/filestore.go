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

// All implements Store. Files that cannot be read are left out; what a dying
// process left half written is removed.
func (f *FileStore) All(ctx context.Context) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		entries, _ := os.ReadDir(f.dir) // what was read so far, with an error
		for _, e := range entries {
			name := filepath.Join(f.dir, e.Name())
			if strings.HasPrefix(e.Name(), "new-") {
				_ = os.Remove(name)
			}
			info, err := e.Info()
			if err != nil || ctx.Err() != nil || !strings.HasSuffix(e.Name(), stateSuffix) || info.Size() > maxState {
				continue
			}
			b, err := os.ReadFile(name)
			var head struct {
				CallID string `json:"call_id"`
			}
			if err != nil || json.Unmarshal(b, &head) != nil || f.file(head.CallID) != name {
				continue
			}
			if !yield(head.CallID, b) {
				return
			}
		}
	}
}
