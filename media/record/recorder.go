package record

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/class5-go/class5/media/wav"
)

// maxFile keeps lengths within the 32 bits of a WAVE header.
const maxFile = 4<<30 - 1<<20

// Recorder makes recordings. Make one with [New]; it is safe for concurrent
// use.
type Recorder struct {
	cfg   Config
	log   *slog.Logger
	now   func() time.Time
	store store
	pool  pool

	mu     sync.Mutex
	closed bool
	active map[*Recording]struct{}
	ended  Stats
	wg     sync.WaitGroup
}

// Stats counts recordings.
type Stats struct {
	Active               int
	Complete, Incomplete uint64 // that have ended
}

// Stats returns the counts since New.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.ended
	s.Active = len(r.active)
	return s
}

func (r *Recorder) end(complete bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if complete {
		r.ended.Complete++
	} else {
		r.ended.Incomplete++
	}
}

// New opens the directory.
func New(cfg Config, opts ...Option) (*Recorder, error) {
	d, err := openDirectory(cfg.Dir)
	if err != nil {
		return nil, err
	}
	return newRecorder(cfg, d, opts), nil
}

func newRecorder(cfg Config, s store, opts []Option) *Recorder {
	if cfg.Memory <= 0 {
		cfg.Memory = 64 << 20
	}
	if cfg.MaxRecordings <= 0 {
		cfg.MaxRecordings = 1000
	}
	if cfg.MaxFile <= 0 {
		cfg.MaxFile = 2 << 30
	}
	cfg.MaxFile = min(cfg.MaxFile, maxFile)
	r := &Recorder{cfg: cfg, log: slog.New(slog.DiscardHandler), now: time.Now, store: s, active: map[*Recording]struct{}{}}
	r.pool.left = max(cfg.Memory/chunkSize, 1)
	for _, o := range opts {
		o(r)
	}
	return r
}

// Start begins a recording. Its files are there when Start returns.
func (r *Recorder) Start(spec Spec) (*Recording, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	if len(r.active) >= r.cfg.MaxRecordings {
		return nil, ErrRecordings
	}
	rec, err := newRecording(r, spec)
	if err != nil {
		return nil, err
	}
	r.active[rec] = struct{}{}
	r.wg.Go(rec.run)
	return rec, nil
}

func (s *Spec) check() error {
	if s.Rate == 0 {
		s.Rate = 8000
	}
	switch {
	case s.Rate < 4000 || s.Rate > MaxRate || s.Rate%100 != 0:
		return fmt.Errorf("%w: rate %d", ErrSpec, s.Rate)
	case s.Encoding > wav.MuLaw:
		return fmt.Errorf("%w: encoding %d", ErrSpec, s.Encoding)
	case s.Mix > Stereo:
		return fmt.Errorf("%w: mix %d", ErrSpec, s.Mix)
	case !s.PCAP && !s.WAV && len(s.Sinks) == 0:
		return fmt.Errorf("%w: nothing is to be written", ErrSpec)
	case s.CallID == "" || len(s.CallID) > 1024 || len(s.Label) > 1024:
		return fmt.Errorf("%w: call identifier of %d octets, label of %d", ErrSpec, len(s.CallID), len(s.Label))
	case len(s.Metadata) > MaxMetadata:
		return fmt.Errorf("%w: metadata of %d octets", ErrSpec, len(s.Metadata))
	}
	return nil
}

func (r *Recorder) remove(rec *Recording) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.active, rec)
}

// Count is the number of recordings that are not done.
func (r *Recorder) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.active)
}

// Close stops all recordings, waits until their files are complete, and
// closes the directory.
func (r *Recorder) Close() error {
	r.mu.Lock()
	already := r.closed
	r.closed = true
	for rec := range r.active {
		rec.Stop()
	}
	r.mu.Unlock()
	r.wg.Wait()
	if already {
		return nil
	}
	return r.store.close()
}
