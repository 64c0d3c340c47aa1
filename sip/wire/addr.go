package wire

import "net/netip"

// ParseAddr reads an IPv4 or IPv6 address, with or without brackets, without allocating. Mapped IPv4 is unmapped; zones
// are refused.
func ParseAddr(host []byte) (netip.Addr, bool) {
	host = unbracket(host)
	if a, ok := parseIPv4(host); ok {
		return netip.AddrFrom4(a), true
	}
	a, ok := parseIPv6(host)
	if !ok {
		return netip.Addr{}, false
	}
	return netip.AddrFrom16(a).Unmap(), true
}

func unbracket(b []byte) []byte {
	if n := len(b); n >= 2 && b[0] == '[' && b[n-1] == ']' {
		return b[1 : n-1]
	}
	return b
}

// parseIPv4 reads four decimal numbers without leading zeros, which some would take for octal.
func parseIPv4(s []byte) (a [4]byte, ok bool) {
	i := 0
	for part := range a {
		if part > 0 {
			if uint(i) >= uint(len(s)) || s[i] != '.' {
				return a, false
			}
			i++
		}
		if uint(i) >= uint(len(s)) || s[i]-'0' > 9 {
			return a, false
		}
		n := uint(s[i] - '0')
		for i++; uint(i) < uint(len(s)) && s[i]-'0' <= 9; i++ {
			if n == 0 {
				return a, false
			}
			if n = n*10 + uint(s[i]-'0'); n > 255 {
				return a, false
			}
		}
		a[part] = byte(n)
	}
	return a, i == len(s)
}

// parseIPv6 reads RFC 4291 2.2: groups, at most one "::", the last two groups possibly as IPv4.
func parseIPv6(s []byte) (a [16]byte, ok bool) {
	n, gap := 0, -1 // octets of a filled, where "::" stood
	if len(s) >= 2 && s[0] == ':' && s[1] == ':' {
		gap, s = 0, s[2:]
	}
	for len(s) > 0 && n < len(a) {
		if v4, ok := parseIPv4(s); ok {
			if n > len(a)-len(v4) {
				return a, false
			}
			n += copy(a[n:], v4[:])
			s = nil
			break
		}
		group, digits := 0, 0
		for digits < len(s) && digits < 4 && unhex(s[digits]) < 16 {
			group = group<<4 | int(unhex(s[digits]))
			digits++
		}
		if digits == 0 {
			return a, false
		}
		a[n], a[n+1] = byte(group>>8), byte(group)
		n, s = n+2, s[digits:]
		switch {
		case len(s) == 0:
		case s[0] != ':' || len(s) == 1:
			return a, false
		case s[1] != ':':
			s = s[1:]
		case gap >= 0:
			return a, false
		default:
			gap, s = n, s[2:]
		}
	}
	if gap >= 0 {
		if n == len(a) {
			return a, false // "::" stands for one group at least
		}
		tail := n - gap
		copy(a[len(a)-tail:], a[gap:n])
		clear(a[gap : len(a)-tail])
		n = len(a)
	}
	return a, len(s) == 0 && n == len(a)
}
