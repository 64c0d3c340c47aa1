package meter

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Machine is the time that all processors were busy since the machine has
// started, with interrupts and what the kernel does by itself.
func Machine() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseMachine(b)
}

// parseMachine reads the first line of /proc/stat: user, nice, system, idle,
// iowait, irq, softirq, and what other machines and guests took.
func parseMachine(b []byte) (busy time.Duration, err error) {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	f := bytes.Fields(line)
	if len(f) < 8 || string(f[0]) != "cpu" {
		return 0, fmt.Errorf("%w: stat of the machine", ErrProc)
	}
	for _, i := range []int{1, 2, 3, 6, 7} {
		n, err := strconv.ParseInt(string(f[i]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%w: stat of the machine: %w", ErrProc, err)
		}
		busy += time.Duration(n) * tick
	}
	return busy, nil
}
