// Package dtmf handles dialled digits in media and signalling: telephone
// events in RTP (RFC 4733), tones in audio (ITU-T Q.23 and Q.24) and bodies of
// SIP INFO, each in both directions; and it keeps digits from those who should
// not have them.
//
// [ParsePayload] and [Payload.Append] are the wire format. A [Sender] makes
// the packets of an event, a [Receiver] finds the events in packets.
// [Generator] and [Detector] are the same for tones in audio. [ParseInfo] and
// [FormatInfo] are for application/dtmf-relay and application/dtmf.
// [Blocker] replaces events and tones of a stream by something else, and
// [Trigger] tells from what was dialled when that begins and ends.
// [Report.AppendJSON] writes the datagram that Kamailio's rtpengine module
// reads, and [ParseReport] reads it.
//
// Nothing here has a clock, a goroutine or a lock, and nothing allocates per
// packet. Digits are secrets (card numbers, PINs): an [Event] prints and logs
// as "digit"; [Event.Digit] tells which.
package dtmf
