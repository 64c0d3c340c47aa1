package transport

import (
	"time"

	"golang.org/x/sys/unix"
)

// restFor is how long a worker that is flooded leaves its sockets alone. To wake
// up costs as much as to refuse some ten datagrams.
const restFor = time.Millisecond

// flood tells whether most of what comes is refused.
type flood struct{ score int }

// One message that is let through weighs as much as eight that are refused, so
// that nobody waits for a few scanners; and it takes some hundreds in a row
// until there is a flood, which is over as soon.
const (
	floodWeight = 8
	floodHigh   = 256
	floodMost   = 384
)

// note counts a batch and reports whether there is a flood now.
func (f *flood) note(n, refused int) bool {
	f.score = min(max(0, f.score+refused-floodWeight*(n-refused)), floodMost)
	return f.score >= floodHigh
}

// pause lets datagrams gather for restFor, or until the worker is to stop.
func (w *udpWorker) pause() {
	limit := unix.NsecToTimespec(int64(restFor))
	_, _ = unix.Ppoll(w.rest[:], &limit, nil) // a pause that a signal cuts short is one too
}
