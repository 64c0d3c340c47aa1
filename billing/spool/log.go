package spool

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Errors of a log.
var (
	// ErrFull says that a record does not fit into Config.MaxBytes or onto
	// the disk.
	ErrFull = errors.New("spool: full")
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("spool: closed")
	// ErrRecord says that a record is empty or longer than Config.MaxRecord.
	ErrRecord = errors.New("spool: record too long or empty")
	// ErrGone says that records were asked for that were acknowledged and
	// removed.
	ErrGone = errors.New("spool: records are gone")
	// ErrOffset says that an offset is behind the end of the log: it belongs
	// to another log, or this one was lost and begun anew.
	ErrOffset = errors.New("spool: offset behind the end")
)

// Config sets a log up.
type Config struct {
	FS FS // where the segments are: Dir(path)

	// SegmentSize is the size at which a new segment begins; 64 MiB when 0.
	SegmentSize int64
	// MaxBytes bounds the whole log; 4 GiB when 0.
	MaxBytes int64
	// MaxRecord bounds the data of one record; 256 KiB when 0.
	MaxRecord int
	// Policy says what Ready answers above the high watermark; RefuseCalls by
	// default.
	Policy Policy
	// HighWater is the size in bytes from which Ready warns, LowWater the one
	// below which it does not any more: nine and seven tenths of MaxBytes when
	// 0. What is between HighWater and MaxBytes is for the ends of calls that
	// run already.
	HighWater, LowWater int64
	// Delay is how long a group waits for company before it is written, 5 ms
	// at most. Without a delay a group is what came while the disk was busy
	// with the one before.
	Delay time.Duration
}

// maxDelay bounds what a caller waits for nothing.
const maxDelay = 5 * time.Millisecond

// Log is an open log.
type Log struct {
	cfg  Config
	id   ID
	lock io.Closer

	mu      sync.Mutex
	segs    []segment // the last one is written to
	pending *batch    // the group that collects
	writing int64     // bytes of the group that is being written
	spare   []byte    // room of a group that is done
	closed  bool
	high    bool          // above the high watermark, and not yet below the low one
	grown   chan struct{} // closed and replaced when the log grows or closes
	stats   Stats

	// The file of the last segment is the writing goroutine's alone.
	active File
	broken bool // the active segment must not be written to any more
	wake   chan struct{}
	quit   chan struct{}
	done   chan struct{}
}

// Stats are counters and gauges of a log.
type Stats struct {
	First, End Offset // what can be read
	Bytes      int64  // on disk, including what is being written
	MaxBytes   int64
	Segments   int

	High   bool   // above HighWater, and since then not below LowWater
	Alarms uint64 // how often HighWater was crossed upwards

	Appended uint64 // records made durable
	Groups   uint64 // writes and fsyncs they took
	Failed   uint64 // groups lost to an error of the disk
	Full     uint64 // records refused with ErrFull
	Torn     int64  // bytes cut off when the log was opened
	Damaged  uint64 // bytes that readers had to skip
}

