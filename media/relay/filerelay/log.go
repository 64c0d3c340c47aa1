package filerelay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/media/relay"
)

const (
	logPrefix = "log-"
	// segmentSize is how large a log grows before another one begins, slack how much
	// may be dead beside half of what lives: at most, see spaces.
	segmentSize, slack = 4 << 20, 8 << 20

	// frameMagic begins a frame; its last octet is the version. Then come the
	// length of what follows the header, its CRC-32C, and 0.
	frameMagic  = 0xc55e5501
	frameHeader = 16
	// An entry of a frame has the lengths of Call-ID and state, and both. A
	// session that has ended has no state.
	entryHeader = 8
	// maxFrame is more than what the relay writes at once.
	maxFrame = 64 << 20
	// copied is how much of an old log is written anew at once.
	copied = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segment is one log.
type segment struct {
	number     uint64
	size, live int64
	file       *os.File // of the one that is written to
}

// place is where the state of a session is.
type place struct {
	in   *segment
	at   int64 // of the entry in its log
	size int64 // of the entry
}

// logs are those of a directory and what lives in them. It is not safe for
// concurrent use.
type logs struct {
	dir      string
	segments []*segment // in their order; the last one is written to, if it has a file
	next     uint64     // number of the next one
	places   map[string]place
	live     int64
	total    int64
	// segment and slack are segmentSize and slack as far as there is room.
	segment, slack int64
	damaged        []error // logs: older states may stand where newer ones were
	unread         []error // files of single sessions
	buf            []byte
}

func (l *logs) name(s *segment) string {
	return filepath.Join(l.dir, fmt.Sprintf("%s%016x", logPrefix, s.number))
}

// scan reads all logs of a directory. see, if there is one, is given each entry
// and must not keep the state.
func scan(ctx context.Context, dir string, see func(callID string, state []byte)) (*logs, error) {
	l := &logs{dir: dir, next: 1, places: map[string]place{}}
	l.segment, l.slack = spaces(capacity(dir))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		number, found := strings.CutPrefix(e.Name(), logPrefix)
		n, err := strconv.ParseUint(number, 16, 63)
		if !found || err != nil || len(number) != 16 {
			continue
		}
		l.segments = append(l.segments, &segment{number: n})
		l.next = max(l.next, n+1)
	}
	slices.SortFunc(l.segments, func(a, b *segment) int {
		if a.number < b.number {
			return -1
		}
		return 1
	})
	for _, s := range l.segments {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := os.ReadFile(l.name(s))
		if err != nil {
			return nil, err
		}
		s.size = int64(len(b))
		l.total += s.size
		damaged := walk(b, func(at int, callID string, state []byte) {
			l.put(callID, s, int64(at), len(state))
			if see != nil {
				see(callID, state)
			}
		})
		if damaged > 0 {
			l.damaged = append(l.damaged, fmt.Errorf("%w: a log is damaged at octet %d", relay.ErrState, damaged-1))
		}
	}
	return l, nil
}

// capacity is the size of the file system that a directory is in; 0: it has none.
func capacity(dir string) uint64 {
	var f unix.Statfs_t
	if unix.Statfs(dir, &f) != nil {
		return 0
	}
	return f.Blocks * uint64(f.Bsize)
}

// spaces are the sizes of logs in a file system: what is dead must not fill a small
// one, as nothing could be written anew there then.
func spaces(capacity uint64) (segment, dead int64) {
	if capacity == 0 {
		return segmentSize, slack
	}
	return int64(min(segmentSize, max(capacity/16, 64<<10))), int64(min(slack, capacity/8))
}

// walk goes through the entries of a log. A frame that goes beyond the end is the
// last write of a process that died. damaged is 1 more than where the first frame
// is that is not what was written; 0: there is none.
func walk(b []byte, entry func(at int, callID string, state []byte)) (damaged int) {
	for at := 0; len(b)-at >= frameHeader; {
		h := b[at : at+frameHeader]
		n := binary.BigEndian.Uint32(h[4:])
		if binary.BigEndian.Uint32(h) != frameMagic || n > maxFrame {
			return max(damaged, at+1)
		}
		if int(n) > len(b)-at-frameHeader {
			return damaged
		}
		body := b[at+frameHeader:][:n]
		if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(h[8:]) || !split(body, at+frameHeader, entry) {
			damaged = max(damaged, at+1)
		}
		at += frameHeader + int(n)
	}
	return damaged
}

// split goes through the entries of a frame's body, which begins at an octet of
// its log. false: it has none of the right form.
func split(body []byte, at int, entry func(at int, callID string, state []byte)) bool {
	for len(body) > 0 {
		if len(body) < entryHeader {
			return false
		}
		id, state := int(binary.BigEndian.Uint32(body)), int(binary.BigEndian.Uint32(body[4:]))
		if id == 0 || id > len(body)-entryHeader || state > len(body)-entryHeader-id {
			return false
		}
		size := entryHeader + id + state
		entry(at, string(body[entryHeader:entryHeader+id]), body[entryHeader+id:size])
		body, at = body[size:], at+size
	}
	return true
}

