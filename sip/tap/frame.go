package tap

import (
	"encoding/binary"
	"iter"
	"net/netip"

	"github.com/class5-go/class5/sip/transport"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

const (
	sipPort    = 5060
	seqSlots   = 4096
	maxDatagm  = 65507 // longest UDP payload over IPv4
	maxSegment = 65000 // fits into a packet with any header
)

// framer makes packets of messages.
type framer struct {
	buf gopacket.SerializeBuffer
	// TCP is dissected only while its sequence numbers go up. One is counted for
	// several flows, which costs gaps, and no memory for each flow.
	seq [seqSlots]uint32
}

// frames yields the packets of one message, each valid until the next.
func (f *framer) frames(m *Message) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if f.buf == nil {
			f.buf = gopacket.NewSerializeBuffer()
		}
		src, dst := shown(m)
		for rest := m.Data; len(rest) > 0; {
			n := min(len(rest), maxSegment)
			if m.Flow.Protocol == transport.UDP {
				n = len(rest)
			}
			if !yield(f.frame(m, src, dst, rest[:n])) {
				return
			}
			rest = rest[n:]
		}
	}
}

// shown returns the addresses to write. Behind TLS and WebSocket ports a
// dissector would look for what is no longer there.
func shown(m *Message) (src, dst netip.AddrPort) {
	src, dst = m.Source(), m.Destination()
	if p := m.Flow.Protocol; p == transport.UDP || p == transport.TCP {
		return src, dst
	}
	if m.Direction == transport.Sent {
		return netip.AddrPortFrom(src.Addr(), sipPort), dst
	}
	return src, netip.AddrPortFrom(dst.Addr(), sipPort)
}

func (f *framer) frame(m *Message, src, dst netip.AddrPort, payload []byte) []byte {
	eth := &layers.Ethernet{SrcMAC: mac(src.Addr()), DstMAC: mac(dst.Addr()), EthernetType: layers.EthernetTypeIPv4}
	protocol := layers.IPProtocolTCP
	if m.Flow.Protocol == transport.UDP {
		protocol = layers.IPProtocolUDP
	}
	var network interface {
		gopacket.SerializableLayer
		gopacket.NetworkLayer
	}
	if src.Addr().Is4() {
		network = &layers.IPv4{Version: 4, TTL: 64, Protocol: protocol, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice(), Flags: layers.IPv4DontFragment}
	} else {
		eth.EthernetType = layers.EthernetTypeIPv6
		network = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: protocol, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
	}
	var carrier gopacket.SerializableLayer
	if m.Flow.Protocol == transport.UDP {
		udp := &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}
		_ = udp.SetNetworkLayerForChecksum(network) // fails for no IP only
		payload, carrier = payload[:min(len(payload), maxDatagm)], udp
	} else {
		seq, ack := f.slot(src, dst), f.slot(dst, src)
		tcp := &layers.TCP{
			SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()),
			Seq: *seq, Ack: *ack, ACK: true, PSH: true, Window: 65535,
		}
		*seq += uint32(len(payload))
		_ = tcp.SetNetworkLayerForChecksum(network)
		carrier = tcp
	}
	_ = f.buf.Clear()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(f.buf, options, eth, network, carrier, gopacket.Payload(payload)); err != nil {
		return nil
	}
	return f.buf.Bytes()
}

// slot is where the bytes of one direction are counted.
func (f *framer) slot(src, dst netip.AddrPort) *uint32 {
	var b [36]byte
	a16, b16 := src.Addr().As16(), dst.Addr().As16()
	copy(b[:], a16[:])
	copy(b[16:], b16[:])
	binary.BigEndian.PutUint16(b[32:], src.Port())
	binary.BigEndian.PutUint16(b[34:], dst.Port())
	return &f.seq[hash(b[:])%seqSlots]
}

// mac makes a locally administered address that goes with an IP address.
func mac(a netip.Addr) []byte {
	b := a.As16()
	return append([]byte{2, 0}, b[12:]...)
}
