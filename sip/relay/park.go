package relay

import (
	"bytes"
	"sync"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// parking holds requests whose next hop is being looked for. What has been taken
// out counts until it is gone.
type parking struct {
	mu    sync.Mutex
	list  []transport.Packet
	count int
	bytes int
}

// What parking holds at most, and how long.
const (
	maxParked      = 1024
	maxParkedBytes = 4 << 20
	maxParkedTime  = 5 * time.Second
)

// add keeps a copy of p and reports whether there was room. A retransmission
// takes no place of its own.
func (k *parking) add(p transport.Packet) bool {
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
	k.list = append(k.list, p)
	k.count++
	k.bytes += len(p.Data)
	return true
}

// take takes everything out for another try; each packet then goes back or is
// gone.
func (k *parking) take() []transport.Packet {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := k.list
	k.list = nil
	return list
}

func (k *parking) back(p transport.Packet) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append(k.list, p)
}

func (k *parking) gone(p transport.Packet) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.count--
	k.bytes -= len(p.Data)
}
