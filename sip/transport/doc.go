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
// ServeSIP runs on the goroutine that read the messages, one for each UDP
// socket and one for each connection, several at once; while it runs, that
// socket or connection is not read. Sending to a stream never blocks: what the
// socket does not take at once waits in the connection's bounded queue, and a
// peer that lets the queue overflow is disconnected. Sending over UDP waits
// only for room in the socket's send buffer.
//
// # Keep-alives
//
// A double CRLF between the messages of a stream is answered with a CRLF (RFC
// 5626 section 3.5.1), a WebSocket ping with a pong. Datagrams of nothing but
// CR, LF, NUL and space are dropped. Handlers see none of them.
//
// # Portability
//
// Batched system calls, reply addresses behind wildcards and kernel drop
// counts are for Linux. Elsewhere on Unix datagrams are read and written one by
// one.
package transport
