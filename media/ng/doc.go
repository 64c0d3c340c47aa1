// Package ng speaks the control protocol of rtpengine, by which a SIP proxy has
// a media relay rewrite session descriptions. It has both sides: a [Server],
// for a relay that Kamailio or OpenSIPS drive, and a [Client] with sets of
// relays ([Nodes]), for a proxy that uses any such relay.
//
// # Messages
//
// A message is a cookie, a space and a dictionary, in bencode or JSON:
//
//	5323_1 d7:command4:pinge
//	5323_1 {"command":"ping"}
//
// [Dict] is such a dictionary. In keys and flags hyphen, space and underscore
// are the same. A request that comes again with the same cookie from the same
// address gets the same octets as before and is not carried out again.
//
// # Transports
//
// [Server.ServeUDP] takes UDP, [Server.ServeTCP] TCP and TLS, and
// [Server.HTTPHandler] HTTP, HTTPS, WebSocket and secure WebSocket. Who may
// drive a relay can direct media anywhere, so listeners without TLS serve only
// the addresses in Config.Allow, loopback unless said otherwise, and HTTPS wants
// a token.
//
// # Contract
//
// Serve functions run until their context is done and return when their
// goroutines have ended. A malformed message is dropped and counted; an error
// of a [Handler] is the error-reason of the reply. Sizes, depth and the number
// of values of a message are bounded, and so are connections and the memory of
// replies. Nothing of a message but its command is logged.
package ng
