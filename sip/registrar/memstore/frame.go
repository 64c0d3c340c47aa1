package memstore

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// maxFrame bounds the content of a frame: far above any record that the
// registrar's limits let through.
const maxFrame = 1 << 20

const frameHead = 8 // length and checksum, little endian

var (
	errFrameSize = errors.New("memstore: record too large for the journal")
	errTorn      = errors.New("memstore: torn or damaged frame")
)

// castagnoli makes CRC-32C, which processors have an instruction for.
func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// appendFrame appends one frame; an empty record says that the address has no
// bindings any more.
func appendFrame[T ~string | ~[]byte](dst []byte, aor string, record T) ([]byte, error) {
	start := len(dst)
	dst = append(dst, make([]byte, frameHead)...)
	dst = binary.AppendUvarint(dst, uint64(len(aor)))
	dst = append(append(dst, aor...), record...)
	content := dst[start+frameHead:]
	if len(content) > maxFrame {
		return dst[:start], errFrameSize
	}
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(content)))
	binary.LittleEndian.PutUint32(dst[start+4:], castagnoli(content))
	return dst, nil
}

// readFrames calls visit for each frame until the end (nil) or the first one
// that is not whole (errTorn). good is the length of what was read well.
func readFrames(r io.Reader, visit func(aor, record []byte)) (good int64, err error) {
	br := bufio.NewReaderSize(r, 1<<16)
	var head [frameHead]byte
	var content []byte
	for {
		if n, err := io.ReadFull(br, head[:]); err != nil {
			return good, tornUnless(n == 0, err)
		}
		size := binary.LittleEndian.Uint32(head[:])
		if size > maxFrame {
			return good, errTorn
		}
		if uint32(cap(content)) < size {
			content = make([]byte, size)
		}
		content = content[:size]
		if _, err := io.ReadFull(br, content); err != nil {
			return good, tornUnless(false, err)
		}
		if castagnoli(content) != binary.LittleEndian.Uint32(head[4:]) {
			return good, errTorn
		}
		n, w := binary.Uvarint(content)
		if w <= 0 || n > uint64(len(content)-w) {
			return good, errTorn
		}
		visit(content[w:w+int(n)], content[w+int(n):])
		good += frameHead + int64(size)
	}
}

// tornUnless tells the end of a file from a torn frame and from an error of
// the disk.
func tornUnless(clean bool, err error) error {
	switch {
	case errors.Is(err, io.EOF) && clean:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errTorn
	}
	return err
}
