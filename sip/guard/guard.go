package guard

import (
	"sync"
	"sync/atomic"
)

// Guard decides about messages. Its methods may be called from many goroutines.
type Guard struct {
	rules atomic.Pointer[rules] // what is configured, replaced as a whole
	seed  seed

	sources, methods, users *buckets
	looks                   *bucket // second looks of all sources
	bans                    *banTable
	standing                *standingTable
	targets                 *targetTable
	known                   *knownTable

	reload sync.Mutex // orders changes of rules and of wide
	wide   []Ban      // bans of prefixes wider than one source
	counts counters
}

// New checks cfg and makes a guard.
func New(cfg Config) (*Guard, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	t := cfg.Tables
	g := &Guard{
		seed:    newSeed(),
		sources: newBuckets(t.Sources), methods: newBuckets(t.Methods), users: newBuckets(t.Users),
		looks: new(bucket), bans: newBanTable(t.Bans), standing: newStandingTable(t.Standing),
		targets: newTargetTable(t.Targets), known: newKnownTable(t.Known),
	}
	r, err := compile(cfg, nil)
	if err != nil {
		return nil, err
	}
	g.rules.Store(r)
	return g, nil
}

// Reload puts another configuration in force. Tables and bans stay as they are;
// it fails with ErrTables when cfg wants other sizes than New was given. After
// an error the old configuration stays in force.
func (g *Guard) Reload(cfg Config) error {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return err
	}
	g.reload.Lock()
	defer g.reload.Unlock()
	if cfg.Tables != g.rules.Load().cfg.Tables {
		return ErrTables
	}
	r, err := compile(cfg, g.wide)
	if err != nil {
		return err
	}
	g.rules.Store(r)
	return nil
}
