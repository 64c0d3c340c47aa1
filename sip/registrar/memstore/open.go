package memstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/class5-go/class5/sip/registrar"
)

// Recovery tells what Open found.
type Recovery struct {
	Records int // addresses of record alive
	Frames  int // frames read, of snapshot and segments
	Damaged []Damage
}

// Damage is the end of a file that could not be read: a torn write after a
// kill (a few octets) or worse.
type Damage struct {
	File   string
	Offset int64 // where good frames end
	Octets int64 // left out behind it
}

// Open makes a store with a journal in cfg.Dir and fills it with what the
// journal holds. It fails with ErrLocked when another process has it open,
// or with what the file system says. A damaged end of a file is not an error;
// see Recovery.
func Open(cfg Config) (*Store, Recovery, error) {
	if cfg.Dir == "" {
		return nil, Recovery{}, errors.New("memstore: a journal needs a directory")
	}
	s := New()
	s.cfg = cfg
	s.cfg.defaults()
	j, err := openDir(cfg.Dir, s.cfg.SyncInterval < 0)
	if err != nil {
		return nil, Recovery{}, err
	}
	rec, err := s.recover(j)
	if err == nil {
		// From here on the state is one clean snapshot and an empty segment,
		// whatever was found.
		s.journal = j
		err = s.compact()
	}
	if err != nil {
		return nil, rec, errors.Join(fmt.Errorf("memstore: %w", err), j.close())
	}
	return s, rec, nil
}

// recover reads the last snapshot and all segments after it.
func (s *Store) recover(j *journal) (Recovery, error) {
	var rec Recovery
	snapshots, err := j.files(snapshotPrefix)
	if err != nil {
		return rec, err
	}
	var last uint64
	if n := len(snapshots); n > 0 {
		last = snapshots[n-1]
		j.number = last
		if err := s.read(j.name(snapshotPrefix, last), &rec); err != nil {
			return rec, err
		}
	}
	segments, err := j.files(segmentPrefix)
	if err != nil {
		return rec, err
	}
	for _, n := range segments {
		j.number = max(j.number, n)
		if n <= last {
			continue // the snapshot has it; its removal was cut short
		}
		if err := s.read(j.name(segmentPrefix, n), &rec); err != nil {
			return rec, err
		}
	}
	rec.Records = s.settle(s.cfg.Now())
	return rec, nil
}

// read applies the frames of one file.
func (s *Store) read(name string, rec *Recovery) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	good, err := readFrames(f, func(aor, record []byte) {
		rec.Frames++
		sh := s.shard(string(aor))
		if len(record) == 0 {
			delete(sh.records, string(aor))
			return
		}
		sh.records[string(aor)] = entry{record: string(record)}
	})
	if err == nil {
		return nil
	}
	if !errors.Is(err, errTorn) {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	rec.Damaged = append(rec.Damaged, Damage{File: filepath.Base(name), Offset: good, Octets: info.Size() - good})
	return nil
}

// settle drops what expired while nobody ran and lines up the rest to expire.
func (s *Store) settle(now time.Time) int {
	n := 0
	for i := range s.shards {
		sh := &s.shards[i]
		for aor, e := range sh.records {
			bs, err := registrar.DecodeBindings(sh.bindings[:0], e.record, now)
			if err != nil || len(bs) == 0 {
				delete(sh.records, aor)
				continue
			}
			sh.records[aor] = entry{record: e.record, due: earliest(bs)}
			n++
		}
		sh.rebuild()
	}
	return n
}

// compact writes a snapshot beside the running store. When it fails it is due
// again.
func (s *Store) compact() error {
	n, err := s.journal.rotate()
	if err == nil {
		err = s.snapshot(n)
	}
	if err != nil {
		s.journal.fail()
	}
	return err
}

func (s *Store) snapshot(n uint64) error {
	return s.journal.writeSnapshot(n, func(write func(aor, record string) error) error {
		var names, records []string
		for i := range s.shards {
			// A change after the rotation may be in here already; replaying
			// its frame over it alters nothing.
			names, records = s.shards[i].copy(names[:0], records[:0])
			for j := range names {
				if err := write(names[j], records[j]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Run expires, syncs and compacts until ctx ends, then syncs once more and
// returns nil. Failures of the disk are logged and tried again.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(max(s.cfg.SyncInterval, 100*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.sync()
		case <-tick.C:
		}
		s.Expire(s.cfg.Now())
		if s.journal == nil {
			continue
		}
		err := s.sync()
		if s.journal.due(s.cfg.CompactAfter) {
			err = errors.Join(err, s.compact())
		}
		if err != nil {
			s.cfg.Logger.ErrorContext(ctx, "journal of registrations", "dir", s.cfg.Dir, "error", err)
		}
	}
}

func (s *Store) sync() error {
	if s.journal == nil {
		return nil
	}
	return s.journal.sync()
}

// Close syncs and closes the journal and frees its directory. The store must
// not be used afterwards: changes fail. Run must have returned.
func (s *Store) Close() error {
	if s.journal == nil {
		return nil
	}
	return s.journal.close()
}
