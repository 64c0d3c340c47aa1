// Package filerelay keeps the states of media sessions in a directory: a
// [relay.Store] for a relay whose calls are to survive its process, without
// another one.
//
// # Layout
//
//	owner                who writes: a word of the process, how many came before
//	                     it, when all was current; locked for each write
//	log-0000000000000001 and so on: what was written, one behind the other
//
// A write is one frame behind those before it: a checksum, and states and ends of
// sessions. What a session was before is dead then. When more is dead than half of
// what lives, and 8 MiB beside, what lives in the oldest log is written anew and
// that log removed, so that the directory has no more than 1.5 times the states of
// the present sessions and some 12 MiB, in a small file system a fifth of it.
//
// # What survives
//
// The relay writes behind its signalling. A process that dies, by kill -9 too,
// loses what it had not written yet, some milliseconds of changes while the file
// system keeps up; a write that it died in is not there at all. Nothing is synced:
// when the machine dies, what the kernel had not written to the disk is lost, and
// as nobody knows how much that was, calls with SRTP do not go on after another
// start of the machine. A directory in memory (tmpfs) keeps keys off the disk, and
// ends with the machine.
//
// A write that fails (no room, no rights, read-only) is tried again and leaves
// nothing that could be read in place of a later one. Removed logs, or a removed
// directory, are noticed with the next write or within a second, and all is written
// again.
//
// # Order and clock
//
// Who opened the directory last writes; others are told with their next write. How
// old states are is told by the kernel's clock since the start of the machine
// (CLOCK_BOOTTIME), which nobody sets.
//
// # Before there were logs
//
// Up to now each session had a file of its own, named by a hash. Those are read
// by Open, written to a log and removed.
//
// # Secrets
//
// States hold SRTP keys. Only the owner of the directory can read it.
package filerelay
