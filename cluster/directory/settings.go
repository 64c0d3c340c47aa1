package directory

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Setting is a named byte string that all nodes share: the key ring of
// nonces, of flow tokens, the mark that the first start is done.
type Setting struct {
	Name    string `db:"name"`
	Value   []byte `db:"value"`
	Rev     int64  `db:"rev"`
	Updated time.Time
}

type settingRow struct {
	Setting
	UpdatedMS int64 `db:"updated_ms"`
}

// maxSetting bounds a value in bytes.
const maxSetting = 32 << 10

// Settings is the repository of settings.
type Settings struct{ on access }

// Find gives a setting.
func (r Settings) Find(ctx context.Context, name string) (Setting, error) {
	row, err := one[settingRow](ctx, r.on, "SELECT name, value, rev, updated_ms FROM prov_settings WHERE name = ?", name)
	row.Setting.Updated = at(row.UpdatedMS)
	return row.Setting, err
}

func checkSetting(name string, value []byte) error {
	if len(value) > maxSetting {
		return invalid(KindSetting, "value", fmt.Sprintf("longer than %d bytes", maxSetting))
	}
	return charset(KindSetting, "name", name, "-_./", 64)
}

// Create adds a setting; [ErrConflict] when it is there.
func (r Settings) Create(ctx context.Context, name string, value []byte) (Setting, error) {
	if err := checkSetting(name, value); err != nil {
		return Setting{}, err
	}
	if value == nil {
		value = []byte{}
	}
	var out Setting
	err := r.on.update(ctx, func(tx *Tx) error {
		now := tx.store.now()
		_, err := tx.exec(ctx, "INSERT INTO prov_settings (name, value, rev, updated_ms) VALUES (?, ?, 1, ?)", name, value, now)
		if err != nil {
			return conflictOn(err, KindSetting, "name")
		}
		tx.changed(KindSetting, 0, Created)
		out = Setting{name, value, 1, at(now)}
		return nil
	})
	return out, err
}

// Ensure gives the setting, made by create when it is not there yet. Of
// several nodes that start at once one wins, and all get its value. It is not
// for use within a transaction.
func (s *Store) Ensure(ctx context.Context, name string, create func() ([]byte, error)) (Setting, error) {
	v, err := s.Settings().Find(ctx, name)
	if !errors.Is(err, ErrNotFound) {
		return v, err
	}
	value, err := create()
	if err != nil {
		return Setting{}, err
	}
	v, err = s.Settings().Create(ctx, name, value)
	if errors.Is(err, ErrConflict) {
		return s.Settings().Find(ctx, name)
	}
	return v, err
}

// Update replaces the value at a revision.
func (r Settings) Update(ctx context.Context, name string, value []byte, rev int64) (Setting, error) {
	if err := checkSetting(name, value); err != nil {
		return Setting{}, err
	}
	if value == nil {
		value = []byte{}
	}
	var out Setting
	err := r.on.update(ctx, func(tx *Tx) error {
		n, err := tx.exec(ctx, "UPDATE prov_settings SET value = ?, rev = rev + 1, updated_ms = ? WHERE name = ? AND rev = ?", value, tx.store.now(), name, rev)
		if err != nil {
			return err
		}
		if out, err = tx.Settings().Find(ctx, name); err == nil && n == 0 {
			return ErrStale
		}
		tx.changed(KindSetting, 0, Updated)
		return err
	})
	return out, err
}
