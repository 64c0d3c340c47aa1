// Package memstore keeps registrations in memory, with a journal on disk if
// wanted: a [registrar.Store] for one process.
//
// Records are kept encoded, one string each, in sharded maps: about 420
// octets for a registration with everything in it, all told (BenchmarkMemory),
// and a Lookup copies nothing.
//
// # Journal
//
// With a directory ([Open]) each change is written to a journal before Update
// returns, so that a killed process comes back with every registration it
// confirmed. The journal is written, not synced: a loss of power may take the
// last [Config].SyncInterval with it, after which phones are found again by
// their next refresh. SyncInterval below zero syncs each change.
//
// The journal is a snapshot and the segments written since, each a row of
// frames: length, CRC-32C, content. A frame holds the whole record of one
// address, so that replaying any frame twice is harmless. Reading stops at
// the first frame that is torn or damaged; [Store.Recovery] tells what was
// left out. When the segments outgrow the live data [Store.Run] writes a new
// snapshot beside the running store and removes them. A lock file keeps a
// second process out.
//
// # Goroutines
//
// A Store starts none. Whoever owns it calls Run, which expires, syncs and
// compacts until its context ends, and Close after it. Without Run everything
// works as well, but memory of expired bindings is freed only as others
// register.
package memstore
