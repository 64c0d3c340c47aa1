package directory

import (
	"context"
	"time"
)

// Subscriber is a SIP user. Username and domain can not change: credentials
// and phones hold them.
type Subscriber struct {
	ID          int64  `db:"id"`
	DomainID    int64  `db:"domain_id"`
	Domain      string `db:"domain"` // name of the domain
	CustomerID  int64  `db:"customer_id"`
	Username    string `db:"username"`
	DisplayName string `db:"display_name"`
	Status      Status `db:"status"`
	Rev         int64  `db:"rev"`
	Created     time.Time
	Updated     time.Time
	// Numbers are its E.164 numbers without "+", the primary one first.
	Numbers []string
}

// AoR is the address of record without scheme: user@domain.
func (s Subscriber) AoR() string { return s.Username + "@" + s.Domain }

// NewSubscriber is what a subscriber is created from.
type NewSubscriber struct {
	DomainID    int64
	CustomerID  int64
	Username    string
	DisplayName string
	Status      Status // empty: Active
	// Password is made up when it is empty. At least 8 characters.
	Password Secret
	// Numbers in any form CanonicalNumber reads; the first is the primary one.
	Numbers []string
}

type subscriberRow struct {
	Subscriber
	stamps
}

func (r subscriberRow) value() Subscriber {
	r.Subscriber.Created, r.Subscriber.Updated = at(r.CreatedMS), at(r.UpdatedMS)
	return r.Subscriber
}

// The domain's name is not joined: with few domains an optimizer would begin
// with them and sort all subscribers for a page of fifty.
const selectSubscriber = `SELECT s.id, s.domain_id, (SELECT d.name FROM prov_domains d WHERE d.id = s.domain_id) AS domain,
	s.customer_id, s.username, s.display_name, s.status, s.rev, s.created_ms, s.updated_ms FROM prov_subscribers s`

// Subscribers is the repository of subscribers.
type Subscribers struct{ on access }

// Create adds a subscriber with credentials and numbers. The password comes
// back this one time: only digests of it are stored.
func (r Subscribers) Create(ctx context.Context, n NewSubscriber) (Subscriber, Secret, error) {
	n.Status = either(n.Status, Active)
	if n.Password == "" {
		p, err := newPassword(r.on.owner().cfg.Rand)
		if err != nil {
			return Subscriber{}, "", err
		}
		n.Password = p
	}
	numbers, err := canonicalNumbers(n.Numbers)
	if err := firstError(err,
		username(n.Username),
		text(KindSubscriber, "display_name", n.DisplayName, 0, maxName),
		status(KindSubscriber, n.Status),
		password(KindSubscriber, n.Password, minPassword)); err != nil {
		return Subscriber{}, "", err
	}
	var out Subscriber
	err = r.on.update(ctx, func(tx *Tx) error {
		domain, err := tx.Domains().Find(ctx, n.DomainID)
		if err != nil {
			return absent(err, KindSubscriber, "domain_id")
		}
		id, err := tx.nextIDs(ctx, "subscriber", 1)
		if err != nil {
			return err
		}
		now := tx.store.now()
		if err := tx.insertSubscriber(ctx, id, n, now); err != nil {
			return err
		}
		if err := tx.insertCredentials(ctx, id, n.Username, domain.Name, n.Password); err != nil {
			return err
		}
		if len(numbers) > 0 {
			if err := tx.addNumbers(ctx, id, numbers, numbers[0]); err != nil {
				return err
			}
		}
		out = Subscriber{
			ID: id, DomainID: domain.ID, Domain: domain.Name, CustomerID: n.CustomerID, Username: n.Username, DisplayName: n.DisplayName,
			Status: n.Status, Rev: 1, Created: at(now), Updated: at(now), Numbers: numbers,
		}
		return nil
	})
	return out, n.Password, err
}

func (t *Tx) insertSubscriber(ctx context.Context, id int64, n NewSubscriber, now int64) error {
	_, err := t.exec(ctx, `INSERT INTO prov_subscribers
		(id, domain_id, customer_id, username, display_name, status, rev, created_ms, updated_ms) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)`,
		id, n.DomainID, n.CustomerID, n.Username, n.DisplayName, string(n.Status), now, now)
	if err != nil {
		return missingParent(conflictOn(err, KindSubscriber, "username"), KindSubscriber, "customer_id")
	}
	t.changed(KindSubscriber, id, Created)
	return nil
}

// absent turns "not found" of a row pointed to into an invalid field.
func absent(err error, kind Kind, field string) error {
	return missingParent(replace(err, ErrNotFound, ErrInUse), kind, field)
}

// Find gives the subscriber with an id.
func (r Subscribers) Find(ctx context.Context, id int64) (Subscriber, error) {
	return r.first(ctx, " WHERE s.id = ?", id)
}

// ByName gives the subscriber user@domain.
func (r Subscribers) ByName(ctx context.Context, user, domain string) (Subscriber, error) {
	return r.first(ctx, " WHERE s.username = ? AND s.domain_id = (SELECT d.id FROM prov_domains d WHERE d.name = ?)", user, domain)
}

// ByNumber gives the subscriber that has an E.164 number.
func (r Subscribers) ByNumber(ctx context.Context, number string) (Subscriber, error) {
	canonical, err := CanonicalNumber(number)
	if err != nil {
		return Subscriber{}, ErrNotFound
	}
	return r.first(ctx, " WHERE s.id = (SELECT n.subscriber_id FROM prov_numbers n WHERE n.number = ?)", canonical)
}

