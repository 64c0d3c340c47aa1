package tap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/class5-go/class5/sip/transport"
)

// HEPConfig says which collector messages go to. Only Collector is required.
type HEPConfig struct {
	// Collector is where it listens, over UDP.
	Collector netip.AddrPort
	// CaptureID tells this element from others.
	CaptureID uint32
	// Key is the collector's authentication key; empty is none.
	Key string
	// Node is the name of this element; empty is none.
	Node string
}

// HEP is a Sink that sends messages to a collector, in version 3 of the Homer
// encapsulation protocol over UDP.
type HEP struct {
	cfg  HEPConfig
	conn *net.UDPConn
	buf  []byte
}

// ErrTooLong means that a message does not fit into a datagram with what goes
// around it.
var ErrTooLong = errors.New("tap: too long for a datagram")

// NewHEP makes a socket for a collector, which need not be there yet.
func NewHEP(cfg HEPConfig) (*HEP, error) {
	if len(cfg.Key) > 255 || len(cfg.Node) > 255 {
		return nil, errors.New("tap: key or name of more than 255 bytes")
	}
	if !cfg.Collector.IsValid() || cfg.Collector.Port() == 0 {
		return nil, errors.New("tap: no collector")
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(cfg.Collector))
	if err != nil {
		return nil, fmt.Errorf("tap: %w", err)
	}
	return &HEP{cfg: cfg, conn: conn}, nil
}

// String names the sink in logs.
func (h *HEP) String() string { return "hep " + h.cfg.Collector.String() }

// Write implements Sink.
func (h *HEP) Write(m *Message) error {
	h.buf = AppendHEP(h.buf[:0], m, &h.cfg)
	if len(h.buf) > maxDatagm {
		return ErrTooLong
	}
	if _, err := h.conn.Write(h.buf); err != nil {
		return fmt.Errorf("tap: %w", err)
	}
	return nil
}

// Flush implements Sink.
func (h *HEP) Flush() error { return nil }

// Close implements Sink.
func (h *HEP) Close() error {
	if err := h.conn.Close(); err != nil {
		return fmt.Errorf("tap: %w", err)
	}
	return nil
}

// The chunks of HEPv3 that are written, all of vendor 0.
const (
	hepFamily = 1 + iota
	hepProtocol
	hepSource4
	hepDestination4
	hepSource6
	hepDestination6
	hepSourcePort
	hepDestinationPort
	hepSeconds
	hepMicroseconds
	hepType
	hepCaptureID
	_
	hepKey
	hepPayload
	_
	hepCorrelation
	_
	hepNode
)

// AppendHEP appends the HEPv3 packet of a message to dst; of cfg the collector
// does not matter. The correlation is the Call-ID.
func AppendHEP(dst []byte, m *Message, cfg *HEPConfig) []byte {
	start := len(dst)
	dst = append(dst, "HEP3\x00\x00"...)
	src, to := m.Source(), m.Destination()
	if src.Addr().Is4() {
		dst = chunk8(dst, hepFamily, 2)
	} else {
		dst = chunk8(dst, hepFamily, 10)
	}
	if m.Flow.Protocol == transport.UDP {
		dst = chunk8(dst, hepProtocol, 17)
	} else {
		dst = chunk8(dst, hepProtocol, 6)
	}
	if a, b := src.Addr(), to.Addr(); a.Is4() {
		a4, b4 := a.As4(), b.As4()
		dst = chunk(chunk(dst, hepSource4, a4[:]), hepDestination4, b4[:])
	} else {
		a16, b16 := a.As16(), b.As16()
		dst = chunk(chunk(dst, hepSource6, a16[:]), hepDestination6, b16[:])
	}
	dst = chunk16(chunk16(dst, hepSourcePort, src.Port()), hepDestinationPort, to.Port())
	dst = chunk32(chunk32(dst, hepSeconds, uint32(m.At.Unix())), hepMicroseconds, uint32(m.At.Nanosecond()/1000))
	dst = chunk8(dst, hepType, 1) // SIP
	dst = chunk32(dst, hepCaptureID, cfg.CaptureID)
	if cfg.Key != "" {
		dst = chunk(dst, hepKey, cfg.Key)
	}
	if cfg.Node != "" {
		dst = chunk(dst, hepNode, cfg.Node)
	}
	if id := scan(m.Data).callID; len(id) > 0 && len(id) <= 255 {
		dst = chunk(dst, hepCorrelation, id)
	}
	dst = chunk(dst, hepPayload, m.Data)
	binary.BigEndian.PutUint16(dst[start+4:], uint16(len(dst)-start))
	return dst
}

// chunk appends one chunk; its length counts its head too.
func chunk[T string | []byte](dst []byte, kind uint16, value T) []byte {
	dst = append(dst, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, kind)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(value)+6))
	return append(dst, value...)
}

func chunk8(dst []byte, kind uint16, v uint8) []byte {
	b := [1]byte{v}
	return chunk(dst, kind, b[:])
}

func chunk16(dst []byte, kind, v uint16) []byte {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return chunk(dst, kind, b[:])
}

func chunk32(dst []byte, kind uint16, v uint32) []byte {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return chunk(dst, kind, b[:])
}
