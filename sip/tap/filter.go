package tap

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/class5-go/class5/sip/transport"
)

// Filter says what to record. The zero value is everything.
type Filter struct {
	// Sample records one of so many calls, chosen by their Call-ID: whole calls,
	// and the same ones at every element. 0 and 1 record all.
	Sample uint32
	// Methods are the methods to record, responses by their CSeq; empty is all.
	Methods []string
	// Remotes are the peers whose messages to record, in either direction; empty
	// is all.
	Remotes []netip.Prefix
}

// most bounds a filter, which is applied to every message.
const most = 64

type filter struct{ Filter }

func (f Filter) compile() (*filter, error) {
	if len(f.Methods) > most || len(f.Remotes) > most {
		return nil, fmt.Errorf("filter of more than %d methods or prefixes", most)
	}
	f.Methods, f.Remotes = slices.Clone(f.Methods), slices.Clone(f.Remotes)
	for _, p := range f.Remotes {
		if !p.IsValid() {
			return nil, fmt.Errorf("prefix %s", p)
		}
	}
	return &filter{f}, nil
}

// wants looks at the message itself only as far as it must.
func (f *filter) wants(flow *transport.Flow, msg []byte) bool {
	if len(f.Remotes) > 0 && !slices.ContainsFunc(f.Remotes, func(p netip.Prefix) bool { return p.Contains(flow.Remote.Addr()) }) {
		return false
	}
	if len(f.Methods) == 0 && f.Sample <= 1 {
		return true
	}
	v := scan(msg)
	if len(f.Methods) > 0 && !slices.ContainsFunc(f.Methods, func(m string) bool { return m == string(v.method) }) {
		return false
	}
	return f.Sample <= 1 || len(v.callID) > 0 && hash(v.callID)%f.Sample == 0
}

// hash is FNV-1a: elements of different kinds agree on it.
func hash(b []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}