func (r Subscribers) first(ctx context.Context, cond string, args ...any) (Subscriber, error) {
	row, err := one[subscriberRow](ctx, r.on, selectSubscriber+cond, args...)
	if err != nil {
		return Subscriber{}, err
	}
	list := []Subscriber{row.value()}
	err = r.fillNumbers(ctx, list)
	return list[0], err
}

// SubscriberFilter selects subscribers; zero fields select all.
type SubscriberFilter struct {
	DomainID   int64
	CustomerID int64
	Username   string // begins with
	Number     string // one of the numbers begins with; "+" and separators may stand
	Status     Status
}

func (f SubscriberFilter) where() (w where) {
	is(&w, "s.domain_id", f.DomainID)
	is(&w, "s.customer_id", f.CustomerID)
	is(&w, "s.status", f.Status)
	w.prefix("s.username", f.Username)
	if f.Number != "" {
		var n where
		n.prefix("n.number", digitsOf(f.Number))
		w.add("s.id IN (SELECT n.subscriber_id FROM prov_numbers n"+n.text()+")", n.args...)
	}
	return w
}

// List gives one page of subscribers.
func (r Subscribers) List(ctx context.Context, f SubscriberFilter, p Page) (List[Subscriber], error) {
	l, err := page(ctx, r.on, p, selectSubscriber, "s.id", f.where(), subscriberRow.value, func(v Subscriber) int64 { return v.ID })
	if err != nil {
		return l, err
	}
	return l, r.fillNumbers(ctx, l.Items)
}

// Count counts what List lists.
func (r Subscribers) Count(ctx context.Context, f SubscriberFilter) (int64, error) {
	return count(ctx, r.on, "prov_subscribers s", f.where())
}

// Update replaces display name, status and customer of a subscriber at the
// revision s.Rev and returns the new one. Numbers and password have methods
// of their own.
func (r Subscribers) Update(ctx context.Context, s Subscriber) (Subscriber, error) {
	err := firstError(
		text(KindSubscriber, "display_name", s.DisplayName, 0, maxName),
		status(KindSubscriber, s.Status))
	if err != nil {
		return Subscriber{}, err
	}
	var out Subscriber
	err = r.on.update(ctx, func(tx *Tx) error {
		n, err := tx.exec(ctx, `UPDATE prov_subscribers
			SET display_name = ?, status = ?, customer_id = ?, rev = rev + 1, updated_ms = ? WHERE id = ? AND rev = ?`,
			s.DisplayName, string(s.Status), s.CustomerID, tx.store.now(), s.ID, s.Rev)
		if err != nil {
			return missingParent(err, KindSubscriber, "customer_id")
		}
		if err := tx.revised(ctx, n, "prov_subscribers", s.ID); err != nil {
			return err
		}
		if out, err = tx.Subscribers().Find(ctx, s.ID); err != nil {
			return err
		}
		if s.Username != out.Username || s.DomainID != out.DomainID {
			return invalid(KindSubscriber, "username", "username and domain can not change")
		}
		tx.changed(KindSubscriber, s.ID, Updated)
		return nil
	})
	return out, err
}

// SetNumbers replaces the numbers of a subscriber at a revision; the first
// becomes the primary one. [ErrConflict] names a number that another
// subscriber has.
func (r Subscribers) SetNumbers(ctx context.Context, id, rev int64, numbers []string) (Subscriber, error) {
	canonical, err := canonicalNumbers(numbers)
	if err != nil {
		return Subscriber{}, err
	}
	var out Subscriber
	err = r.on.update(ctx, func(tx *Tx) error {
		if err := tx.touchSubscriber(ctx, id, rev); err != nil {
			return err
		}
		if err := tx.putNumbers(ctx, id, canonical); err != nil {
			return err
		}
		out, err = tx.Subscribers().Find(ctx, id)
		return err
	})
	return out, err
}

// SetPassword replaces the credentials of a subscriber. An empty password is
// made up. It comes back this one time.
func (r Subscribers) SetPassword(ctx context.Context, id, rev int64, p Secret) (Subscriber, Secret, error) {
	if p == "" {
		var err error
		if p, err = newPassword(r.on.owner().cfg.Rand); err != nil {
			return Subscriber{}, "", err
		}
	}
	if err := password(KindSubscriber, p, minPassword); err != nil {
		return Subscriber{}, "", err
	}
	var out Subscriber
	err := r.on.update(ctx, func(tx *Tx) error {
		if err := tx.touchSubscriber(ctx, id, rev); err != nil {
			return err
		}
		var err error
		if out, err = tx.Subscribers().Find(ctx, id); err != nil {
			return err
		}
		return tx.replaceCredentials(ctx, id, out.Username, out.Domain, p)
	})
	return out, p, err
}

// touchSubscriber moves a subscriber to its next revision.
func (t *Tx) touchSubscriber(ctx context.Context, id, rev int64) error {
	n, err := t.exec(ctx, "UPDATE prov_subscribers SET rev = rev + 1, updated_ms = ? WHERE id = ? AND rev = ?", t.store.now(), id, rev)
	if err != nil {
		return err
	}
	if err := t.revised(ctx, n, "prov_subscribers", id); err != nil {
		return err
	}
	t.changed(KindSubscriber, id, Updated)
	return nil
}

// Delete removes a subscriber with its credentials and numbers. Its calls
// stay.
func (r Subscribers) Delete(ctx context.Context, id, rev int64) error {
	return r.on.update(ctx, func(tx *Tx) error {
		return tx.remove(ctx, "prov_subscribers", KindSubscriber, id, rev)
	})
}
