package relay

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// parking holds messages that wait: requests whose next hop is being looked for,
// and messages of calls whose media node is being asked. What has been taken out
// counts until it is gone.
type parking struct {
	calls atomic.Int32 // messages that wait for media nodes, and behind such

	mu      sync.Mutex
	list    []parked
	waiting map[uint64]int // messages by call
	count   int
	bytes   int
}

// parked is a message that waits, and its call; 0 when its order among the
// messages of the call does not matter.
type parked struct {
	transport.Packet
	call uint64
}

// What parking holds at most, and how long.
const (
	maxParked      = 1024
	maxParkedBytes = 4 << 20
	maxParkedTime  = 5 * time.Second
)

// callOf is the call that a message with this cause waits for.
func (s *Scratch) callOf(c Cause) uint64 {
	if c != Anchoring {
		return 0
	}
	return callKey(s)
}

// add keeps a copy of p and reports whether there was room. A retransmission
// takes no place of its own.
func (k *parking) add(p transport.Packet, call uint64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.list {
		if q := &k.list[i]; q.Flow == p.Flow && bytes.Equal(q.Data, p.Data) {
			return true
		}
	}
	if k.count >= maxParked || k.bytes+len(p.Data) > maxParkedBytes {
		return false
	}
	p.Data = bytes.Clone(p.Data)
	k.list = append(k.list, parked{p, call})
	k.count++
	k.bytes += len(p.Data)
	if call != 0 {
		if k.waiting == nil {
			k.waiting = map[uint64]int{}
		}
		k.waiting[call]++
		k.calls.Add(1)
	}
	return true
}

// waits reports whether a message of the call waits.
func (k *parking) waits(call uint64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.waiting[call] > 0
}

// take takes everything out for another try; each message then goes back or is
// gone.
func (k *parking) take() []parked {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := k.list
	k.list = nil
	return list
}

// back puts messages back in front of those that have come meanwhile.
func (k *parking) back(list []parked) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append(list, k.list...)
}

func (k *parking) any() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.list) > 0
}

func (k *parking) gone(p *parked) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.count--
	k.bytes -= len(p.Data)
	if p.call == 0 {
		return
	}
	if k.waiting[p.call]--; k.waiting[p.call] == 0 {
		delete(k.waiting, p.call)
	}
	k.calls.Add(-1)
}
