package rerating

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"sync"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rerate"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/cluster/directory"
)

// rater is a rerate.Rater that names what it leads to: a sum over the records
// that differ, whatever their order.
type rater struct {
	ctx  context.Context
	stop context.CancelCauseFunc
	rate func(ctx context.Context, r *ship.Record) error

	mu  sync.Mutex
	sum [4]uint64
}

// Rate implements rerate.Rater. A directory that does not answer ends the plan:
// it says nothing about the record.
func (p *rater) Rate(dst []billing.Party, c *billing.CDR) ([]billing.Party, error) {
	r := ship.Record{CDR: *c}
	r.Parties = nil
	if err := p.rate(p.ctx, &r); err != nil {
		if !errors.Is(err, ship.ErrUnrated) {
			p.stop(err)
		}
		return dst, err
	}
	if !rerate.Same(c.Parties, r.Parties) {
		if err := p.add(c, r.Parties); err != nil {
			return dst, err
		}
	}
	return append(dst, r.Parties...), nil
}

func (p *rater) add(c *billing.CDR, parties []billing.Party) error {
	slim := make([]billing.Party, len(parties))
	for i, q := range parties {
		q.Explain = nil
		slim[i] = q
	}
	text, err := json.Marshal(struct {
		Key                  billing.LegKey
		Revision, Generation int
		Parties              []billing.Party
	}{c.Key, c.Revision, c.Generation, slim})
	if err != nil {
		return err
	}
	h := sha256.Sum256(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.sum {
		p.sum[i] += binary.BigEndian.Uint64(h[8*i:])
	}
	return nil
}

// name is that of the plan for a filter.
func (p *rater) name(f directory.RerateFilter) string {
	b, err := json.Marshal(f)
	if err != nil {
		b = nil // numbers and a text can always be written
	}
	for _, v := range p.sum {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:16])
}
