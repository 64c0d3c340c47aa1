package mediate

import (
	"container/heap"
	"slices"
)

// opened counts a leg among the open ones.
func (m *Mediator) opened(l *leg) {
	m.open++
	if l.queued {
		return
	}
	if len(m.queue) > 2*m.open+1000 {
		m.compact()
	}
	l.queued = true
	heap.Push(&m.queue, l)
}

// waits reports whether a leg is open. One that is done comes into the queue
// again when it is opened again.
func (m *Mediator) waits(l *leg) bool {
	l.queued = !l.done && m.legs[l.key] == l
	return l.queued
}

// compact takes out of the queue what is done: one leg that stays open for
// hours must not keep all that ended since.
func (m *Mediator) compact() {
	m.queue = slices.DeleteFunc(m.queue, func(l *leg) bool { return !m.waits(l) })
	heap.Init(&m.queue)
}

// Low returns the lowest position at which an open leg was first heard of. A
// log read again from there rebuilds all open legs. It is false when no leg
// is open.
func (m *Mediator) Low() (pos uint64, ok bool) {
	for len(m.queue) > 0 {
		if l := m.queue[0]; m.waits(l) {
			return l.pos, true
		}
		heap.Pop(&m.queue)
	}
	return 0, false
}

// queue is a heap of legs by position. What is done stays in it until it comes
// to the front, so that ending a leg costs nothing.
type queue []*leg

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].pos < q[j].pos }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(*leg)) } //nolint:forcetypeassert // nothing else is pushed

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	l := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return l
}
