// Package tap records SIP messages in clear as they pass through a
// [transport.Endpoint], over whatever transport: into pcapng files for
// Wireshark and tshark, and as HEPv3 to a collector such as Homer or sngrep.
//
// [Tap.Message] fits transport.Config.Tap. It takes what its [Filter] asks for,
// copies it into a buffer of fixed size and returns; when the buffer is full, or
// contended, the message is dropped and counted, so that carrying messages never
// waits for recording them. [Tap.Run] empties the buffer into the sinks on a
// goroutine of its own.
//
// Unless told otherwise, digest responses, SDES keys and ICE passwords are
// overwritten with asterisks before a sink sees them, as by [capture.Mask].
//
// # Files
//
// [File] makes up Ethernet, IP and UDP or TCP headers around each message. What
// went over TLS or WebSocket stands there as plain SIP over TCP, with our port
// shown as 5060, so that it is dissected as SIP. Each listener is an interface
// of the file, by name.
package tap
