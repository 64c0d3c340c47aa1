package spool_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/class5-go/class5/billing/spool"
)

// sector is what a disk writes as a whole or not at all.
const sector = 512

var errDead = errors.New("the power is off")

// disk simulates a directory whose power can fail: what was not synced may be
// there, or not, sector by sector.
type disk struct {
	mu     sync.Mutex
	rng    *rand.Rand
	files  map[string]*simFile // as running programs see them
	stable map[string]*simFile // as the directory on the platter has them
	locked bool

	ops      int // operations so far
	dieAt    int // the power fails at this one, 0 never
	room     int // bytes that can still be written, -1 without bound
	failSync int // the next so many fsyncs of files fail
}

func newDisk(seed uint64) *disk {
	return &disk{rng: rand.New(rand.NewPCG(seed, 0)), files: map[string]*simFile{}, stable: map[string]*simFile{}, room: -1}
}

// simFile is a file: its content now, that on the platter, and what happened
// in between.
type simFile struct {
	now, stable []byte
	changes     []change
}

// change writes data at off; without data it cuts the file to off.
type change struct {
	off  int64
	data []byte
}

func (c change) apply(b []byte) []byte {
	if c.data == nil {
		if int64(len(b)) > c.off {
			return b[:c.off]
		}
		return append(b, make([]byte, c.off-int64(len(b)))...)
	}
	if end := c.off + int64(len(c.data)); int64(len(b)) < end {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[c.off:], c.data)
	return b
}

// lottery applies each sector of the changes that were not synced, or not.
func (f *simFile) lottery(rng *rand.Rand) {
	for _, c := range f.changes {
		if c.data == nil {
			if rng.IntN(2) == 0 {
				f.stable = c.apply(f.stable)
			}
			continue
		}
		for off := c.off; off < c.off+int64(len(c.data)); {
			end := min((off/sector+1)*sector, c.off+int64(len(c.data)))
			if rng.IntN(2) == 0 {
				f.stable = change{off, c.data[off-c.off : end-c.off]}.apply(f.stable)
			}
			off = end
		}
	}
	f.changes = nil
}

// crash returns the disk as it is found when the power comes back.
func (d *disk) crash() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := newDisk(d.rng.Uint64())
	names := map[string]*simFile{}
	for name, f := range d.stable {
		if d.files[name] == f || d.rng.IntN(2) == 0 { // removed, perhaps not for good
			names[name] = f
		}
	}
	for name, f := range d.files {
		if d.stable[name] != f && d.rng.IntN(2) == 0 { // made, perhaps for good
			names[name] = f
		}
	}
	for name, f := range names {
		f.lottery(d.rng)
		g := &simFile{now: slices.Clone(f.stable), stable: slices.Clone(f.stable)}
		n.files[name], n.stable[name] = g, g
	}
	return n
}

// step counts an operation and fails when the power is off.
func (d *disk) step() error {
	d.ops++
	if d.dieAt > 0 && d.ops >= d.dieAt {
		return errDead
	}
	return nil
}

func (d *disk) Lock() (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked {
		return nil, spool.ErrLocked
	}
	d.locked = true
	return unlock{d}, nil
}

type unlock struct{ d *disk }

func (u unlock) Close() error {
	u.d.mu.Lock()
	defer u.d.mu.Unlock()
	u.d.locked = false
	return nil
}

func (d *disk) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for n := range d.files {
		names = append(names, n)
	}
	return names, d.step()
}

func (d *disk) Open(name string, create bool) (spool.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return nil, err
	}
	f := d.files[name]
	switch {
	case f == nil && !create:
		return nil, fmt.Errorf("%s: %w", name, os.ErrNotExist)
	case f == nil:
		f = &simFile{}
		d.files[name] = f
	case create:
		f.now = nil
		f.changes = append(f.changes, change{off: 0})
	}
	return handle{d, f}, nil
}

func (d *disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	delete(d.files, name)
	return nil
}

func (d *disk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	clear(d.stable)
	for n, f := range d.files {
		d.stable[n] = f
	}
	return nil
}

// handle is an open file.
type handle struct {
	d *disk
	f *simFile
}

func (h handle) ReadAt(b []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if off >= int64(len(h.f.now)) {
		return 0, io.EOF
	}
	n := copy(b, h.f.now[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h handle) WriteAt(b []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	dead := h.d.step()
	n := len(b)
	if h.d.room >= 0 {
		n = min(n, h.d.room)
		h.d.room -= n
	}
	// A write that the power cut short may have reached the disk in part.
	if n > 0 {
		c := change{off, slices.Clone(b[:n])}
		h.f.changes = append(h.f.changes, c)
		h.f.now = c.apply(h.f.now)
	}
	if dead != nil {
		return 0, dead
	}
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (h handle) Truncate(size int64) error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.step(); err != nil {
		return err
	}
	if cut := int64(len(h.f.now)) - size; cut > 0 && h.d.room >= 0 {
		h.d.room += int(cut)
	}
	c := change{off: size}
	h.f.changes = append(h.f.changes, c)
	h.f.now = c.apply(h.f.now)
	return nil
}

func (h handle) Sync() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.step(); err != nil {
		return err
	}
	if h.d.failSync > 0 {
		h.d.failSync--
		h.f.lottery(h.d.rng) // some of it came to the disk, and nobody will try the rest again
		return syscall.EIO
	}
	for _, c := range h.f.changes {
		h.f.stable = c.apply(h.f.stable)
	}
	h.f.changes = nil
	return nil
}

func (h handle) Close() error { return nil }

func (h handle) Size() (int64, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	return int64(len(h.f.now)), nil
}
