package dispatch

import (
	"encoding/hex"
	"net/netip"

	"github.com/class5-go/class5/sip/wire"
)

// BranchPrefix begins the branch of every probe, and by the period no branch
// that sip/relay writes: whoever gets the responses tells them apart by it, see [Prober.Datagram].
const BranchPrefix = "z9hG4bKping."

const nonceLen = 8

type nonce [nonceLen]byte

// appendProbe composes the OPTIONS to a target. Max-Forwards is 1: the answer is
// to come from the target itself, or what stands right behind it. 0 would say
// that better, but proxies drop that unanswered as often as not.
func appendProbe(dst []byte, local, target netip.AddrPort, n nonce, transport, agent string) ([]byte, error) {
	var space [256]byte
	hexed := hex.AppendEncode(make([]byte, 0, 2*nonceLen), n[:])
	var b wire.Builder
	b.Request(dst, "OPTIONS", appendURI(space[:0], "", target, ""))
	via := local.AppendTo(append(append(append(space[:0], "SIP/2.0/"...), transport...), ' '))
	via = append(append(append(via, ";rport;branch="...), BranchPrefix...), hexed...)
	b.Header(wire.HdrVia, via)
	b.HeaderInt(wire.HdrMaxForwards, 1)
	b.Header(wire.HdrFrom, append(append(appendURI(space[:0], "<", local, ">"), ";tag="...), hexed...))
	b.Header(wire.HdrTo, appendURI(space[:0], "<", target, ">"))
	b.Header(wire.HdrCallID, append(append(append(space[:0], hexed...), '@'), local.Addr().String()...))
	b.HeaderString(wire.HdrCSeq, "1 OPTIONS")
	if agent != "" {
		b.HeaderString(wire.HdrUserAgent, agent)
	}
	return b.End("", nil)
}

func appendURI(dst []byte, left string, addr netip.AddrPort, right string) []byte {
	return append(addr.AppendTo(append(append(dst, left...), "sip:ping@"...)), right...)
}

// probeNonce reads the branch of a response back; false when it is not one of
// ours.
func probeNonce(branch []byte) (n nonce, ours bool) {
	if len(branch) < len(BranchPrefix) || !wire.EqualFold(branch[:len(BranchPrefix)], BranchPrefix) {
		return n, false
	}
	if hexed := branch[len(BranchPrefix):]; len(hexed) == 2*nonceLen {
		if _, err := hex.Decode(n[:], hexed); err != nil {
			return nonce{}, true
		}
	}
	return n, true
}