// put notes where the newest state of a session is, or that it has ended.
func (l *logs) put(callID string, s *segment, at int64, state int) {
	if before, ok := l.places[callID]; ok {
		before.in.live -= before.size
		l.live -= before.size
		delete(l.places, callID)
	}
	if state == 0 {
		return
	}
	p := place{in: s, at: at, size: int64(entryHeader + len(callID) + state)}
	l.places[callID] = p
	s.live += p.size
	l.live += p.size
}

// write appends changes as one frame.
func (l *logs) write(changes []relay.Change) error {
	b := append(l.buf[:0], make([]byte, frameHeader)...)
	for _, c := range changes {
		if c.CallID == "" {
			return fmt.Errorf("%w: of no call", relay.ErrState)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(c.CallID)))
		b = binary.BigEndian.AppendUint32(b, uint32(len(c.State)))
		b = append(append(b, c.CallID...), c.State...)
	}
	if len(b) > maxFrame {
		return fmt.Errorf("%w: %d octets at once", relay.ErrState, len(b))
	}
	binary.BigEndian.PutUint32(b, frameMagic)
	binary.BigEndian.PutUint32(b[4:], uint32(len(b)-frameHeader))
	binary.BigEndian.PutUint32(b[8:], crc32.Checksum(b[frameHeader:], castagnoli))
	if l.buf = b; cap(b) > 4*copied {
		l.buf = nil
	}
	s, err := l.writable()
	if err != nil {
		return err
	}
	if _, err := s.file.WriteAt(b, s.size); err != nil {
		if cut := s.file.Truncate(s.size); cut != nil {
			err = errors.Join(err, l.closeLast()) // nothing comes behind what is half written
		}
		return err
	}
	at := s.size + frameHeader
	s.size += int64(len(b))
	l.total += int64(len(b))
	for _, c := range changes {
		l.put(c.CallID, s, at, len(c.State))
		at += int64(entryHeader + len(c.CallID) + len(c.State))
	}
	return nil
}

// writable is the log that is written to.
func (l *logs) writable() (*segment, error) {
	if n := len(l.segments); n > 0 && l.segments[n-1].file != nil {
		if s := l.segments[n-1]; s.size < l.segment {
			return s, nil
		}
		if err := l.closeLast(); err != nil {
			return nil, err
		}
	}
	s := &segment{number: l.next}
	f, err := os.OpenFile(l.name(s), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	l.next++
	s.file = f
	l.segments = append(l.segments, s)
	return s, nil
}

// closeLast ends writing to the present log.
func (l *logs) closeLast() error {
	if len(l.segments) == 0 {
		return nil
	}
	s := l.segments[len(l.segments)-1]
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// removeDead removes the oldest logs as far as nothing lives in them. What ended
// is forgotten only with all logs before: they may have its states.
func (l *logs) removeDead() error {
	for len(l.segments) > 0 && l.segments[0].live == 0 && l.segments[0].file == nil {
		s := l.segments[0]
		if err := os.Remove(l.name(s)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		l.segments = l.segments[1:]
		l.total -= s.size
	}
	return nil
}

// clean removes what is dead, as far as that is worth it: what lives in the oldest
// logs is written anew.
func (l *logs) clean() error {
	for {
		if err := l.removeDead(); err != nil {
			return err
		}
		if l.total <= l.live+l.live/2+l.slack || len(l.segments) < 2 {
			return nil
		}
		if err := l.renew(l.segments[0]); err != nil {
			return err
		}
	}
}

// renew writes what lives in a log anew.
func (l *logs) renew(s *segment) error {
	var some []relay.Change
	size := 0
	err := l.living(s, func(callID string, state []byte) (err error) {
		some = append(some, relay.Change{CallID: callID, State: state})
		if size += len(state); size >= copied {
			err = l.write(some)
			some, size = some[:0], 0
		}
		return err
	})
	if err == nil && len(some) > 0 {
		err = l.write(some)
	}
	if err == nil && s.live > 0 {
		err = fmt.Errorf("%w: a log does not have what was written", relay.ErrStoreLost)
	}
	return err
}

// living goes through the sessions whose newest state is in a log.
func (l *logs) living(s *segment, see func(callID string, state []byte) error) error {
	b, err := os.ReadFile(l.name(s))
	if errors.Is(err, fs.ErrNotExist) {
		return errors.Join(relay.ErrStoreLost, err)
	}
	if err != nil {
		return err
	}
	walk(b, func(at int, callID string, state []byte) {
		if p := l.places[callID]; err == nil && p.in == s && p.at == int64(at) && len(state) > 0 {
			err = see(callID, state)
		}
	})
	return err
}

// there tells whether all logs are still in the directory.
func (l *logs) there() bool {
	for _, s := range l.segments {
		info, err := os.Stat(l.name(s))
		if err != nil || info.Size() < s.size {
			return false
		}
	}
	return true
}