// Open opens the log of a directory, or begins one. It cuts off what a crash
// left of the last group.
func Open(cfg Config) (*Log, error) {
	if cfg.FS == nil {
		return nil, errors.New("spool: no directory given")
	}
	if cfg.SegmentSize <= 0 {
		cfg.SegmentSize = 64 << 20
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 4 << 30
	}
	if cfg.MaxRecord <= 0 {
		cfg.MaxRecord = 256 << 10
	}
	cfg.Delay = min(cfg.Delay, maxDelay)
	if err := cfg.water(); err != nil {
		return nil, err
	}
	lock, err := cfg.FS.Lock()
	if err != nil {
		return nil, err
	}
	l := &Log{
		cfg: cfg, lock: lock, grown: make(chan struct{}),
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	if err := l.load(); err != nil {
		if l.active != nil {
			l.active.Close()
		}
		lock.Close()
		return nil, err
	}
	l.measure()
	go l.run()
	return l, nil
}

// load finds the segments and repairs the last one.
func (l *Log) load() error {
	segs, err := list(l.cfg.FS)
	if err != nil {
		return err
	}
	if len(segs) == 0 {
		if _, err := rand.Read(l.id[:]); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		l.segs = []segment{{}}
		return l.create(l.segs[0])
	}
	l.segs = segs
	known := false
	for i := range segs {
		ok, err := l.visit(i)
		if err != nil {
			return fmt.Errorf("spool: %s: %w", segs[i].name(), err)
		}
		known = known || ok
	}
	if !known {
		if _, err := rand.Read(l.id[:]); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
	}
	return l.repair()
}

// visit takes size and identity out of a segment, and keeps the last one open.
func (l *Log) visit(i int) (known bool, err error) {
	s := &l.segs[i]
	f, err := l.cfg.FS.Open(s.name(), false)
	if err != nil {
		return false, err
	}
	if i == len(l.segs)-1 {
		l.active = f
	} else {
		defer f.Close()
	}
	size, err := f.Size()
	if err != nil {
		return false, err
	}
	s.size = max(0, size-int64(segmentHeader))
	if i > 0 && l.segs[i-1].end() > s.base {
		// A group that failed was written again to a segment of its own.
		l.segs[i-1].size = int64(s.base - l.segs[i-1].base)
	}
	id, ok := readHeader(f, s.base)
	if ok {
		l.id = id
	}
	return ok, nil
}

// repair cuts the torn end off the last segment and sees to its header, which
// a crash may have kept from the disk too.
func (l *Log) repair() error {
	s := &l.segs[len(l.segs)-1]
	scan := scanner{f: l.active, base: s.base, most: l.cfg.MaxRecord}
	end, err := scan.recover(s.end())
	if err != nil {
		return fmt.Errorf("spool: %s: %w", s.name(), err)
	}
	torn := int64(s.end() - end)
	s.size -= torn
	l.stats.Torn = torn
	if _, ok := readHeader(l.active, s.base); ok && torn == 0 {
		return nil
	}
	_, err = l.active.WriteAt(header(s.base, l.id), 0)
	if err == nil {
		err = l.active.Truncate(int64(segmentHeader) + s.size)
	}
	if err == nil {
		err = l.active.Sync()
	}
	if err != nil {
		return fmt.Errorf("spool: repair of %s: %w", s.name(), err)
	}
	return nil
}

// ID returns the name of the log, the same for its whole life and another one
// for every other log.
func (l *Log) ID() ID { return l.id }

// Stats returns counters and gauges.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.High = l.high
	s.First, s.End = l.segs[0].base, l.end()
	s.Bytes, s.MaxBytes, s.Segments = l.bytes(), l.cfg.MaxBytes, len(l.segs)
	return s
}

// end is where the durable part of the log ends.
func (l *Log) end() Offset { return l.segs[len(l.segs)-1].end() }

// bytes is what the log takes, with what is about to be written.
func (l *Log) bytes() int64 {
	n := int64(len(l.segs)*segmentHeader) + l.writing
	for _, s := range l.segs {
		n += s.size
	}
	if l.pending != nil {
		n += int64(len(l.pending.buf))
	}
	return n
}

// Append appends a record and returns, once it is durable, the offset behind
// it. When ctx ends first, the record may become durable or not.
func (l *Log) Append(ctx context.Context, k Key, data []byte) (Offset, error) {
	t, err := l.Begin(k, data)
	if err != nil {
		return 0, err
	}
	return t.Wait(ctx)
}

// Ack tells that nobody needs the records before an offset. Segments that end
// there or before it are removed, the last one excepted.
func (l *Log) Ack(o Offset) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o > l.end() {
		return fmt.Errorf("%w: acknowledged up to %d, the end is %d", ErrOffset, o, l.end())
	}
	removed := false
	// The oldest first, so that a crash leaves no hole.
	for len(l.segs) > 1 && l.segs[1].base <= o {
		if err := l.cfg.FS.Remove(l.segs[0].name()); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
		l.segs = append(l.segs[:0:0], l.segs[1:]...)
		removed = true
	}
	l.measure()
	if removed {
		if err := l.cfg.FS.Sync(); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
	}
	return nil
}

// Close writes what was begun, ends all readers and closes the log.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.done
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	close(l.quit)
	<-l.done
	l.mu.Lock()
	close(l.grown)
	l.grown = nil
	l.mu.Unlock()
	return errors.Join(l.active.Close(), l.lock.Close())
}
