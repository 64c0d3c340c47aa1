package spool

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A segment begins with a magic text, its first offset, the identity of the
// log and a checksum of these.
const (
	magic         = "c5spool1"
	suffix        = ".spool"
	segmentHeader = len(magic) + 8 + len(ID{}) + 4
)

// ID names a log.
type ID [16]byte

// String returns 32 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// segment is a file of records.
type segment struct {
	base Offset
	size int64 // bytes of records that are durable
}

func (s segment) end() Offset { return s.base + Offset(s.size) }

func (s segment) name() string { return fmt.Sprintf("%016x%s", uint64(s.base), suffix) }

// list finds the segments of a directory, in order.
func list(fs FS) ([]segment, error) {
	names, err := fs.List()
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var segs []segment
	for _, n := range names {
		digits, ours := strings.CutSuffix(n, suffix)
		base, err := strconv.ParseUint(digits, 16, 64)
		if s := (segment{base: Offset(base)}); ours && err == nil && s.name() == n {
			segs = append(segs, s)
		}
	}
	slices.SortFunc(segs, func(a, b segment) int {
		if a.base < b.base {
			return -1
		}
		return 1
	})
	return segs, nil
}

func header(base Offset, id ID) []byte {
	b := append(make([]byte, 0, segmentHeader), magic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(base))
	b = append(b, id[:]...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// readHeader returns the log's identity if the header of a segment is good.
func readHeader(f File, base Offset) (id ID, ok bool) {
	b := make([]byte, segmentHeader)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return id, false
	}
	copy(id[:], b[len(magic)+8:])
	return id, bytes.Equal(b, header(base, id))
}

// scanner reads records of one segment.
type scanner struct {
	f    File
	base Offset
	most int // longest data of a record

	buf []byte // bytes read, beginning at offset at
	at  Offset
}

// bytes returns n bytes at offset o, or what there is of them before limit.
func (s *scanner) bytes(o Offset, n int, limit Offset) ([]byte, error) {
	n = min(n, int(limit-o))
	if o >= s.at && o+Offset(n) <= s.at+Offset(len(s.buf)) {
		return s.buf[o-s.at:][:n], nil
	}
	const chunk = 64 << 10
	want := min(max(n, chunk), int(limit-o))
	s.buf = slices.Grow(s.buf[:0], want)[:want]
	got, err := s.f.ReadAt(s.buf, int64(segmentHeader)+int64(o-s.base))
	if err != nil && !errors.Is(err, io.EOF) {
		s.buf = s.buf[:0]
		return nil, err
	}
	s.buf, s.at = s.buf[:got], o
	return s.buf[:min(n, got)], nil
}

// record returns the record at o, nil if there is none that is whole, good
// and ends at limit or before.
func (s *scanner) record(o, limit Offset) ([]byte, error) {
	head, err := s.bytes(o, recordHeader, limit)
	if err != nil || len(head) < recordHeader {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head[4:])
	if n == 0 || uint64(n) > uint64(s.most) {
		return nil, nil
	}
	b, err := s.bytes(o, recordHeader+int(n), limit)
	if err != nil || len(b) < recordHeader+int(n) || !valid(b, o) {
		return nil, err
	}
	return b, nil
}

// next returns where at or behind o the next good record begins; limit if
// there is none.
func (s *scanner) next(o, limit Offset) (Offset, error) {
	for ; o+Offset(recordHeader) < limit; o++ {
		b, err := s.record(o, limit)
		if err != nil {
			return o, err
		}
		if b != nil {
			return o, nil
		}
	}
	return limit, nil
}

// recover returns the end of the last good record before limit.
func (s *scanner) recover(limit Offset) (Offset, error) {
	end := s.base
	for o := s.base; o < limit; {
		b, err := s.record(o, limit)
		if err != nil {
			return end, err
		}
		if b != nil {
			o += Offset(len(b))
			end = o
			continue
		}
		if o, err = s.next(o+1, limit); err != nil {
			return end, err
		}
	}
	return end, nil
}
