package relay

import (
	"net/netip"
	"sync"

	"github.com/class5-go/class5/sip/transport"
)

// repairShard is a part of a Repair with its own lock: slots of fixed number,
// found by hash, in one queue for each age at which they are due. As all that
// enters a queue waits equally long, its head is due first.
type repairShard struct {
	mu     sync.Mutex
	slots  []slot
	heads  []int32 // by hash of the key, -1 is none
	free   int32   // first of the free slots, tied by chain
	used   int
	queues [wordLevel + 1]queue

	blocks     [][]byte // chunks, made when needed and never given back
	next       []int32  // by chunk: the next of the same message, or of the free ones
	freeChunk  int32
	maxChunks  int
	chunksUsed int
}

type slot struct {
	key        uint64
	flow       transport.Flow
	target     netip.AddrPort // of a connection to a proxy, else invalid
	added      int64          // nanoseconds
	chain      int32          // next slot with the same hash, or next free one
	prev, succ int32          // in its queue
	chunk      int32          // first of the message
	size       int32
	level      int
	once       bool
}

// queue is a list of slots in order of age.
type queue struct{ head, tail int32 }

const (
	chunkSize = 1024
	blockSize = 64 // chunks made at a time
	noSlot    = -1
)

func (sh *repairShard) init(entries, chunks int) {
	sh.slots = make([]slot, entries)
	for i := range sh.slots {
		sh.slots[i].chain = int32(i) + 1
	}
	sh.slots[entries-1].chain = noSlot
	buckets := 1
	for buckets < entries {
		buckets *= 2
	}
	sh.heads = make([]int32, buckets)
	for i := range sh.heads {
		sh.heads[i] = noSlot
	}
	for i := range sh.queues {
		sh.queues[i] = queue{noSlot, noSlot}
	}
	sh.freeChunk, sh.maxChunks = noSlot, chunks
}

func (sh *repairShard) bucket(key uint64) *int32 { return &sh.heads[key&uint64(len(sh.heads)-1)] }

// find returns the slot of key, or -1.
func (sh *repairShard) find(key uint64) int32 {
	i := *sh.bucket(key)
	for i != noSlot && sh.slots[i].key != key {
		i = sh.slots[i].chain
	}
	return i
}

// put keeps msg and returns how many others it had to give up for it.
func (sh *repairShard) put(key uint64, now int64, how keeping, flow *transport.Flow, target netip.AddrPort, msg []byte) (evicted int, ok bool) {
	chunks := (len(msg) + chunkSize - 1) / chunkSize
	if chunks > sh.maxChunks || chunks == 0 {
		return 0, false
	}
	if i := sh.find(key); i != noSlot {
		sh.drop(i)
	}
	for sh.free == noSlot || sh.chunksUsed+chunks > sh.maxChunks {
		sh.drop(sh.oldest())
		evicted++
	}
	i := sh.free
	s := &sh.slots[i]
	sh.free = s.chain
	b := sh.bucket(key)
	*s = slot{key: key, flow: *flow, target: target, added: now, chain: *b, size: int32(len(msg)), once: how == once, chunk: sh.write(msg)}
	if how == whenAsked {
		s.level = wordLevel
	}
	*b = i
	sh.used++
	sh.enqueue(i)
	return evicted, true
}

// oldest is the message that is missed least: a last word, or else the one that
// has been sent in vain most often.
func (sh *repairShard) oldest() int32 {
	for level := wordLevel; ; level-- {
		if i := sh.queues[level].head; i != noSlot {
			return i
		}
	}
}

func (sh *repairShard) enqueue(i int32) {
	s := &sh.slots[i]
	q := &sh.queues[s.level]
	s.prev, s.succ = q.tail, noSlot
	if q.tail == noSlot {
		q.head = i
	} else {
		sh.slots[q.tail].succ = i
	}
	q.tail = i
}

func (sh *repairShard) dequeue(i int32) {
	s := &sh.slots[i]
	q := &sh.queues[s.level]
	if s.prev == noSlot {
		q.head = s.succ
	} else {
		sh.slots[s.prev].succ = s.succ
	}
	if s.succ == noSlot {
		q.tail = s.prev
	} else {
		sh.slots[s.succ].prev = s.prev
	}
}

