package spool

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// batch is a group of records that become durable together.
type batch struct {
	buf     []byte
	records uint64
	done    chan struct{} // closed when base and err are set
	base    Offset
	err     error
}

// maxSpare bounds the room that is kept for the next group.
const maxSpare = 1 << 20

// Ticket stands for a record on its way to the disk.
type Ticket struct {
	b   *batch
	end Offset // behind the record, within the group
}

// Done is closed when the outcome is known.
func (t Ticket) Done() <-chan struct{} { return t.b.done }

// Wait waits for the outcome: the offset behind the record once it is
// durable, or an error.
func (t Ticket) Wait(ctx context.Context) (Offset, error) {
	select {
	case <-t.b.done:
	case <-ctx.Done():
		select {
		case <-t.b.done: // both: the outcome is known, so tell it
		default:
			return 0, ctx.Err()
		}
	}
	if t.b.err != nil {
		return 0, t.b.err
	}
	return t.b.base + t.end, nil
}

// Begin hands a record over and does not wait for it. Records become durable
// in the order of the calls.
func (l *Log) Begin(k Key, data []byte) (Ticket, error) {
	if len(data) == 0 || len(data) > l.cfg.MaxRecord {
		return Ticket{}, fmt.Errorf("%w: %d bytes of at most %d", ErrRecord, len(data), l.cfg.MaxRecord)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return Ticket{}, ErrClosed
	}
	if n := l.bytes() + int64(recordHeader+len(data)); n > l.cfg.MaxBytes {
		l.stats.Full++
		return Ticket{}, fmt.Errorf("%w: it would hold %d bytes of at most %d", ErrFull, n, l.cfg.MaxBytes)
	}
	if l.pending == nil {
		l.pending = &batch{buf: l.spare, done: make(chan struct{})}
		l.spare = nil
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	b := l.pending
	b.buf = appendRecord(b.buf, k, data)
	b.records++
	l.measure()
	return Ticket{b, Offset(len(b.buf))}, nil
}

// run writes groups until the log is closed.
func (l *Log) run() {
	defer close(l.done)
	for {
		select {
		case <-l.wake:
			l.gather()
			l.flush()
		case <-l.quit:
			l.flush()
			return
		}
	}
}

// gather lets a group grow.
func (l *Log) gather() {
	if l.cfg.Delay <= 0 {
		return
	}
	t := time.NewTimer(l.cfg.Delay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.quit:
	}
}

// flush makes the pending group durable.
func (l *Log) flush() {
	l.mu.Lock()
	b := l.pending
	l.pending = nil
	if b == nil {
		l.mu.Unlock()
		return
	}
	l.writing = int64(len(b.buf))
	last := l.segs[len(l.segs)-1]
	l.mu.Unlock()

	b.base, b.err = l.commit(b, last)

	l.mu.Lock()
	l.writing = 0
	size := len(b.buf)
	if cap(b.buf) <= maxSpare {
		l.spare = b.buf[:0]
	}
	b.buf = nil
	if b.err == nil {
		l.segs[len(l.segs)-1].size += int64(size)
		l.stats.Appended += b.records
		l.stats.Groups++
		close(l.grown)
		l.grown = make(chan struct{})
	} else {
		l.stats.Failed++
	}
	l.measure()
	l.mu.Unlock()
	close(b.done)
}

// commit writes a group behind the last segment's records, or into a new
// segment.
func (l *Log) commit(b *batch, last segment) (Offset, error) {
	if l.broken || last.size >= l.cfg.SegmentSize {
		next := segment{base: last.end()}
		if err := l.create(next); err != nil {
			return 0, err
		}
		l.mu.Lock()
		if last.size == 0 {
			// A segment that failed before its first record is replaced.
			l.segs = l.segs[:len(l.segs)-1]
		}
		l.segs = append(l.segs, next)
		l.mu.Unlock()
		last = next
	}
	seal(b.buf, last.end())
	size := int64(segmentHeader) + last.size
	if _, err := l.active.WriteAt(b.buf, size); err != nil {
		// Nothing was synced, so cutting it off undoes it; if even that
		// fails the segment is given up.
		l.broken = l.active.Truncate(size) != nil
		return 0, diskError("write", err)
	}
	if err := l.active.Sync(); err != nil {
		// After a failed fsync nobody knows what is on disk, and a second one
		// would succeed without having written anything.
		l.broken = true
		return 0, diskError("fsync", err)
	}
	return last.end(), nil
}

// create makes the file of a new segment durable and writes go to it from now on.
func (l *Log) create(s segment) error {
	f, err := l.cfg.FS.Open(s.name(), true)
	if err != nil {
		return diskError("new segment", err)
	}
	_, err = f.WriteAt(header(s.base, l.id), 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = l.cfg.FS.Sync()
	}
	if err != nil {
		f.Close()
		return diskError("new segment", err)
	}
	if l.active != nil {
		l.active.Close()
	}
	l.active, l.broken = f, false
	return nil
}

func diskError(what string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %s: %w", ErrFull, what, err)
	}
	return fmt.Errorf("spool: %s: %w", what, err)
}
