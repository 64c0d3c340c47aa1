package native

import (
	"net/netip"
	"time"

	"github.com/class5-go/class5/cluster/directory"
)

type peer struct {
	ID int64 `json:"id"`
	PeerIn
	Rev     int64     `json:"rev"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// PeerIn is a foreign network. It is exported for the description only.
type PeerIn struct {
	Name       string   `json:"name" maxLength:"64" doc:"in records of its calls; it can not be changed"`
	CustomerID int64    `json:"customer_id" minimum:"1" doc:"by whose billing profile it is paid for calls that go there, and pays for calls that come from there"`
	Gateway    string   `json:"gateway,omitempty" maxLength:"255" doc:"takes its calls: host or host:port, and parameters of a SIP URI; without it none"`
	Prefixes   []string `json:"prefixes,omitempty" maxItems:"200" nullable:"false" doc:"of the E.164 numbers it takes, without +; none at all takes every number that nobody here has"`
	Networks   []string `json:"networks,omitempty" maxItems:"200" nullable:"false" doc:"address blocks that its calls come from: whoever sends from there is the peer"`
	Transit    bool     `json:"transit,omitempty" doc:"its calls may go to another peer"`
}

func (in PeerIn) value() (directory.Peer, error) {
	p := directory.Peer{Name: in.Name, CustomerID: in.CustomerID, Peering: directory.Peering{Gateway: in.Gateway, Prefixes: in.Prefixes, Transit: in.Transit}}
	for _, text := range in.Networks {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			return p, invalidBody("networks", "not an address block such as 192.0.2.0/24")
		}
		p.Networks = append(p.Networks, n)
	}
	return p, nil
}

func (s *service) peers() {
	const tag, path = "peers", "/peers"
	repo := s.Store.Peers()
	show := func(p directory.Peer) peer {
		in := PeerIn{Name: p.Name, CustomerID: p.CustomerID, Gateway: p.Gateway, Prefixes: p.Prefixes, Transit: p.Transit}
		for _, n := range p.Networks {
			in.Networks = append(in.Networks, n.String())
		}
		return peer{p.ID, in, p.Rev, p.Created, p.Updated}
	}
	readers(s, tag, path, repo.List, repo.Find, show, func(p directory.Peer) int64 { return p.Rev })
	writers(s, tag, path, "peer", PeerIn.value, repo.Create, repo.Update, show, func(p *directory.Peer) (id, rev *int64) { return &p.ID, &p.Rev })
	deleter(s, tag, path, repo.Delete)
}
