package relay

import (
	"math/bits"
	"math/rand/v2"
	"sync"
	"time"
)

// portPool hands out pairs of ports of one interface: an even one for RTP and
// the odd one above it for RTCP. It is a book-keeper; binding is not its
// business.
type portPool struct {
	rest time.Duration // quarantine after use

	mu      sync.Mutex
	min     uint16
	pairs   int
	used    []uint64 // one bit per pair; set while taken or resting
	free    int
	last    uint16    // handed out last; 0: none yet
	resting []resting // by time of their end
}

type resting struct {
	pair  int
	until time.Time
}

func newPortPool(lowest, highest uint16, rest time.Duration) *portPool {
	pairs := (int(highest) - int(lowest) + 1) / 2
	p := &portPool{rest: rest, min: lowest, pairs: pairs, free: pairs, used: make([]uint64, (pairs+63)/64)}
	for i := pairs; i < 64*len(p.used); i++ {
		p.used[i/64] |= 1 << (i % 64) // behind the end
	}
	return p
}

// take returns the even port of a free pair picked at random, so that nobody
// outside can guess the ports of the next call.
func (p *portPool) take(now time.Time) (port uint16, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake(now)
	if p.free == 0 {
		return 0, false
	}
	// The n-th free pair, every one with the same chance.
	n := rand.IntN(p.free)
	for i, word := range p.used {
		idle := ^word
		if c := bits.OnesCount64(idle); n >= c {
			n -= c
			continue
		}
		for ; n > 0; n-- {
			idle &= idle - 1
		}
		bit := bits.TrailingZeros64(idle)
		p.used[i] |= 1 << bit
		p.free--
		p.last = p.min + uint16(2*(64*i+bit))
		return p.last, true
	}
	return 0, false
}

// claim takes a certain pair, resting or not: it is that of a call which goes
// on. false: it is in use, or none of the pool.
func (p *portPool) claim(port uint16, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake(now)
	pair := (int(port) - int(p.min)) / 2
	if port < p.min || port%2 != 0 || pair >= p.pairs {
		return false
	}
	for i := range p.resting {
		if p.resting[i].pair == pair {
			p.resting = append(p.resting[:i], p.resting[i+1:]...)
			return true
		}
	}
	if p.used[pair/64]&(1<<(pair%64)) != 0 {
		return false
	}
	p.used[pair/64] |= 1 << (pair % 64)
	p.free--
	return true
}

// release puts a pair to rest; it is free again when it has rested.
func (p *portPool) release(port uint16, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resting = append(p.resting, resting{int(port-p.min) / 2, now.Add(max(p.rest, 0))})
	p.wake(now)
}

// wake frees what has rested long enough.
func (p *portPool) wake(now time.Time) {
	i := 0
	for ; i < len(p.resting) && !now.Before(p.resting[i].until); i++ {
		pair := p.resting[i].pair
		p.used[pair/64] &^= 1 << (pair % 64)
		p.free++
	}
	p.resting = p.resting[:copy(p.resting, p.resting[i:])]
}

// available is the number of free pairs.
func (p *portPool) available(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake(now)
	return p.free
}

// report is how many pairs there are, and what they do.
func (p *portPool) report(now time.Time) InterfaceReport {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake(now)
	return InterfaceReport{
		PortMin: p.min, PortMax: p.min + uint16(2*p.pairs-1), Pairs: p.pairs,
		Used: p.pairs - p.free - len(p.resting), Resting: len(p.resting), Free: p.free, Last: p.last,
	}
}
