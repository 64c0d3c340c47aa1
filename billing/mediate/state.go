package mediate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/class5-go/class5/billing"
)

// ErrState says that a stored state cannot be read.
var ErrState = errors.New("mediate: bad state")

const stateVersion = 1

// AppendBinary appends the whole state to dst: all legs, completed ones that
// are still remembered included. Equal states have equal encodings.
func (m *Mediator) AppendBinary(dst []byte) ([]byte, error) {
	keys := make([]billing.LegKey, 0, len(m.legs))
	for k := range m.legs {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b billing.LegKey) int { return slices.Compare(a[:], b[:]) })
	dst = append(dst, stateVersion)
	dst = binary.AppendUvarint(dst, uint64(len(keys)))
	var buf []byte
	for _, k := range keys {
		l := m.legs[k]
		dst = binary.AppendUvarint(dst, l.pos)
		dst = binary.AppendUvarint(dst, uint64(l.noticed))
		dst = binary.AppendUvarint(dst, uint64(l.revision))
		dst = appendBytes(dst, []byte(l.closed))
		dst = binary.AppendUvarint(dst, uint64(l.count()))
		for _, e := range l.best {
			if e == nil {
				continue
			}
			var err error
			if buf, err = e.AppendBinary(buf[:0]); err != nil {
				return dst, fmt.Errorf("mediate: %w", err)
			}
			dst = appendBytes(dst, buf)
		}
	}
	return dst, nil
}

// MarshalBinary returns the state.
func (m *Mediator) MarshalBinary() ([]byte, error) { return m.AppendBinary(nil) }

// UnmarshalBinary replaces all legs by those of a stored state. The
// configuration stays. On an error, ErrState, nothing is changed.
func (m *Mediator) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || b[0] != stateVersion {
		return fmt.Errorf("%w: unknown version", ErrState)
	}
	r := reader{b: b[1:]}
	legs := map[billing.LegKey]*leg{}
	next := Mediator{cfg: m.cfg, legs: legs, calls: map[string]*call{}}
	for n := r.uint(); n > 0 && !r.bad; n-- {
		l := &leg{pos: r.uint(), noticed: billing.Millis(r.uint()), revision: int(uint32(r.uint())), closed: string(r.bytes())}
		key, err := l.load(&r)
		if err != nil {
			return err
		}
		if legs[key] != nil {
			return fmt.Errorf("%w: a leg twice", ErrState)
		}
		l.key, legs[key] = key, l
		next.join(l, l.id())
		next.refer(l)
	}
	if r.bad || len(r.b) > 0 {
		return fmt.Errorf("%w: %d bytes are not its encoding", ErrState, len(b))
	}
	next.restore()
	*m = next
	return nil
}

// restore works out again what is not stored: which legs are complete, and
// their records. A leg that was reopened by a late answer has no record now;
// the one given out before can't equal the next.
func (m *Mediator) restore() {
	for _, l := range m.legs {
		stop := m.end(l)
		l.shared = stop != l.best[billing.EventStop]
		c, complete := l.record(m.cfg.MissingStop, stop)
		if complete {
			l.last = c
		}
		if l.done = complete || l.bare() && !m.calls[l.base].alone(); !l.done {
			m.opened(l)
		}
	}
}

// id is the Call-ID of the leg.
func (l *leg) id() string {
	for _, e := range l.best {
		if e != nil {
			return e.CallID
		}
	}
	return ""
}

func (l *leg) load(r *reader) (key billing.LegKey, err error) {
	n := r.uint()
	if n == 0 || n >= uint64(kinds) {
		return key, fmt.Errorf("%w: a leg of %d events", ErrState, n)
	}
	for ; n > 0; n-- {
		var e billing.Event
		if err := e.UnmarshalBinary(r.bytes()); err != nil {
			return key, fmt.Errorf("%w: %w", ErrState, err)
		}
		if k := e.Key(); key != (billing.LegKey{}) && k != key || l.best[e.Kind] != nil {
			return key, fmt.Errorf("%w: events of two legs in one", ErrState)
		}
		key = e.Key()
		l.best[e.Kind] = &e
	}
	return key, nil
}

func (l *leg) count() int {
	n := 0
	for _, e := range l.best {
		if e != nil {
			n++
		}
	}
	return n
}

func appendBytes(dst, b []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}
