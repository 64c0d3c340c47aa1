package directory

import (
	"context"
	"time"
)

// Peer is a foreign network that calls come from and go to. The contract with
// it is that of a customer, by whose billing profile it is paid or pays.
type Peer struct {
	ID         int64  `db:"id"`
	Name       string `db:"name"` // as routing knows it: letters, digits, "-_."
	CustomerID int64  `db:"customer_id"`
	Rev        int64  `db:"rev"`
	Created    time.Time
	Updated    time.Time
}

type peerRow struct {
	Peer
	stamps
}

func (r peerRow) value() Peer {
	r.Peer.Created, r.Peer.Updated = at(r.CreatedMS), at(r.UpdatedMS)
	return r.Peer
}

const selectPeer = "SELECT id, name, customer_id, rev, created_ms, updated_ms FROM prov_peers"

// Peers is the repository of foreign networks.
type Peers struct{ on access }

// Create adds a peer.
func (r Peers) Create(ctx context.Context, name string, customerID int64) (Peer, error) {
	if err := charset(KindPeer, "name", name, "-_.", 64); err != nil {
		return Peer{}, err
	}
	var out Peer
	err := r.on.update(ctx, func(tx *Tx) error {
		id, err := tx.nextIDs(ctx, "peer", 1)
		if err != nil {
			return err
		}
		now := tx.store.now()
		_, err = tx.exec(ctx, "INSERT INTO prov_peers (id, name, customer_id, rev, created_ms, updated_ms) VALUES (?, ?, ?, 1, ?, ?)", id, name, customerID, now, now)
		if err != nil {
			return missingParent(conflictOn(err, KindPeer, "name"), KindPeer, "customer_id")
		}
		tx.changed(KindPeer, id, Created)
		out = Peer{id, name, customerID, 1, at(now), at(now)}
		return nil
	})
	return out, err
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
