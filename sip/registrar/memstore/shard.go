package memstore

import (
	"sync"
	"time"

	"github.com/class5-go/class5/sip/registrar"
)

// shard is a part of the records with a lock of its own.
type shard struct {
	mu      sync.RWMutex
	records map[string]entry
	due     dueHeap

	// scratch of Update, under mu
	bindings []registrar.Binding
	encoded  []byte
}

type entry struct {
	record string // encoded bindings, never empty
	due    int64  // earliest expiry, when the heap will look at it; milliseconds
}

// put stores a record. The caller holds mu.
func (s *shard) put(aor, record string, due int64) {
	old, known := s.records[aor]
	s.records[aor] = entry{record: record, due: due}
	// A heap entry that comes too early is put back when it comes up, so only
	// an earlier time needs a new one. Refreshes cost the heap nothing.
	if !known || due < old.due {
		s.due.push(dueEntry{at: due, aor: aor})
	} else {
		s.records[aor] = entry{record: record, due: old.due}
	}
	if len(s.due) > 2*len(s.records)+64 {
		s.rebuild()
	}
}

// rebuild drops heap entries of records that are gone.
func (s *shard) rebuild() {
	s.due = s.due[:0]
	for aor, e := range s.records {
		s.due.push(dueEntry{at: e.due, aor: aor})
	}
}

// expire frees what expired at now, looking at no more than limit records. The
// caller holds mu.
func (s *shard) expire(now time.Time, limit int) {
	ms := now.UnixMilli()
	for n := 0; n < limit && len(s.due) > 0 && s.due[0].at <= ms; n++ {
		d := s.due.pop()
		e, ok := s.records[d.aor]
		if !ok || e.due != d.at {
			continue // removed since, or another heap entry stands for it
		}
		s.trim(d.aor, e, now)
	}
}

// trim drops the expired bindings of one record.
func (s *shard) trim(aor string, e entry, now time.Time) {
	all, err := registrar.DecodeBindings(s.bindings[:0], e.record, time.Time{})
	s.bindings = all[:0]
	alive := all[:0]
	for _, b := range all {
		if b.Expires.After(now) {
			alive = append(alive, b)
		}
	}
	if err != nil || len(alive) == 0 {
		delete(s.records, aor)
		return
	}
	if len(alive) < len(all) {
		s.encoded = registrar.AppendBindings(s.encoded[:0], alive)
		e.record = string(s.encoded)
	}
	e.due = earliest(alive)
	s.records[aor] = e
	s.due.push(dueEntry{at: e.due, aor: aor})
	clear(all)
}

func earliest(bs []registrar.Binding) int64 {
	first := bs[0].Expires
	for _, b := range bs[1:] {
		if b.Expires.Before(first) {
			first = b.Expires
		}
	}
	return first.UnixMilli()
}

// dueHeap is a binary heap, earliest first.
type dueHeap []dueEntry

type dueEntry struct {
	at  int64
	aor string
}

func (h *dueHeap) push(e dueEntry) {
	*h = append(*h, e)
	q := *h
	i := len(q) - 1
	for i > 0 {
		up := (i - 1) / 2
		if q[up].at <= e.at {
			break
		}
		q[i] = q[up]
		i = up
	}
	q[i] = e
}

func (h *dueHeap) pop() dueEntry {
	q := *h
	top, last := q[0], q[len(q)-1]
	q[len(q)-1] = dueEntry{}
	q = q[:len(q)-1]
	*h = q
	if len(q) == 0 {
		return top
	}
	i := 0
	for {
		down := 2*i + 1
		if down >= len(q) {
			break
		}
		if down+1 < len(q) && q[down+1].at < q[down].at {
			down++
		}
		if last.at <= q[down].at {
			break
		}
		q[i] = q[down]
		i = down
	}
	q[i] = last
	return top
}
