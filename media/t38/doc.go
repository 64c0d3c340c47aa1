// Package t38 reads and writes what fax over IP looks like on the wire: UDPTL
// packets (ITU-T T.38 clause 9.1) and the attributes of its media description
// (T.38 annex D).
//
// A relay passes UDPTL through. [Parse] validates a packet, [Receiver] counts
// what was lost on the way and how much of that the redundancy of later packets
// makes good, and [Classify] tells what kind of fax data a packet carries, for
// records and for seeing that a fax has begun. [Append] and [AppendFEC] write
// packets, for an endpoint and for tests.
//
// Nothing is copied and nothing outside the standard library is used; parsing
// and counting allocate nothing. Slices point into the packet.
package t38
