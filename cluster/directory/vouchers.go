package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
)

// Voucher is a code that is worth a top-up, once. The code itself is not
// stored: whoever could read it could spend it.
type Voucher struct {
	ID         int64
	Hint       string         // the end of the code
	Amount     billing.Amount // with currency
	Package    string         // name of the package that comes with it, "" for none
	ValidUntil time.Time      // exclusive; zero for always
	CustomerID int64          // only for this one; 0 for anybody
	Used       time.Time      // zero for not yet
	UsedBy     int64          // the customer that redeemed it
	Rev        int64
	Created    time.Time
	Updated    time.Time
}

type voucherRow struct {
	ID         int64  `db:"id"`
	Hash       string `db:"code_hash"`
	Hint       string `db:"hint"`
	Micros     int64  `db:"amount_micro"`
	Currency   string `db:"currency"`
	Package    string `db:"package_name"`
	UntilMS    int64  `db:"until_ms"`
	CustomerID int64  `db:"customer_id"`
	UsedMS     int64  `db:"used_ms"`
	UsedBy     int64  `db:"used_by"`
	Rev        int64  `db:"rev"`
	stamps
}

func (r voucherRow) value() Voucher {
	c, _ := billing.ParseCurrency(r.Currency) // checked on its way in
	return Voucher{
		ID: r.ID, Hint: r.Hint, Amount: billing.NewAmount(r.Micros, c), Package: r.Package, ValidUntil: when(r.UntilMS), CustomerID: r.CustomerID,
		Used: when(r.UsedMS), UsedBy: r.UsedBy, Rev: r.Rev, Created: at(r.CreatedMS), Updated: at(r.UpdatedMS),
	}
}

// when is a time of the database that may be none.
func when(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return at(ms)
}

const selectVoucher = `SELECT id, code_hash, hint, amount_micro, currency, package_name, until_ms, customer_id, used_ms, used_by, rev, created_ms, updated_ms
	FROM prov_vouchers`

// Vouchers is the repository of vouchers.
type Vouchers struct{ on access }

// plainCode is a code as it counts: letters in lower case, without spaces and
// hyphens that people write for themselves.
func plainCode(code string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(code))
}

func codeHash(plain string) string {
	sum := sha256.Sum256([]byte("voucher\n" + plain))
	return hex.EncodeToString(sum[:])
}

// Create adds a voucher with a code of 8 to 64 letters and digits.
func (r Vouchers) Create(ctx context.Context, v Voucher, code string) (Voucher, error) {
	plain := plainCode(code)
	if err := charset(KindVoucher, "code", plain, "", 64); err != nil {
		return Voucher{}, err
	}
	switch {
	case len(plain) < 8:
		return Voucher{}, invalid(KindVoucher, "code", "shorter than 8 characters")
	case v.Amount.Sign() < 0 || v.Amount.Currency().IsZero():
		return Voucher{}, invalid(KindVoucher, "amount", "not an amount with a currency")
	case v.Amount.IsZero() && v.Package == "":
		return Voucher{}, invalid(KindVoucher, "amount", "worth nothing")
	}
	err := r.on.update(ctx, func(tx *Tx) error {
		if v.Package != "" {
			if _, err := one[int64](ctx, tx, "SELECT id FROM prov_packages WHERE name = ?", v.Package); err != nil {
				return replace(err, ErrNotFound, invalid(KindVoucher, "package", "no such package"))
			}
		}
		if v.CustomerID != 0 {
			if _, err := tx.Customers().Find(ctx, v.CustomerID); err != nil {
				return replace(err, ErrNotFound, invalid(KindVoucher, "customer_id", "no such row"))
			}
		}
		id, err := tx.nextIDs(ctx, "voucher", 1)
		if err != nil {
			return err
		}
		now := tx.store.now()
		v.ID, v.Hint, v.Rev, v.Created, v.Updated = id, plain[len(plain)-4:], 1, at(now), at(now)
		v.Used, v.UsedBy = time.Time{}, 0
		_, err = tx.exec(ctx, `INSERT INTO prov_vouchers
			(id, code_hash, hint, amount_micro, currency, package_name, until_ms, customer_id, used_ms, used_by, rev, created_ms, updated_ms)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 1, ?, ?)`,
			id, codeHash(plain), v.Hint, v.Amount.Micros(), v.Amount.Currency().String(), v.Package, millis(v.ValidUntil), v.CustomerID, now, now)
		if err != nil {
			return conflictOn(err, KindVoucher, "code")
		}
		tx.changed(KindVoucher, id, Created)
		return nil
	})
	return v, err
}

// Find gives the voucher with an id.
func (r Vouchers) Find(ctx context.Context, id int64) (Voucher, error) {
	row, err := one[voucherRow](ctx, r.on, selectVoucher+" WHERE id = ?", id)
	return row.value(), err
}

// List gives one page of vouchers.
func (r Vouchers) List(ctx context.Context, p Page) (List[Voucher], error) {
	return page(ctx, r.on, p, selectVoucher, "id", where{}, voucherRow.value, func(v Voucher) int64 { return v.ID })
}

// Delete removes a voucher. What was redeemed stays redeemed.
func (r Vouchers) Delete(ctx context.Context, id, rev int64) error {
	return r.on.update(ctx, func(tx *Tx) error { return tx.remove(ctx, "prov_vouchers", KindVoucher, id, rev) })
}

// Redeem tops the account of a customer up with a voucher, in one transaction
// with marking it as used. A voucher that is used, over, for somebody else or
// that there is none of is [ErrInvalid]; which of them it is, the reason says.
func (s *Store) Redeem(ctx context.Context, customerID int64, code string) error {
	h, err := s.Holder(ctx, customerID)
	if err != nil {
		return err
	}
	hash := codeHash(plainCode(code))
	refused := func(reason string) error { return invalid(KindVoucher, "code", reason) }
	return s.booked(ctx, func(tx *Tx) error {
		now := tx.store.now()
		row, err := one[voucherRow](ctx, tx, selectVoucher+" WHERE code_hash = ?"+s.dialect.locking(), hash)
		if err != nil {
			return replace(err, ErrNotFound, refused("no such voucher"))
		}
		v := row.value()
		switch {
		case row.UsedMS != 0:
			return refused("redeemed before")
		case row.UntilMS != 0 && now >= row.UntilMS:
			return refused("no longer valid")
		case v.CustomerID != 0 && v.CustomerID != customerID:
			return refused("not for this customer")
		case v.Amount.Currency() != h.Currency:
			return refused("in another currency")
		}
		if _, err := tx.exec(ctx, "UPDATE prov_vouchers SET used_ms = ?, used_by = ?, rev = rev + 1, updated_ms = ? WHERE id = ?", now, customerID, now, v.ID); err != nil {
			return err
		}
		tx.changed(KindVoucher, v.ID, Updated)
		_, err = tx.Book(ctx, h, Booking{Key: "voucher/" + hash, Node: "web", At: billing.Millis(now)}, func(b Books) (balance.Change, any, error) {
			c, err := balance.Add(b.Terms, b.Account, balance.TopUp{Ref: "voucher " + v.Hint, At: billing.Millis(now), Amount: v.Amount, Package: v.Package})
			return c, nil, err
		})
		return err
	})
}
