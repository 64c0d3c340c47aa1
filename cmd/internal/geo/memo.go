package geo

import (
	"net/netip"

	"github.com/class5-go/class5/internal/rendezvous"
	"github.com/class5-go/class5/sip/relay"
)

// memo is what travels in tokens: of a dialog, from the INVITE that formed it,
// and of a request, for its responses.
type memo uint8

const (
	offered memo = 1 << iota // the INVITE had a description
	forming                  // of the INVITE that forms the dialog, and of that dialog
	inward                   // the dialog was formed from outside
)

// session are the bits that name the session of a dialog: the direction and five
// bits of who formed it.
const session = ^(offered | forming)

// newMemo is that of a request that forms a dialog. Towards clients there are no
// bits of the address: the branches of a fork are one session.
func newMemo(leg *relay.Leg, hash uint64) memo {
	if !leg.Inward {
		return forming
	}
	a := leg.Client.Remote.Addr().Unmap().As16()
	return forming | inward | memo(rendezvous.Hash(hash, a[:])>>59)<<3
}

const hex = "0123456789abcdef"

// name is the Call-ID of a session at the relay.
func (m memo) name(callID []byte) string {
	s := m & session
	return string(append(append([]byte{}, callID...), '/', hex[s>>4], hex[s&15]))
}

// source is where the signalling of a description came from, if its author is
// a client.
func source(leg *relay.Leg) (a netip.Addr) {
	if leg.Inward {
		a = leg.Client.Remote.Addr().Unmap()
	}
	return a
}
