// Package rtpwire reads and writes the fixed parts of RTP and RTCP packets
// (RFC 3550) as a relay and a simple endpoint need them: no allocation, no
// copy, nothing outside the standard library.
//
// [Classify] sorts the protocols that share a media port by their first
// octets (RFC 7983, RFC 5761). [Parse] validates an RTP header including CSRC
// list, extension and padding and finds the payload; [Header.Append] writes a
// header. [RTCP] walks the packets of a compound and validates their lengths.
//
// Encrypted RTP (SRTP) has its header in the clear, but its padding octet is
// ciphertext: use [ParseHeader], which leaves padding alone.
//
// Slices that are returned point into the packet; nothing is kept.
package rtpwire
