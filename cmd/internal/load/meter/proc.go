package meter

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of processor time in /proc: USER_HZ is 100 on every
// architecture that Go runs on.
const tick = 10 * time.Millisecond

// ErrProc means a file under /proc does not look as Linux writes it.
var ErrProc = errors.New("meter: /proc not understood")

// Usage is what a process and its descendants have used since they began.
type Usage struct {
	User, System time.Duration // with that of descendants that have ended
	RSS          int64         // resident octets, shared pages counted for each process
	PSS          int64         // the same, shared pages divided; 0 when the kernel does not tell
	Processes    int
}

// CPU is user and system time together.
func (u Usage) CPU() time.Duration { return u.User + u.System }

// Sub is the processor time used since an earlier reading; memory stays that of
// u.
func (u Usage) Sub(earlier Usage) Usage {
	u.User -= earlier.User
	u.System -= earlier.System
	return u
}

// Add puts what another process has used to it.
func (u *Usage) Add(other Usage) {
	u.User += other.User
	u.System += other.System
	u.RSS += other.RSS
	u.PSS += other.PSS
	u.Processes += other.Processes
}

// stat is what we want of /proc/PID/stat.
type stat struct {
	parent       int
	user, system time.Duration    // of its own
	gone         [2]time.Duration // the same of children waited for
	rss          int64            // pages
}

// refine puts the time of the process's own clock in the place of what /proc
// rounds down to ticks, which is divided by these as before.
func (s *stat) refine(exact time.Duration) {
	if rough := s.user + s.system; rough > 0 {
		s.user = time.Duration(float64(exact) * float64(s.user) / float64(rough))
		s.system = exact - s.user
	} else {
		s.user = exact
	}
}

// clock is the processor time of a process in nanoseconds, by the clock that
// clock_getcpuclockid(3) names.
func clock(pid int) (time.Duration, bool) {
	const sched = 2 // CPUCLOCK_SCHED of the kernel, for all threads
	var ts unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|sched), &ts) != nil {
		return 0, false
	}
	return time.Duration(ts.Nano()), true
}

// parseStat reads /proc/PID/stat. The command name stands in parentheses and
// may hold anything, blanks and parentheses too.
func parseStat(b []byte) (stat, error) {
	end := bytes.LastIndexByte(b, ')')
	if end < 0 {
		return stat{}, fmt.Errorf("%w: stat without a name", ErrProc)
	}
	f := bytes.Fields(b[end+1:]) // f[0] is field 3 of proc(5)
	if len(f) < 22 {
		return stat{}, fmt.Errorf("%w: stat with %d fields", ErrProc, len(f))
	}
	var n [22]int64
	for _, i := range []int{1, 11, 12, 13, 14, 21} {
		v, err := strconv.ParseInt(string(f[i]), 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("%w: field %d: %w", ErrProc, i+3, err)
		}
		n[i] = v
	}
	return stat{
		parent: int(n[1]), user: time.Duration(n[11]) * tick, system: time.Duration(n[12]) * tick,
		gone: [2]time.Duration{time.Duration(n[13]) * tick, time.Duration(n[14]) * tick}, rss: n[21],
	}, nil
}

// Tree reads the usage of a process and all its descendants. Processes that end
// while it reads are passed over.
func Tree(pid int) (Usage, error) {
	all, err := processes()
	if err != nil {
		return Usage{}, err
	}
	if _, ok := all[pid]; !ok {
		return Usage{}, fmt.Errorf("meter: process %d: %w", pid, os.ErrNotExist)
	}
	var u Usage
	for id, s := range all {
		if !descends(all, id, pid) {
			continue
		}
		if exact, ok := clock(id); ok {
			s.refine(exact)
		}
		u.User += s.user + s.gone[0]
		u.System += s.system + s.gone[1]
		u.RSS += s.rss * int64(os.Getpagesize())
		u.PSS += pss(id)
		u.Processes++
	}
	return u, nil
}

func processes() (map[int]stat, error) {
	dir, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	all := make(map[int]stat, len(dir))
	for _, e := range dir {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // not a process
		}
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		s, err := parseStat(b)
		if err != nil {
			return nil, err
		}
		all[id] = s
	}
	return all, nil
}

// descends follows parents, at most as many as there are processes: what was
// read is not one moment, so that it could go in a circle.
func descends(all map[int]stat, id, ancestor int) bool {
	for range len(all) {
		if id == ancestor {
			return true
		}
		s, ok := all[id]
		if !ok {
			return false
		}
		id = s.parent
	}
	return false
}

func pss(pid int) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0
	}
	return parsePSS(b)
}

// parsePSS finds the line "Pss:  1234 kB".
func parsePSS(b []byte) int64 {
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) != 3 || string(f[0]) != "Pss:" {
			continue
		}
		kb, err := strconv.ParseInt(string(f[1]), 10, 64)
		if err != nil {
			return 0
		}
		return kb << 10
	}
	return 0
}
