package filerelay

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/class5-go/class5/media/relay"
)

// Store is a relay.Store in a directory. A write takes as long as the file system
// does; its context bounds the wait for another process only.
type Store struct {
	dir string

	// reading is held for reading by who goes through the logs, and for writing to
	// remove some.
	reading sync.RWMutex

	mu    sync.Mutex
	lock  *lockFile
	owner owner  // this process; without a word: it has not opened the directory
	wrote []byte // what stands in the owner's file
	logs  *logs
}

var _ relay.Store = (*Store)(nil)

// New makes the directory if need be and takes others' rights to it away.
func New(dir string) (*Store, error) {
	s := &Store{dir: dir}
	if err := s.prepare(); err != nil {
		return nil, failed(err)
	}
	return s, nil
}

func (s *Store) prepare() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(s.dir, 0o700)
}

// Close closes the files. What is in them stays.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return failed(s.close())
}

func (s *Store) close() (err error) {
	if s.logs != nil {
		err = s.logs.closeLast()
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	s.lock, s.logs, s.owner, s.wrote = nil, nil, owner{}, nil
	return err
}

func failed(err error) error {
	if err == nil || errors.Is(err, relay.ErrStoreLost) || errors.Is(err, relay.ErrStoreTaken) || errors.Is(err, relay.ErrState) {
		return err
	}
	return fmt.Errorf("filerelay: %w", err)
}

// Open implements relay.Store.
func (s *Store) Open(ctx context.Context) (age time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age, err = s.open(ctx)
	if err != nil {
		err = errors.Join(err, s.close())
	}
	return age, failed(err)
}

func (s *Store) open(ctx context.Context) (age time.Duration, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := errors.Join(s.close(), s.prepare()); err != nil {
		return 0, err
	}
	if s.lock, err = openLock(s.dir); err != nil {
		return 0, err
	}
	if err := s.lock.lock(ctx); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.lock.unlock()) }()
	before, _, err := s.lock.read()
	if err != nil {
		return 0, err
	}
	if s.logs, err = scan(ctx, s.dir, nil); err != nil {
		return 0, err
	}
	if before, err = s.migrate(ctx, before); err != nil {
		return 0, err
	}
	age = before.age()
	if len(s.logs.damaged) > 0 {
		age = -1 // older states may stand where newer ones were
	}
	o := owner{Word: rand.Text(), Number: before.Number + 1, Boot: bootID(), Began: true}
	if s.wrote, err = s.lock.write(o); err != nil {
		return 0, err
	}
	s.owner = o
	return age, nil
}

// locked does something as the one who writes. The caller holds the mutex.
func (s *Store) locked(ctx context.Context, do func() error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.owner.Word == "" {
		return relay.ErrStoreLost // it was never opened, or not again
	}
	if err := s.lock.lock(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.lock.unlock()) }()
	now, raw, err := s.lock.read()
	switch {
	case err != nil:
		return err
	case bytes.Equal(raw, s.wrote):
		return do()
	case now.Number > s.owner.Number:
		return relay.ErrStoreTaken
	}
	return relay.ErrStoreLost
}

// Apply implements relay.Store.
func (s *Store) Apply(ctx context.Context, changes []relay.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return failed(s.locked(ctx, func() error { return s.write(changes) }))
}

func (s *Store) write(changes []relay.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if s.reading.TryLock() { // else logs stay as long as somebody reads
		err := s.logs.clean() // before the write, which finds room then
		s.reading.Unlock()
		if err != nil {
			return err
		}
	}
	return s.logs.write(changes)
}

// Confirm implements relay.Store.
func (s *Store) Confirm(ctx context.Context, ago time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return failed(s.locked(ctx, func() error {
		if !s.logs.there() {
			return relay.ErrStoreLost
		}
		o := s.owner
		o.Current, o.Began = sinceBoot()-ago, false
		wrote, err := s.lock.write(o)
		if err == nil {
			s.owner, s.wrote = o, wrote
		}
		return err
	}))
}

// Retain implements relay.Store.
func (s *Store) Retain(ctx context.Context, keep func(callID string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return failed(s.locked(ctx, func() error {
		var ended []relay.Change
		for callID := range s.logs.places {
			if !keep(callID) {
				ended = append(ended, relay.Change{CallID: callID})
			}
		}
		for some := range slices.Chunk(ended, 1000) {
			if err := s.write(some); err != nil {
				return err
			}
		}
		return nil
	}))
}

// All implements relay.Store. Before Open it reads what another process writes.
func (s *Store) All(ctx context.Context) iter.Seq2[relay.Kept, error] {
	return func(yield func(relay.Kept, error) bool) {
		s.reading.RLock()
		defer s.reading.RUnlock()
		s.mu.Lock()
		opened := s.owner.Word != ""
		var at logs // of now: the owner's goes on
		if opened {
			at = *s.logs
			at.segments, at.places = slices.Clone(at.segments), maps.Clone(at.places)
		}
		s.mu.Unlock()
		if !opened {
			s.peek(ctx, yield)
			return
		}
		for _, err := range slices.Concat(at.damaged, at.unread) {
			if !yield(relay.Kept{}, err) {
				return
			}
		}
		for _, l := range at.segments {
			left := false
			err := at.living(l, func(callID string, state []byte) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				if left = !yield(relay.Kept{CallID: callID, State: bytes.Clone(state)}, nil); left {
					return errLeft
				}
				return nil
			})
			if left {
				return
			}
			if err != nil {
				yield(relay.Kept{}, failed(err))
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(relay.Kept{}, failed(err))
		}
	}
}

var errLeft = errors.New("filerelay: nobody reads on")

// peek reads all at once.
func (s *Store) peek(ctx context.Context, yield func(relay.Kept, error) bool) {
	all := map[string][]byte{}
	l, err := s.look(ctx, func(callID string, state []byte) {
		if delete(all, callID); len(state) > 0 {
			all[callID] = bytes.Clone(state)
		}
	})
	if err != nil {
		yield(relay.Kept{}, failed(err))
		return
	}
	for _, err := range l.damaged {
		if !yield(relay.Kept{}, err) {
			return
		}
	}
	for callID, state := range all {
		if !yield(relay.Kept{CallID: callID, State: state}, nil) {
			return
		}
	}
}

// look scans the directory while nobody writes to it.
func (s *Store) look(ctx context.Context, see func(callID string, state []byte)) (l *logs, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := openLock(s.dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }() // the lock ends with it
	if err := f.lock(ctx); err != nil {
		return nil, err
	}
	return scan(ctx, s.dir, see)
}
