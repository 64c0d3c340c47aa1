package spool

import (
	"encoding/binary"
	"hash/crc32"
)

// Offset is a position in a log: the number of bytes of records before it. It
// only ever grows over the life of a log.
type Offset uint64

// Key goes along with a record and is not looked at: the key of a call leg,
// for instance.
type Key [16]byte

// Entry is a record read.
type Entry struct {
	Offset Offset // where it begins
	Next   Offset // where the next one does: what a consumer stores
	Key    Key
	Data   []byte // valid until the next entry is asked for
}

// A record is a CRC-32C, the length of the data, the key and the data. The
// checksum is over length, key, data and the offset, in this order: what
// comes last is known last.
const recordHeader = 4 + 4 + len(Key{})

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendRecord appends a record with the checksum over everything but the
// offset, which seal adds.
func appendRecord(dst []byte, k Key, data []byte) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(data)))
	dst = append(dst, k[:]...)
	dst = append(dst, data...)
	binary.LittleEndian.PutUint32(dst[at:], crc32.Checksum(dst[at+4:], castagnoli))
	return dst
}

// seal completes the checksums of records that go to offset and behind it.
func seal(records []byte, offset Offset) {
	for len(records) > 0 {
		sum := binary.LittleEndian.Uint32(records)
		binary.LittleEndian.PutUint32(records, withOffset(sum, offset))
		n := recordHeader + int(binary.LittleEndian.Uint32(records[4:]))
		records = records[n:]
		offset += Offset(n)
	}
}

func withOffset(sum uint32, offset Offset) uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(offset))
	return crc32.Update(sum, castagnoli, b[:])
}

// valid reports whether b is a record at offset.
func valid(b []byte, offset Offset) bool {
	return binary.LittleEndian.Uint32(b) == withOffset(crc32.Checksum(b[4:], castagnoli), offset)
}
