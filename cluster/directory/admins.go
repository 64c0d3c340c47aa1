package directory

import (
	"context"
	"errors"
	"time"
)

// Role says what an admin may do; the API enforces it.
type Role string

// Roles.
const (
	RoleAdmin    Role = "admin"
	RoleReadOnly Role = "read-only"
)

// Admin is a user of panel and API. Its password is kept as argon2id.
type Admin struct {
	ID      int64  `db:"id"`
	Name    string `db:"name"`
	Role    Role   `db:"role"`
	Status  Status `db:"status"`
	Rev     int64  `db:"rev"`
	Created time.Time
	Updated time.Time
	Login   time.Time // last successful one, zero before the first
}

type adminRow struct {
	Admin
	stamps
	LoginMS int64  `db:"login_ms"`
	Hash    string `db:"password_hash"`
}

func (r adminRow) value() Admin {
	r.Admin.Created, r.Admin.Updated, r.Admin.Login = at(r.CreatedMS), at(r.UpdatedMS), at(r.LoginMS)
	return r.Admin
}

const selectAdmin = "SELECT id, name, role, status, rev, created_ms, updated_ms, login_ms, password_hash FROM sys_admins"

// Admins is the repository of admins.
type Admins struct{ on access }

// minAdminPassword is the least number of characters of a chosen password.
const minAdminPassword = 12

func (a *Admin) check() error {
	a.Status, a.Role = either(a.Status, Active), either(a.Role, RoleAdmin)
	if a.Role != RoleAdmin && a.Role != RoleReadOnly {
		return invalid(KindAdmin, "role", "no such role")
	}
	return firstError(charset(KindAdmin, "name", a.Name, "-_.@", 64), status(KindAdmin, a.Status))
}

// secretOf checks a chosen password or makes one up, and hashes it.
func (r Admins) secretOf(ctx context.Context, p Secret) (Secret, string, error) {
	s := r.on.owner()
	var err error
	if p == "" {
		p, err = newPassword(s.cfg.Rand)
	} else {
		err = password(KindAdmin, p, minAdminPassword)
	}
	if err != nil {
		return "", "", err
	}
	hash, err := s.hashPassword(ctx, p)
	return p, hash, err
}

// Create adds an admin. An empty password is made up; it comes back this one
// time. Name, Role (default RoleAdmin) and Status (default Active) of a are
// used.
func (r Admins) Create(ctx context.Context, a Admin, p Secret) (Admin, Secret, error) {
	if err := a.check(); err != nil {
		return Admin{}, "", err
	}
	p, hash, err := r.secretOf(ctx, p)
	if err != nil {
		return Admin{}, "", err
	}
	err = r.on.update(ctx, func(tx *Tx) error {
		id, err := tx.nextIDs(ctx, "admin", 1)
		if err != nil {
			return err
		}
		now := tx.store.now()
		_, err = tx.exec(ctx, `INSERT INTO sys_admins (id, name, password_hash, role, status, rev, created_ms, updated_ms, login_ms)
			VALUES (?, ?, ?, ?, ?, 1, ?, ?, 0)`, id, a.Name, hash, string(a.Role), string(a.Status), now, now)
		a.ID, a.Rev, a.Created, a.Updated = id, 1, at(now), at(now)
		return conflictOn(err, KindAdmin, "name")
	})
	return a, p, err
}

// Find gives the admin with an id.
func (r Admins) Find(ctx context.Context, id int64) (Admin, error) {
	row, err := one[adminRow](ctx, r.on, selectAdmin+" WHERE id = ?", id)
	return row.value(), err
}

// List gives one page of admins.
func (r Admins) List(ctx context.Context, p Page) (List[Admin], error) {
	return page(ctx, r.on, p, selectAdmin, "id", where{}, adminRow.value, func(v Admin) int64 { return v.ID })
}

// Update replaces role and status at the revision a.Rev. Locking an admin
// ends its sessions.
func (r Admins) Update(ctx context.Context, a Admin) (Admin, error) {
	if err := a.check(); err != nil {
		return Admin{}, err
	}
	return r.change(ctx, a.ID, a.Rev, a.Status == Locked, "role = ?, status = ?", string(a.Role), string(a.Status))
}

// SetPassword replaces the password and ends all sessions of the admin. An
// empty password is made up; it comes back this one time.
func (r Admins) SetPassword(ctx context.Context, id, rev int64, p Secret) (Admin, Secret, error) {
	p, hash, err := r.secretOf(ctx, p)
	if err != nil {
		return Admin{}, "", err
	}
	a, err := r.change(ctx, id, rev, true, "password_hash = ?", hash)
	return a, p, err
}

func (r Admins) change(ctx context.Context, id, rev int64, logout bool, set string, args ...any) (Admin, error) {
	var out Admin
	err := r.on.update(ctx, func(tx *Tx) error {
		n, err := tx.exec(ctx, "UPDATE sys_admins SET "+set+", rev = rev + 1, updated_ms = ? WHERE id = ? AND rev = ?", append(args[:len(args):len(args)], tx.store.now(), id, rev)...)
		if err != nil {
			return err
		}
		if err := tx.revised(ctx, n, "sys_admins", id); err != nil {
			return err
		}
		if logout {
			if err := tx.Sessions().RevokeAll(ctx, id); err != nil {
				return err
			}
		}
		out, err = tx.Admins().Find(ctx, id)
		return err
	})
	return out, err
}

// Delete removes an admin and its sessions.
func (r Admins) Delete(ctx context.Context, id, rev int64) error {
	return r.on.update(ctx, func(tx *Tx) error {
		n, err := tx.exec(ctx, "DELETE FROM sys_admins WHERE id = ? AND rev = ?", id, rev)
		if err != nil {
			return err
		}
		return tx.revised(ctx, n, "sys_admins", id)
	})
}

// Verify checks name and password. [ErrLogin] covers unknown, locked and
// wrong alike, and they take the same time. The caller bounds how often it
// is asked.
func (r Admins) Verify(ctx context.Context, name string, p Secret) (Admin, error) {
	row, err := one[adminRow](ctx, r.on, selectAdmin+" WHERE name = ?", name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Admin{}, err
	}
	known := err == nil && row.Status == Active
	s := r.on.owner()
	fits, err := s.verifyPassword(ctx, either(row.Hash, dummyHash), clip(p))
	switch {
	case err != nil:
		return Admin{}, err
	case !fits || !known:
		return Admin{}, ErrLogin
	}
	row.LoginMS = s.now()
	err = r.on.update(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, "UPDATE sys_admins SET login_ms = ? WHERE id = ?", row.LoginMS, row.ID)
		return err
	})
	return row.value(), err
}

// clip bounds what is hashed; no stored password is longer.
func clip(p Secret) Secret { return p[:min(len(p), 1024)] }
