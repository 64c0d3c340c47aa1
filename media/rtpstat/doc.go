// Package rtpstat measures received RTP streams: loss, duplicates, reordering
// and interarrival jitter (RFC 3550 sections 6.4.1, A.1, A.3, A.8), and
// estimates from them how good a call sounded (ITU-T G.107 E-model, reduced).
//
// A [Receiver] is fed with each packet header and its arrival time and asked
// for a [Snapshot] at any time. It keeps a fixed amount of state whatever
// arrives: the sequence state of four sources (SSRCs), older ones are folded
// into the totals. Nothing allocates, nothing blocks; calls must be
// serialised by the caller.
//
// Differences from the sample code of RFC 3550: the first packet of a source
// counts at once (no probation), so that totals agree with what was sent;
// duplicates are recognised within the last 128 sequence numbers and never
// hide a loss; a packet that comes later than the first one but was sent
// before it counts.
package rtpstat
