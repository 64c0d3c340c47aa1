package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

const (
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n"
	proxyHead      = 16      // bytes of version 2 before the addresses
	proxyRest      = 4 << 10 // most bytes after them: addresses and extensions
	proxyText      = 107     // most bytes of version 1
)

var errProxy = errors.New("transport: PROXY header")

// proxied is what a balancer announced besides the client's address.
type proxied struct {
	proxy       netip.AddrPort // the balancer
	destination netip.AddrPort // what the client connected to
}

// proxied reports whether connections from an address announce another one.
func (l *listener) proxied(from netip.Addr) bool {
	for _, p := range l.cfg.ProxyFrom {
		if p.Contains(from.WithZone("")) {
			return true
		}
	}
	return false
}

// announced reads the PROXY header and makes the connection the announced
// client's, which is then subject to the limits of its own address.
func (c *conn) announced() (Close, error) {
	src, dst, err := readProxy(&c.sock, c.l.cfg.ProxyV1)
	if err != nil {
		return CloseProxy, err
	}
	c.via = &proxied{proxy: c.flow.Remote, destination: dst}
	if src.IsValid() {
		c.flow.Remote = src
	}
	of := source(c.flow.Remote.Addr())
	if cause, ok := c.e.admission.enterSource(of, c.flow.Protocol != TCP, c.e.elapsed()); !ok {
		return cause, errProxy
	}
	c.src = of
	return 0, nil
}

// readProxy reads a PROXY header and not a byte more. The addresses are invalid
// if the balancer speaks for itself or for something that has none. Nothing of
// the optional extensions is used.
func readProxy(r io.Reader, text bool) (src, dst netip.AddrPort, err error) {
	head := make([]byte, proxyHead, proxyText)
	if _, err := io.ReadFull(r, head[:proxyHead-1]); err != nil { // the shortest of version 1
		return src, dst, err
	}
	if string(head[:len(proxySignature)]) != proxySignature {
		if !text || !bytes.HasPrefix(head, []byte("PROXY ")) {
			return src, dst, errProxy
		}
		return readProxyText(r, head[:proxyHead-1])
	}
	if _, err := io.ReadFull(r, head[proxyHead-1:]); err != nil {
		return src, dst, err
	}
	size := int(binary.BigEndian.Uint16(head[14:]))
	if head[12]>>4 != 2 || size > proxyRest {
		return src, dst, errProxy
	}
	rest := make([]byte, size)
	if _, err := io.ReadFull(r, rest); err != nil {
		return src, dst, err
	}
	return parseProxy(head[12]&0xf, head[13], rest)
}

// parseProxy reads the addresses of version 2.
func parseProxy(command, family byte, b []byte) (src, dst netip.AddrPort, err error) {
	switch {
	case command == 0: // LOCAL: a health check of the balancer's own
		return src, dst, nil
	case command != 1:
		return src, dst, errProxy
	}
	switch family {
	case 0x11: // TCP over IPv4
		if len(b) < 12 {
			return src, dst, errProxy
		}
		src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[8:]))
		dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:])), binary.BigEndian.Uint16(b[10:]))
	case 0x21: // TCP over IPv6
		if len(b) < 36 {
			return src, dst, errProxy
		}
		src = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)).Unmap(), binary.BigEndian.Uint16(b[32:]))
		dst = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[16:])).Unmap(), binary.BigEndian.Uint16(b[34:]))
	case 0x00, 0x31: // unspecified, or a Unix socket: nothing to announce
	default:
		return src, dst, errProxy
	}
	return src, dst, nil
}

// readProxyText reads the rest of a version 1 header, which has no length and
// so is read byte by byte.
func readProxyText(r io.Reader, line []byte) (src, dst netip.AddrPort, err error) {
	for !bytes.HasSuffix(line, []byte("\r\n")) {
		if len(line) == proxyText {
			return src, dst, errProxy
		}
		line = line[:len(line)+1]
		if _, err := io.ReadFull(r, line[len(line)-1:]); err != nil {
			return src, dst, err
		}
	}
	f := strings.Split(string(line[:len(line)-2]), " ")
	switch {
	case f[1] == "UNKNOWN":
		return src, dst, nil
	case len(f) != 6:
		return src, dst, errProxy
	}
	src, err = textAddrPort(f[1], f[2], f[4])
	if err != nil {
		return src, dst, err
	}
	if dst, err = textAddrPort(f[1], f[3], f[5]); err != nil {
		return netip.AddrPort{}, dst, err
	}
	return src, dst, nil
}

func textAddrPort(family, addr, port string) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(addr)
	p, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil || a.Zone() != "" || strconv.FormatUint(p, 10) != port ||
		family != "TCP4" && family != "TCP6" || (family == "TCP4") != a.Is4() {
		return netip.AddrPort{}, errProxy
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(p)), nil
}
