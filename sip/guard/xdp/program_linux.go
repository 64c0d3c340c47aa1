package xdp

import (
	"encoding/binary"
	"net/netip"

	"github.com/cilium/ebpf/asm"
)

// Keys of an LPM trie are the length of the prefix in bits, in host order, and
// the address in network order. Of IPv6 the upper half is enough.
const (
	key4 = 4 + 4
	key6 = 4 + 8
)

func key(p netip.Prefix) []byte {
	k := binary.NativeEndian.AppendUint32(nil, uint32(min(p.Bits(), 64)))
	if p.Addr().Is4() {
		b := p.Addr().As4()
		return append(k, b[:]...)
	}
	b := p.Addr().As16()
	return append(k, b[:8]...)
}

// Registers that hold the same throughout.
const (
	here = asm.R6 // what is read next
	end  = asm.R7 // behind the packet
	kind = asm.R8 // EtherType
)

// What XDP programs return.
const (
	actionDrop = 1
	actionPass = 2
)

const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100
	etherQinQ = 0x88a8

	protocolTCP = 6
	protocolUDP = 17
)

// program drops packets to one of ports whose source is in a map.
func program(ports []uint16, map4, map6 int) asm.Instructions {
	p := asm.Instructions{
		asm.LoadMem(here, asm.R1, 0, asm.Word),
		asm.LoadMem(end, asm.R1, 4, asm.Word),
	}
	p = append(p, need(14)...)
	p = append(p, half(kind, here, 12)...)
	p = append(p, asm.Add.Imm(here, 14))
	p = append(p, vlan("tag1", "outer")...)
	p = append(p, vlan("tag2", "outer")...)
	p = append(p,
		asm.JEq.Imm(kind, etherIPv4, "ipv4").WithSymbol("outer"),
		asm.JEq.Imm(kind, etherIPv6, "ipv6"),
		asm.Mov.Imm(asm.R0, actionPass).WithSymbol("pass"),
		asm.Return(),
	)
	p = append(p, ipv4(ports, map4)...)
	return append(p, ipv6(ports, map6)...)
}

// need passes the packet unless n octets are there.
func need(n int32) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R2, here),
		asm.Add.Imm(asm.R2, n),
		asm.JGT.Reg(asm.R2, end, "pass"),
	}
}

// half loads 16 bits in network order.
func half(dst, src asm.Register, offset int16) asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(dst, src, offset, asm.Half),
		asm.HostTo(asm.BE, dst, asm.Half),
	}
}

// vlan steps over a tag, or jumps to done when there is none.
func vlan(label, done string) asm.Instructions {
	p := asm.Instructions{
		asm.JEq.Imm(kind, etherVLAN, label),
		asm.JNE.Imm(kind, etherQinQ, done),
	}
	step := need(4)
	step[0] = step[0].WithSymbol(label)
	p = append(p, step...)
	p = append(p, half(kind, here, 2)...)
	return append(p, asm.Add.Imm(here, 4))
}

func ipv4(ports []uint16, fd int) asm.Instructions {
	p := need(20)
	p[0] = p[0].WithSymbol("ipv4")
	p = append(p,
		asm.LoadMem(asm.R4, here, 0, asm.Byte),
		asm.Mov.Reg(asm.R5, asm.R4),
		asm.RSh.Imm(asm.R5, 4),
		asm.JNE.Imm(asm.R5, 4, "pass"),
		asm.And.Imm(asm.R4, 0x0f),
		asm.JLT.Imm(asm.R4, 5, "pass"),
		asm.LSh.Imm(asm.R4, 2),
	)
	p = append(p, half(asm.R5, here, 6)...)
	p = append(p,
		asm.And.Imm(asm.R5, 0x1fff), // a fragment behind the first has no ports
		asm.JNE.Imm(asm.R5, 0, "pass"),
		asm.LoadMem(asm.R5, here, 9, asm.Byte),
		asm.JEq.Imm(asm.R5, protocolUDP, "ports4"),
		asm.JNE.Imm(asm.R5, protocolTCP, "pass"),
		asm.Mov.Reg(asm.R3, here).WithSymbol("ports4"),
		asm.Add.Reg(asm.R3, asm.R4),
		asm.Mov.Reg(asm.R2, asm.R3),
		asm.Add.Imm(asm.R2, 4),
		asm.JGT.Reg(asm.R2, end, "pass"),
	)
	p = append(p, half(asm.R5, asm.R3, 2)...)
	p = append(p, oneOf(ports, "source4")...)
	p = append(p,
		asm.StoreImm(asm.RFP, -key4, 32, asm.Word).WithSymbol("source4"),
		asm.LoadMem(asm.R1, here, 12, asm.Word),
		asm.StoreMem(asm.RFP, 4-key4, asm.R1, asm.Word),
	)
	return append(p, lookup(fd, -key4)...)
}

func ipv6(ports []uint16, fd int) asm.Instructions {
	p := need(40 + 4)
	p[0] = p[0].WithSymbol("ipv6")
	p = append(p,
		asm.LoadMem(asm.R5, here, 0, asm.Byte),
		asm.RSh.Imm(asm.R5, 4),
		asm.JNE.Imm(asm.R5, 6, "pass"),
		asm.LoadMem(asm.R5, here, 6, asm.Byte),
		asm.JEq.Imm(asm.R5, protocolUDP, "ports6"),
		asm.JNE.Imm(asm.R5, protocolTCP, "pass"),
	)
	port := half(asm.R5, here, 42)
	port[0] = port[0].WithSymbol("ports6")
	p = append(p, port...)
	p = append(p, oneOf(ports, "source6")...)
	p = append(p,
		asm.StoreImm(asm.RFP, -key6, 64, asm.Word).WithSymbol("source6"),
		asm.LoadMem(asm.R1, here, 8, asm.Word),
		asm.StoreMem(asm.RFP, 4-key6, asm.R1, asm.Word),
		asm.LoadMem(asm.R1, here, 12, asm.Word),
		asm.StoreMem(asm.RFP, 8-key6, asm.R1, asm.Word),
	)
	return append(p, lookup(fd, -key6)...)
}

// oneOf goes to label when R5 is one of ports, else passes the packet.
func oneOf(ports []uint16, label string) (p asm.Instructions) {
	for _, port := range ports {
		p = append(p, asm.JEq.Imm(asm.R5, int32(port), label))
	}
	return append(p, asm.Ja.Label("pass"))
}

// lookup drops and counts the packet when the key at the stack offset is in the
// map.
func lookup(fd int, stack int32) asm.Instructions {
	return asm.Instructions{
		asm.LoadMapPtr(asm.R1, fd),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, stack),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.Mov.Imm(asm.R1, 1),
		asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R0, actionDrop),
		asm.Return(),
	}
}
