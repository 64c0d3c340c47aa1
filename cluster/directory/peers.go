package directory

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/wire"
)

// maxNumber is the length of an E.164 number, and of prefixes before it.
const maxNumber = 20

// Peer is a foreign network that calls come from and go to. The contract with
// it is that of a customer, by whose billing profile it is paid or pays.
type Peer struct {
	ID         int64  `db:"id"`
	Name       string `db:"name"` // as routing knows it: letters, digits, "-_."
	CustomerID int64  `db:"customer_id"`
	Peering
	Rev     int64 `db:"rev"`
	Created time.Time
	Updated time.Time
}

// Peering is how calls reach a peer and are known as those of one.
type Peering struct {
	// Gateway takes its calls: host or host:port, and parameters of a SIP URI, such
	// as "gw.example.net;transport=tcp". A peer without one takes none.
	Gateway string
	// Prefixes are those of the E.164 numbers it takes; none at all takes every
	// number. Of several peers the longest prefix wins, then the lower id.
	Prefixes []string
	// Networks are where its calls come from. Whoever sends from there is the peer.
	Networks []netip.Prefix
	// Transit allows its calls to go to another peer.
	Transit bool
}

type peerRow struct {
	Peer
	GatewayText string `db:"gateway"`
	PrefixText  string `db:"prefixes"`
	NetworkText string `db:"networks"`
	TransitFlag int64  `db:"transit"`
	stamps
}

func (r peerRow) value() Peer {
	p := r.Peer
	p.Created, p.Updated = at(r.CreatedMS), at(r.UpdatedMS)
	p.Gateway, p.Transit = r.GatewayText, r.TransitFlag == 1
	if r.PrefixText != "" {
		p.Prefixes = strings.Split(r.PrefixText, ",")
	}
	for text := range strings.SplitSeq(r.NetworkText, ",") {
		if n, err := netip.ParsePrefix(text); err == nil { // checked on its way in
			p.Networks = append(p.Networks, n)
		}
	}
	return p
}

const selectPeer = "SELECT id, name, customer_id, gateway, prefixes, networks, transit, rev, created_ms, updated_ms FROM prov_peers"

// texts are the columns of a peering.
func (p Peering) texts() (prefixes, networks string, err error) {
	if p.Gateway != "" {
		uri, err := wire.ParseURI([]byte("sip:" + p.Gateway))
		if err != nil || len(uri.User) > 0 || len(p.Gateway) > 255 {
			return "", "", invalid(KindPeer, "gateway", "not a host, host:port or host;parameters")
		}
	}
	for _, v := range p.Prefixes {
		if v == "" || len(v) > maxNumber || strings.Trim(v, "0123456789") != "" {
			return "", "", invalid(KindPeer, "prefixes", "not the first digits of E.164 numbers without +")
		}
	}
	blocks := make([]string, len(p.Networks))
	for i, n := range p.Networks {
		if !n.IsValid() || n.Addr().Is4In6() || n != n.Masked() || n.Bits() == 0 {
			return "", "", invalid(KindPeer, "networks", "not an address block in its shortest form")
		}
		blocks[i] = n.String()
	}
	prefixes, networks = strings.Join(p.Prefixes, ","), strings.Join(blocks, ",")
	if len(prefixes) > 4000 || len(networks) > 4000 {
		return "", "", invalid(KindPeer, "prefixes", "too many")
	}
	return prefixes, networks, nil
}

// Peers is the repository of foreign networks.
type Peers struct{ on access }

func (p Peering) transit() int {
	if p.Transit {
		return 1
	}
	return 0
}

// Update changes the contract and the peering of a peer. Its name stays: records
// of calls have it.
func (r Peers) Update(ctx context.Context, p Peer) (Peer, error) {
	prefixes, networks, err := p.texts()
	if err != nil {
		return Peer{}, err
	}
	err = r.on.update(ctx, func(tx *Tx) error {
		had, err := tx.Peers().Find(ctx, p.ID)
		if err != nil {
			return err
		}
		if p.Name != "" && p.Name != had.Name {
			return invalid(KindPeer, "name", "can not be changed")
		}
		n, err := tx.exec(ctx, `UPDATE prov_peers SET customer_id = ?, gateway = ?, prefixes = ?, networks = ?, transit = ?, rev = rev + 1, updated_ms = ?
			WHERE id = ? AND rev = ?`, p.CustomerID, p.Gateway, prefixes, networks, p.transit(), tx.store.now(), p.ID, p.Rev)
		if err != nil {
			return missingParent(err, KindPeer, "customer_id")
		}
		if n == 0 {
			return ErrStale
		}
		tx.changed(KindPeer, p.ID, Updated)
		return nil
	})
	if err != nil {
		return Peer{}, err
	}
	return r.Find(ctx, p.ID)
}

