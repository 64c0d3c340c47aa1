// Package transport moves whole SIP messages between the network and a
// [Handler], over UDP, TCP, TLS, WebSocket and secure WebSocket (RFC 3261
// section 18, RFC 7118). It frames, limits and counts; it does not parse SIP
// beyond Content-Length and keeps no transaction.
//
// # Life
//
// [Listen] binds every listener of a [Config] or none. [Endpoint.Serve] then
// reads until its context ends and returns when every goroutine it started has
// ended and every socket is closed. An Endpoint that is never served is given
// back with [Endpoint.Close].
//
// # Flows
//
// A [Flow] names where a message came from and where an answer goes. For UDP it
// is the pair of addresses; Flow.Local is the address the datagram was sent to,
// also when the socket is bound to a wildcard, and the answer leaves from it.
// A stream connection has a generation besides: the second in which Listen was
// called in the upper half and a counter in the lower. Generations are not used
// twice, so that a message for a connection that is gone yields [ErrFlowGone]
// and never reaches another client behind the same address and port. Flows are
// comparable values and may be kept, sent to another process and used years
// later.
//
// # Who owns bytes
//
// The batch given to [Handler.ServeSIP], and all bytes it refers to, are lent
// until the handler returns. Bytes handed to [Outbox.Send] are not copied: they
// must stay unchanged until ServeSIP returns (or [Outbox.Flush], for an Outbox
// made with [Endpoint.Outbox]). They may be part of the batch, so an echo
// copies nothing. [Endpoint.Send] is done with its argument when it returns.
//
// # What may block
//
// ServeSIP runs on the goroutine that read the messages, several at once: for
// streams as many as Config.Loops, each with its share of the connections, and
// for UDP as many as the largest ListenerConfig.Readers, the i-th of which serves
// the i-th socket of every UDP listener. While it runs, these sockets or those
// connections are not read: a handler must not wait for anything. Messages of
// one connection come in order and never on two goroutines at once. Sending to a
// stream never blocks: what the socket does not take at once waits in the
// connection's bounded queue, and a peer that lets the queue overflow is
// disconnected. Sending over UDP waits only for room in the socket's send buffer.
//
// # Connections
//
// A connection that waits holds no goroutine and no buffer, but for what
// crypto/tls keeps: a buffer as large as the longest record that came. Handshakes
// have a goroutine each while they last. [Limits] bounds how many connections and
// handshakes there are, in total and by source, how fast they come, and in
// StreamMemory what all of them hold together; [Timeouts] how long an unfinished
// message, TLS record or handshake may take however its bytes trickle in. Whoever
// oversteps is closed and counted by reason in [ListenerStats]. Time-outs are
// looked for twice a second and come late by that much.
//
// TLS is 1.2 or later. [Certificates] are chosen by the name a client asks for
// and exchanged while connections are open, [TicketKeys] lets a session made at
// one node be resumed at another, and [Endpoint.Peer] tells whom a client
// certificate is for. [Endpoint.Dial] is for peers, never for clients; it checks
// their certificates by RFC 5922, and takes a connection that the peer opened
// where [Endpoint.Alias] was told of it.
//
// # Keep-alives
//
// A double CRLF between the messages of a stream is answered with a CRLF (RFC
// 5626 section 3.5.1), a WebSocket ping with a pong, and a STUN Binding request
// on a UDP listener with XOR-MAPPED-ADDRESS (RFC 8489, RFC 5626 section 4.4.2),
// and FINGERPRINT if the request had one. Datagrams of nothing but CR, LF, NUL
// and space are dropped: RFC 5626 has CRLF for streams only. Handlers see none of
// them.
//
// No one can be shot at by way of STUN: nothing but what is needed is in an
// answer, so that even the one to a request without attributes is at most 1.3
// times as long as it, in Ethernet frames (78 bytes for 66 over IPv4, 110 for 86
// over IPv6), and a source, which is an IPv4 address or an IPv6 /64, gets 50
// answers a second after the first 200.
//
// # Processors
//
// A UDP reader waits in a system call of its own and not in Go's network poller;
// that halves the cost of a message when few come. Where there are as many
// readers as processors, GOMAXPROCS should be one more than them, as otherwise
// Go's scheduler is busy with taking the processor from readers that wait.
//
// # Portability
//
// FreeBind, Share, Unreachable, batched system calls, reply addresses behind wildcards and kernel drop
// counts are for Linux. Elsewhere on Unix datagrams are read and written one by
// one.
package transport
