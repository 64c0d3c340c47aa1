// Package rendezvous chooses one of several weighted members for a key by
// highest random weight, and remembers choices that must not change. Its
// importers give it a face: the table of names in cluster/ring, the tables of
// proxies in the SIP packages.
//
// A [Table] is immutable and a [Memory] may be used by many goroutines; neither
// locks, nor allocates when asked.
package rendezvous
