package filerelay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/class5-go/class5/media/relay"
)

const (
	singleSuffix = ".json"
	singlePrefix = "new-" // of one that was being written
	maxSingle    = 4 << 20
)

// single is the name of the file that a session had for itself.
func single(callID string) string {
	sum := sha256.Sum256([]byte(callID))
	return hex.EncodeToString(sum[:]) + singleSuffix
}

// isSingle tells whether a file is one of those.
func isSingle(name string) bool {
	return strings.HasPrefix(name, singlePrefix) || len(name) == 2*sha256.Size+len(singleSuffix) && strings.HasSuffix(name, singleSuffix)
}

// migrate writes to a log what is in files of single sessions, and removes those.
// The process that wrote them did so before its signalling went on, so that they
// were current when it died.
func (s *Store) migrate(ctx context.Context, before owner) (owner, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return before, err
	}
	var names []string
	for _, e := range entries {
		if isSingle(e.Name()) {
			names = append(names, filepath.Join(s.dir, e.Name()))
		}
	}
	if len(names) == 0 {
		return before, nil
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return before, err
		}
		if strings.HasPrefix(filepath.Base(name), singlePrefix) {
			continue
		}
		k, err := readSingle(name)
		if errors.Is(err, relay.ErrState) {
			s.logs.unread = append(s.logs.unread, err)
			continue
		}
		if err == nil {
			err = s.logs.write([]relay.Change{{CallID: k.CallID, State: k.State}})
		}
		if err != nil {
			return before, err
		}
	}
	if before.Word == "" {
		before = owner{Word: "files", Boot: bootID(), Current: sinceBoot()}
		if _, err := s.lock.write(before); err != nil {
			return before, err
		}
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			return before, err
		}
	}
	return before, nil
}

// readSingle reads a file of one session.
func readSingle(name string) (relay.Kept, error) {
	info, err := os.Stat(name)
	if err != nil {
		return relay.Kept{}, err
	}
	if info.Size() > maxSingle {
		return relay.Kept{}, fmt.Errorf("%w: a file of %d octets", relay.ErrState, info.Size())
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return relay.Kept{}, err
	}
	var head struct {
		CallID string `json:"call_id"`
	}
	if json.Unmarshal(b, &head) != nil || single(head.CallID) != filepath.Base(name) || head.CallID == "" {
		return relay.Kept{}, fmt.Errorf("%w: a file is damaged", relay.ErrState)
	}
	return relay.Kept{CallID: head.CallID, State: b}, nil
}