// Create adds a peer whose contract is that of a customer.
func (r Peers) Create(ctx context.Context, p Peer) (Peer, error) {
	prefixes, networks, err := p.texts()
	if err != nil {
		return Peer{}, err
	}
	if err := charset(KindPeer, "name", p.Name, "-_.", 64); err != nil {
		return Peer{}, err
	}
	err = r.on.update(ctx, func(tx *Tx) error {
		id, err := tx.nextIDs(ctx, "peer", 1)
		if err != nil {
			return err
		}
		now := tx.store.now()
		_, err = tx.exec(ctx, `INSERT INTO prov_peers (id, name, customer_id, gateway, prefixes, networks, transit, rev, created_ms, updated_ms)
			VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)`, id, p.Name, p.CustomerID, p.Gateway, prefixes, networks, p.transit(), now, now)
		if err != nil {
			return missingParent(conflictOn(err, KindPeer, "name"), KindPeer, "customer_id")
		}
		tx.changed(KindPeer, id, Created)
		p.ID, p.Rev, p.Created, p.Updated = id, 1, at(now), at(now)
		return nil
	})
	if err != nil {
		return Peer{}, err
	}
	return p, nil
}

// Find gives the peer with an id.
func (r Peers) Find(ctx context.Context, id int64) (Peer, error) {
	row, err := one[peerRow](ctx, r.on, selectPeer+" WHERE id = ?", id)
	return row.value(), err
}

// List gives one page of peers.
func (r Peers) List(ctx context.Context, p Page) (List[Peer], error) {
	return page(ctx, r.on, p, selectPeer, "id", where{}, peerRow.value, func(v Peer) int64 { return v.ID })
}

// Delete removes a peer.
func (r Peers) Delete(ctx context.Context, id, rev int64) error {
	return r.on.update(ctx, func(tx *Tx) error {
		return tx.remove(ctx, "prov_peers", KindPeer, id, rev)
	})
}

// peering is how the peers are found of now.
type peering struct {
	customers map[string]int64  // by name
	takes     map[string][]Peer // by prefix, "" for every number; in the order of their ids
	longest   int
	from      []source
}

// source is a block of addresses that a peer sends from.
type source struct {
	network netip.Prefix
	peer    string
	transit bool
}

func newPeering(rows []peerRow) *peering {
	p := &peering{customers: map[string]int64{}, takes: map[string][]Peer{}}
	for _, row := range rows {
		v := row.value()
		p.customers[v.Name] = v.CustomerID
		for _, n := range v.Networks {
			p.from = append(p.from, source{n, v.Name, v.Transit})
		}
		if v.Gateway == "" {
			continue
		}
		prefixes := v.Prefixes
		if len(prefixes) == 0 {
			prefixes = []string{""}
		}
		for _, prefix := range prefixes {
			p.takes[prefix] = append(p.takes[prefix], v)
			p.longest = max(p.longest, len(prefix))
		}
	}
	return p
}

// to finds who takes a number.
func (p *peering) to(number, from string) (routing.Peer, bool) {
	if from != "" && !p.transits(from) {
		return routing.Peer{}, false
	}
	for n := min(p.longest, len(number)); n >= 0; n-- {
		for _, v := range p.takes[number[:n]] {
			if v.Name != from {
				return routing.Peer{Name: v.Name, Gateway: v.Gateway}, true
			}
		}
	}
	return routing.Peer{}, false
}

func (p *peering) transits(name string) bool {
	for i := range p.from {
		if p.from[i].peer == name {
			return p.from[i].transit
		}
	}
	return false
}

// at finds who sends from an address: the smallest block has it.
func (p *peering) at(a netip.Addr) (name string) {
	bits := -1
	for i := range p.from {
		if s := &p.from[i]; s.network.Bits() > bits && s.network.Contains(a) {
			name, bits = s.peer, s.network.Bits()
		}
	}
	return name
}

// Peer implements routing.Peers.
func (r *Reader) Peer(ctx context.Context, number, from string) (routing.Peer, error) {
	c, err := r.catalog.get(ctx, r)
	if err != nil {
		return routing.Peer{}, err
	}
	if p, ok := c.peers.to(number, from); ok {
		return p, nil
	}
	return routing.Peer{}, routing.ErrNotFound
}

// PeerAt is the foreign network that sends from an address, "" when none does.
func (r *Reader) PeerAt(ctx context.Context, from netip.Addr) (string, error) {
	c, err := r.catalog.get(ctx, r)
	if err != nil {
		return "", err
	}
	return c.peers.at(from.Unmap()), nil
}
