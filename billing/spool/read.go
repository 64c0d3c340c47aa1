package spool

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sort"
)

// DamageError says that bytes on disk are not what was written. No record was
// made of them. It is not the end: reading goes on behind them.
type DamageError struct{ From, To Offset }

// Error tells the offsets.
func (e *DamageError) Error() string {
	return fmt.Sprintf("spool: damaged from offset %d to %d", e.From, e.To)
}

// Read returns the records from an offset on, which is 0, Stats.First or an
// Entry.Next, and waits for further ones. Only durable records are returned.
//
// An error that is a *DamageError comes with an Entry of its offsets, without
// data, and reading may go on. Any other error is the last: ErrGone, ErrOffset,
// ErrClosed, that of ctx, or one of the disk.
func (l *Log) Read(ctx context.Context, from Offset) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		c := cursor{l: l, pos: from}
		defer c.close()
		for {
			e, err := c.next(ctx)
			if !yield(e, err) {
				return
			}
			if err != nil {
				if damage := (*DamageError)(nil); !errors.As(err, &damage) {
					return
				}
			}
		}
	}
}

// cursor is the state of one reader.
type cursor struct {
	l     *Log
	pos   Offset
	limit Offset // up to where the open segment may be read
	scan  scanner
}

func (c *cursor) close() {
	if c.scan.f != nil {
		c.scan.f.Close()
	}
}

// next returns the next record, waiting for it if need be.
func (c *cursor) next(ctx context.Context) (Entry, error) {
	if err := ctx.Err(); err != nil {
		return Entry{}, err
	}
	for c.pos >= c.limit || c.scan.f == nil {
		hole, err := c.move(ctx)
		if err != nil {
			return Entry{}, err
		}
		if hole > c.pos {
			return c.skip(hole)
		}
	}
	b, err := c.scan.record(c.pos, c.limit)
	if err != nil {
		return Entry{}, fmt.Errorf("spool: read: %w", err)
	}
	if b == nil {
		to, err := c.scan.next(c.pos+1, c.limit)
		if err != nil {
			return Entry{}, fmt.Errorf("spool: read: %w", err)
		}
		return c.skip(to)
	}
	e := Entry{Offset: c.pos, Next: c.pos + Offset(len(b)), Data: b[recordHeader:]}
	copy(e.Key[:], b[8:])
	c.pos = e.Next
	return e, nil
}

// skip reports damage and moves behind it.
func (c *cursor) skip(to Offset) (Entry, error) {
	e := Entry{Offset: c.pos, Next: to}
	c.pos = to
	c.l.mu.Lock()
	c.l.stats.Damaged += uint64(e.Next - e.Offset)
	c.l.mu.Unlock()
	return e, &DamageError{e.Offset, e.Next}
}

// move finds the segment for the position, waiting until there is one. Where
// bytes are missing between two segments it returns the end of that hole.
func (c *cursor) move(ctx context.Context) (hole Offset, err error) {
	for {
		s, limit, grown, err := c.l.locate(c.pos)
		if err != nil {
			return 0, err
		}
		if grown == nil {
			if limit > s.end() && c.pos >= s.end() {
				return limit, nil
			}
			return 0, c.open(s, min(limit, s.end()))
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// open makes a segment the one that is read.
func (c *cursor) open(s segment, limit Offset) error {
	if c.scan.f == nil || c.scan.base != s.base {
		f, err := c.l.cfg.FS.Open(s.name(), false)
		if err != nil {
			// It may have been acknowledged in this moment.
			if _, _, _, gone := c.l.locate(c.pos); gone != nil {
				return gone
			}
			return fmt.Errorf("spool: %w", err)
		}
		c.close()
		c.scan = scanner{f: f, base: s.base, most: c.l.cfg.MaxRecord, buf: c.scan.buf[:0]}
	}
	c.limit = limit
	return nil
}

// locate returns the segment that holds an offset and the offset at which the
// next one begins. At the end of the log it returns a channel that is closed
// when the log has grown.
func (l *Log) locate(o Offset) (s segment, limit Offset, grown <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, end := l.segs[0].base, l.end()
	switch {
	case l.grown == nil:
		return s, 0, nil, ErrClosed
	case o < first:
		return s, 0, nil, fmt.Errorf("%w: %d was asked for, the first is %d", ErrGone, o, first)
	case o > end:
		return s, 0, nil, fmt.Errorf("%w: %d was asked for, the end is %d", ErrOffset, o, end)
	case o == end:
		return s, 0, l.grown, nil
	}
	i := sort.Search(len(l.segs), func(i int) bool { return l.segs[i].base > o }) - 1
	if i+1 < len(l.segs) {
		return l.segs[i], l.segs[i+1].base, nil, nil
	}
	return l.segs[i], end, nil, nil
}