// drop frees a slot.
func (sh *repairShard) drop(i int32) {
	s := &sh.slots[i]
	sh.dequeue(i)
	at := sh.bucket(s.key)
	for *at != i {
		at = &sh.slots[*at].chain
	}
	*at = s.chain
	sh.erase(s.chunk)
	s.chain, sh.free = sh.free, i
	sh.used--
}

// erase gives back the chunks of a message.
func (sh *repairShard) erase(c int32) {
	for c != noSlot {
		next := sh.next[c]
		sh.next[c], sh.freeChunk = sh.freeChunk, c
		sh.chunksUsed--
		c = next
	}
}

// moved notes what a message has been sent as, if it is still there: a response
// may have come meanwhile. One that has no room in its new form stays as it was,
// and one that was to be sent once is done with.
func (sh *repairShard) moved(key uint64, m *Resend) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	i := sh.find(key)
	if i == noSlot || sh.slots[i].level == wordLevel {
		return
	}
	s := &sh.slots[i]
	if s.once {
		sh.drop(i)
		return
	}
	if had, want := (int(s.size)+chunkSize-1)/chunkSize, (len(m.Data)+chunkSize-1)/chunkSize; sh.chunksUsed-had+want > sh.maxChunks {
		return
	}
	sh.erase(s.chunk)
	s.flow, s.target, s.size, s.chunk = m.Flow, m.Target, int32(len(m.Data)), sh.write(m.Data)
}

// mayHaveDue is cheap when there is nothing at all.
func (sh *repairShard) mayHaveDue(now int64) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.used == 0 {
		return false
	}
	for i := sh.queues[wordLevel].head; i != noSlot && sh.slots[i].added+int64(wordLife) <= now; i = sh.queues[wordLevel].head {
		sh.drop(i)
	}
	return true
}

// due takes one message that is due, with its octets appended to dst.
func (sh *repairShard) due(now int64, dst []byte) (key uint64, m Resend, ok bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for level := range ages {
		i := sh.queues[level].head
		if i == noSlot || sh.slots[i].added+int64(ages[level]) > now {
			continue
		}
		s := &sh.slots[i]
		key, m = s.key, Resend{Flow: s.flow, Target: s.target, Data: sh.read(i, dst)}
		next := level + 1
		for next < wordLevel && s.added+int64(ages[next]) <= now {
			next++ // nobody looked for a while: once is enough
		}
		if next == wordLevel || s.once && next > onceLevel {
			sh.drop(i)
		} else {
			sh.dequeue(i)
			s.level = next
			sh.enqueue(i)
		}
		return key, m, true
	}
	return 0, Resend{}, false
}

// write copies msg into chunks and returns the first.
func (sh *repairShard) write(msg []byte) int32 {
	first, last := int32(noSlot), int32(noSlot)
	for len(msg) > 0 {
		c := sh.chunk()
		n := copy(sh.room(c), msg)
		msg = msg[n:]
		if last == noSlot {
			first = c
		} else {
			sh.next[last] = c
		}
		sh.next[c], last = noSlot, c
	}
	return first
}

func (sh *repairShard) read(i int32, dst []byte) []byte {
	left := int(sh.slots[i].size)
	for c := sh.slots[i].chunk; c != noSlot; c = sh.next[c] {
		n := min(left, chunkSize)
		dst = append(dst, sh.room(c)[:n]...)
		left -= n
	}
	return dst
}

// chunk takes a free chunk, of which put has made sure there is one to be had.
func (sh *repairShard) chunk() int32 {
	if sh.freeChunk == noSlot {
		first := int32(len(sh.next))
		sh.blocks = append(sh.blocks, make([]byte, blockSize*chunkSize))
		for c := first; c < first+blockSize; c++ {
			sh.next = append(sh.next, sh.freeChunk)
			sh.freeChunk = c
		}
	}
	c := sh.freeChunk
	sh.freeChunk = sh.next[c]
	sh.chunksUsed++
	return c
}

func (sh *repairShard) room(c int32) []byte {
	return sh.blocks[c/blockSize][c%blockSize*chunkSize:][:chunkSize]
}
