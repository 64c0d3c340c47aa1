package scenario

import "github.com/class5-go/class5/billing/balance"

// payable says whether all accounts of a record can be charged, whatever they
// have: nobody pays where anybody cannot, for want of a common currency and the
// like.
func (r *run) payable(rec *record) error {
	for i := range rec.cdr.Parties {
		name := r.payer(rec.spec, &rec.cdr.Parties[i])
		if name == "" || !rec.cdr.Chargeable() {
			continue
		}
		own, shared, err := r.look(name)
		if err != nil {
			return err
		}
		u, err := r.usage(rec, i)
		if err != nil {
			return err
		}
		if _, _, err := balance.Charge(r.terms, own, u, shared...); err != nil {
			return err
		}
	}
	return nil
}
