package meter

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// Drops is how many datagrams the kernel has thrown away because the sockets of
// a local UDP port did not take them in time, since the sockets were opened.
func Drops(port uint16) (uint64, error) {
	b, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return 0, err
	}
	return parseDrops(b, port)
}

// parseDrops sums the last column of the lines of a port.
func parseDrops(b []byte, port uint16) (sum uint64, err error) {
	suffix := fmt.Appendf(nil, ":%04X", port)
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) < 13 || !bytes.HasSuffix(f[1], suffix) {
			continue
		}
		n, err := strconv.ParseUint(string(f[len(f)-1]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%w: drops: %w", ErrProc, err)
		}
		sum += n
	}
	return sum, nil
}
