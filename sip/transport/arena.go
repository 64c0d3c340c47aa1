package transport

import "unsafe"

const (
	arenaChunk = 64 << 10
	arenaRoom  = 8 << 10 // least room that Buffer offers
	arenaKeep  = 16      // chunks kept for the next round
)

// arena hands out room for messages that live until reset.
type arena struct {
	chunks [][]byte
	used   int    // chunks given out, the last of them is being filled
	free   []byte // rest of the chunk being filled
}

// room returns an empty slice in which one message can be appended.
func (a *arena) room() []byte {
	if len(a.free) < arenaRoom {
		if a.used == len(a.chunks) {
			a.chunks = append(a.chunks, make([]byte, arenaChunk))
		}
		a.free = a.chunks[a.used]
		a.used++
	}
	return a.free[:0]
}

// keep marks msg as taken if it lies in the room handed out last. A message
// that outgrew the room lies on the heap by itself and needs no marking.
func (a *arena) keep(msg []byte) {
	if len(msg) > 0 && len(msg) <= len(a.free) && unsafe.SliceData(msg) == unsafe.SliceData(a.free) {
		a.free = a.free[len(msg):]
	}
}

// reset takes all room back.
func (a *arena) reset() {
	if len(a.chunks) > arenaKeep {
		clear(a.chunks[arenaKeep:])
		a.chunks = a.chunks[:arenaKeep]
	}
	a.used, a.free = 0, nil
}
