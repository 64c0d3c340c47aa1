// Package xdp drops the packets of banned sources in the kernel, before a
// socket, a queue or a copy is spent on them.
//
// A [List] is attached to one network interface and fed from the bans of a
// [guard.Guard] by [List.Sync], every second or so. It drops what comes from a
// listed prefix to one of the listed UDP or TCP ports, counts it by prefix, and
// passes everything else untouched: other ports, other protocols, fragments
// behind the first, IPv6 with extension headers, and whatever it cannot read.
// Up to two VLAN tags are looked behind.
//
// It is stronger than the guard's own ban, which lets messages with a valid
// token through: here even the calls and connections of a listed source stop.
// Bans for datagrams alone, which forged packets may have caused, are
// therefore not listed.
//
// # Plain mode
//
// Where the kernel refuses (no CAP_NET_ADMIN and CAP_BPF, no such interface, a
// system other than Linux), [Open] still succeeds: the list does nothing,
// [List.Mode] is Plain and [List.Why] says why. The guard works all the same, at
// the cost of a system call and a look-up a packet. The same is so while the
// interface of a list is away (ErrGone); Sync attaches the list again when there
// is one of that name.
//
// # The program
//
// It is assembled at run time, so no compiler is needed, with the ports as
// constants, for loading under the license "Dual MIT/GPL". Prefixes are in two
// maps of the type LPM trie, of fixed size; a ban's end is the user's business,
// who calls Sync. When the process ends, by whatever cause, the kernel detaches
// the program.
package xdp
