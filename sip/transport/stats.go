package transport

import "sync/atomic"

// Drop is a reason why a message was not carried. Its String is a metrics
// label.
type Drop uint8

// The reasons for dropping a message.
const (
	// DropOversize: a datagram was longer than MaxMessage.
	DropOversize Drop = iota
	// DropKernel: the socket's receive buffer was full (Linux).
	DropKernel
	// DropSource: a datagram came from an address that can't be answered.
	DropSource
	// DropFlowGone: the flow's connection is not alive.
	DropFlowGone
	// DropQueueFull: the peer reads too slowly.
	DropQueueFull
	// DropTooLarge: a message to send did not fit into a datagram.
	DropTooLarge
	// DropAddress: the address to send to does not fit the listener.
	DropAddress
	// DropSend: the system refused to send, or the connection broke meanwhile.
	DropSend
	// DropKeepAlive: a source sent more keep-alives than are answered.
	DropKeepAlive

	// DropCount is the number of reasons.
	DropCount
)

// String returns the metrics label.
func (d Drop) String() string {
	return [...]string{"oversize", "kernel", "source", "flow_gone", "queue_full",
		"too_large", "address", "send", "keep_alive", "unknown"}[min(d, DropCount)]
}

// Close is a reason why a connection was closed or not accepted. Its String is
// a metrics label.
type Close uint8

// The reasons for closing a connection.
const (
	// ClosePeer: the peer closed it or it broke.
	ClosePeer Close = iota
	// CloseIdle: nothing came for Timeouts.Idle, or Timeouts.First.
	CloseIdle
	// ClosePartial: a message was not complete in Timeouts.Partial.
	ClosePartial
	// CloseHandshake: the TLS or WebSocket handshake failed or took too long.
	CloseHandshake
	// CloseFraming: what came can't be cut into messages, or not within limits.
	CloseFraming
	// CloseQueueFull: Limits.WriteQueue was exceeded.
	CloseQueueFull
	// CloseWrite: writing failed or was stuck for Timeouts.Write.
	CloseWrite
	// CloseShutdown: Serve ended.
	CloseShutdown
	// CloseLimit: not accepted, Limits.Connections are open.
	CloseLimit
	// CloseSourceLimit: not accepted, Limits.ConnectionsPerSource are open.
	CloseSourceLimit
	// CloseHandshakeLimit: not accepted, Limits.Handshakes are under way.
	CloseHandshakeLimit
	// CloseHandshakeRate: not accepted, Limits.HandshakeRatePerSource.
	CloseHandshakeRate
	// CloseProxy: a balancer's connection did not begin with a PROXY header.
	CloseProxy
	// CloseMemory: Limits.StreamMemory was exceeded.
	CloseMemory

	// CloseCount is the number of reasons.
	CloseCount
)

// String returns the metrics label.
func (c Close) String() string {
	return [...]string{"peer", "idle", "partial", "handshake", "framing", "queue_full", "write",
		"shutdown", "limit", "source_limit", "handshake_limit", "handshake_rate", "proxy",
		"memory", "unknown"}[min(c, CloseCount)]
}

// ListenerStats are the totals of one listener since Listen.
type ListenerStats struct {
	// ListenerInfo is which one.
	ListenerInfo
	// Received and Sent count messages, ReceivedBytes and SentBytes the bytes in
	// them (without TLS and WebSocket overhead).
	Received, ReceivedBytes, Sent, SentBytes uint64
	// KeepAlives counts pings and keep-alive datagrams received.
	KeepAlives uint64
	// Dropped counts messages by Drop.
	Dropped [DropCount]uint64
	// Accepted and Dialed count connections, Open is how many there are now.
	Accepted, Dialed uint64
	Open             int64
	// Closed counts connections by Close.
	Closed [CloseCount]uint64
	// Handshakes counts those of TLS, WebSocket and PROXY that came to a good end.
	Handshakes uint64
	// AcceptErrors counts failures of accept, such as a lack of descriptors.
	AcceptErrors uint64
}

// counters are updated by every goroutine that carries messages, once a batch.
type counters struct {
	received, receivedBytes atomic.Uint64
	sent, sentBytes         atomic.Uint64
	keepAlives              atomic.Uint64
	dropped                 [DropCount]atomic.Uint64
	accepted, dialed        atomic.Uint64
	open                    atomic.Int64
	closed                  [CloseCount]atomic.Uint64
	acceptErrors            atomic.Uint64
	handshakes              atomic.Uint64

	_ [64]byte // the counters of another socket start on another cache line
}

func (c *counters) drop(d Drop)   { c.dropped[d].Add(1) }
func (c *counters) close(r Close) { c.closed[r].Add(1) }

func (c *counters) in(messages, bytes int) {
	c.received.Add(uint64(messages))
	c.receivedBytes.Add(uint64(bytes))
}

func (c *counters) out(messages, bytes int) {
	c.sent.Add(uint64(messages))
	c.sentBytes.Add(uint64(bytes))
}

func (c *counters) addTo(s *ListenerStats) {
	s.Received += c.received.Load()
	s.ReceivedBytes += c.receivedBytes.Load()
	s.Sent += c.sent.Load()
	s.SentBytes += c.sentBytes.Load()
	s.KeepAlives += c.keepAlives.Load()
	for i := range s.Dropped {
		s.Dropped[i] += c.dropped[i].Load()
	}
	s.Accepted += c.accepted.Load()
	s.Dialed += c.dialed.Load()
	s.Open += c.open.Load()
	for i := range s.Closed {
		s.Closed[i] += c.closed[i].Load()
	}
	s.AcceptErrors += c.acceptErrors.Load()
	s.Handshakes += c.handshakes.Load()
}

// Handshaking returns how many of Limits.Handshakes are under way.
func (e *Endpoint) Handshaking() int {
	e.admission.mu.Lock()
	defer e.admission.mu.Unlock()
	return e.admission.shakes
}

// Stats returns the totals of every listener, in the order of Config.Listeners.
// It is cheap enough to be called at every scrape.
func (e *Endpoint) Stats() []ListenerStats {
	all := make([]ListenerStats, len(e.listeners))
	for i, l := range e.listeners {
		all[i].ListenerInfo = l.info
		l.counters.addTo(&all[i])
		for _, s := range l.udp {
			s.counters.addTo(&all[i])
		}
	}
	return all
}
