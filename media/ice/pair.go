package ice

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// pairState is the state of a candidate pair (RFC 8445 section 6.1.2.6).
type pairState uint8

const (
	frozen pairState = iota
	waiting
	inProgress
	succeeded
	failed
)

// transaction is a check under way.
type transaction struct {
	id    transactionID
	role  uint16 // attribute that was sent
	tie   uint64
	use   bool
	sent  int // transmissions
	wait  time.Duration
	next  time.Time // of the next transmission, or of giving up
	alive bool
}

// pair is a way to the peer: a local socket and a remote address.
type pair struct {
	component *component
	local     *local
	remote    *remote
	state     pairState
	valid     bool // it has worked, and did not fail since
	heard     bool // the peer was authenticated from there
	priority  uint64
	tx        transaction
	former    transaction // superseded by a triggered check, may still be answered
	queued    bool        // in the triggered-check queue
	nominate  bool        // controlling: the next check nominates; controlled: the peer did
	named     time.Time   // when the peer last nominated
}

// remote is a candidate of the peer.
type remote struct {
	Candidate
	ufrag string // of a peer-reflexive candidate: who said so
}

func (p *pair) path() Path { return Path{Local: p.local.Base, Remote: p.remote.Addr} }

// like tells whether two pairs have the same foundation.
func (p *pair) like(q *pair) bool {
	return p.local.Foundation == q.local.Foundation && p.remote.Foundation == q.remote.Foundation
}

// rank computes the pair priority (RFC 8445 section 6.1.2.3).
func (p *pair) rank(controlling bool) {
	g, d := uint64(p.local.priority), uint64(p.remote.Priority)
	if !controlling {
		g, d = d, g
	}
	p.priority = min(g, d)<<32 + 2*max(g, d)
	if g > d {
		p.priority++
	}
}

// checklist is the ordered list of pairs of a stream.
type checklist struct {
	pairs     []*pair // highest priority first
	triggered []*pair
}

func (l *checklist) sort() {
	slices.SortStableFunc(l.pairs, func(p, q *pair) int {
		return cmp.Or(cmp.Compare(q.priority, p.priority), cmp.Compare(p.component.id, q.component.id))
	})
}

func (l *checklist) find(at *local, addr netip.AddrPort) *pair {
	for _, p := range l.pairs {
		if p.local == at && p.remote.Addr == addr {
			return p
		}
	}
	return nil
}

// enqueue puts a pair into the triggered-check queue.
func (l *checklist) enqueue(p *pair) {
	if p.state == inProgress {
		p.former, p.tx = p.tx, transaction{}
		p.former.alive = true
	}
	if p.state != succeeded || p.nominate {
		p.state = waiting
	}
	if !p.queued {
		p.queued = true
		l.triggered = append(l.triggered, p)
	}
}

// drop removes pairs from the list and from the queue.
func (l *checklist) drop(gone func(*pair) bool) {
	l.pairs = slices.DeleteFunc(l.pairs, gone)
	l.triggered = slices.DeleteFunc(l.triggered, gone)
}

// add inserts a pair. When the list is full the least useful one that is not
// working nor being checked gives way, if it is worth less.
func (l *checklist) add(p *pair) bool {
	if len(l.pairs) >= MaxPairs {
		i := len(l.pairs) - 1
		for i >= 0 && (l.pairs[i].state == succeeded || l.pairs[i].state == inProgress || l.pairs[i].queued) {
			i--
		}
		if i < 0 || l.pairs[i].state != failed && l.pairs[i].priority >= p.priority {
			return false
		}
		l.pairs = slices.Delete(l.pairs, i, i+1)
	}
	l.pairs = append(l.pairs, p)
	l.sort()
	return true
}
