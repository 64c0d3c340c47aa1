//go:build !linux

package relay

import "net/netip"

// pathMTU is not known how to be asked for here.
func pathMTU(netip.AddrPort) int { return 0 }
