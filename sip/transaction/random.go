package transaction

// pool draws random bytes in bulk, because a system call per branch would
// cost more than the rest of a transaction.
type pool struct {
	read  func([]byte)
	bytes [256]byte
	used  int // bytes left are at the end; 0 means that none were drawn yet
}

const digits32 = "0123456789abcdefghijklmnopqrstuv"

// append encodes n random bytes (a multiple of 5) in base32hex, which is a
// token of RFC 3261 and survives elements that fold case.
func (p *pool) append(dst []byte, n int) []byte {
	if p.used == 0 || p.used+n > len(p.bytes) {
		p.read(p.bytes[:])
		p.used = 0
	}
	b := p.bytes[p.used : p.used+n]
	p.used += n
	for ; len(b) >= 5; b = b[5:] {
		v := uint64(b[0])<<32 | uint64(b[1])<<24 | uint64(b[2])<<16 | uint64(b[3])<<8 | uint64(b[4])
		for shift := 35; shift >= 0; shift -= 5 {
			dst = append(dst, digits32[v>>shift&31])
		}
	}
	return dst
}
