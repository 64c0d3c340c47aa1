package guard

import (
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/class5-go/class5/sip/wire"
)

type counters struct {
	refused           [numReasons]atomic.Uint64
	bans              [numReasons]atomic.Uint64
	checks            [numChecks]atomic.Uint64
	malformed         [256]atomic.Uint64
	succeeded, failed atomic.Uint64
}

// refuse counts and is false.
func (g *Guard) refuse(r Reason) bool {
	g.counts.refused[r].Add(1)
	return false
}

// Stats is what a guard has counted since it was made.
type Stats struct {
	Refused   map[Reason]uint64      // messages, by why
	Bans      map[Reason]uint64      // bans set, users protected, sources restricted
	Checks    map[Check]uint64       // messages that broke a row of the sanity table
	Malformed map[wire.Reason]uint64 // messages that could not be parsed
	Succeeded uint64                 // authentications, by Result
	Failed    uint64
	Tables    []TableStats
	Memory    int // octets that the tables take
}

// TableStats is how full a table is.
type TableStats struct {
	Name    string // name of its field in Tables, in lower case
	Size    int    // entries
	Used    int    // entries; of buckets those that are not full
	Evicted uint64 // entries lost to others before their time
}

// Stats reads all counters, those that are 0 included, and goes over all tables:
// it is for once in some seconds.
func (g *Guard) Stats(now time.Time) Stats {
	s := Stats{
		Refused: map[Reason]uint64{}, Bans: map[Reason]uint64{}, Checks: map[Check]uint64{},
		Malformed: map[wire.Reason]uint64{}, Succeeded: g.counts.succeeded.Load(), Failed: g.counts.failed.Load(),
		Memory: g.Memory(),
	}
	for r := range Reasons() {
		s.Refused[r], s.Bans[r] = g.counts.refused[r].Load(), g.counts.bans[r].Load()
	}
	for c := range Checks() {
		s.Checks[c] = g.counts.checks[c].Load()
	}
	for r := range wire.Reasons {
		s.Malformed[r] = g.counts.malformed[r].Load()
	}
	bucket := func(name string, b *buckets) {
		s.Tables = append(s.Tables, TableStats{name, b.len(), b.used(now), b.evictions()})
	}
	bucket("sources", g.sources)
	bucket("methods", g.methods)
	bucket("users", g.users)
	s.Tables = append(s.Tables,
		TableStats{"bans", g.bans.len(), g.bans.used(), g.bans.evictions()},
		TableStats{"standing", g.standing.len(), g.standing.used(), g.standing.evictions()},
		TableStats{"targets", g.targets.len(), g.targets.used(), g.targets.evictions()},
		TableStats{"known", g.known.len(), g.known.used(), g.known.evictions()})
	return s
}

// Memory is how many octets the tables take. It depends on Config.Tables alone.
func (g *Guard) Memory() int {
	const set = int(unsafe.Sizeof(bucketSet{}))
	n := set * (len(g.sources.sets) + len(g.methods.sets) + len(g.users.sets))
	return n + g.bans.size() + g.standing.size() + g.targets.size() + g.known.size()
}

// size is in octets.
func (t *table[V]) size() int {
	var v V
	return t.len() * (8 + 4 + int(unsafe.Sizeof(v)))
}
