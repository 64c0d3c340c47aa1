// Package shard runs single-goroutine SIP cores side by side, each fed with
// the messages of the calls that a hash of the Call-ID gives it.
//
// A [Core] is a sans-I/O state machine: a transaction layer with what stands
// on it. [Pool] is the thin shell: a transport.Handler that has every inbound
// message judged by the one scanner (sip/wire), answers what the scanner
// refuses, and hands the rest, copied, to the shard of its Call-ID. INVITE,
// CANCEL, ACK and BYE of a call therefore meet on one goroutine in the order
// in which they came, and a core needs no lock.
//
// Work that did not come from the network (a media time-out, an operator's
// order, the result of a query) joins a call's shard by [Pool.Do].
//
// A core that asks others without waiting for them says so by [Lingerer]: its
// shard then runs on after Close until the answers are there.
//
// A core may block for as long as its callers can wait: the calls of its
// shard wait with it, those of other shards do not. Messages for a shard
// whose queue is full are dropped and counted, as a full socket buffer would;
// datagrams are repeated by their senders.
package shard
