package directory

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// Session is a login of an admin. The token that the browser holds is not
// stored, only its SHA-256.
type Session struct {
	ID        int64  `db:"id"`
	AdminID   int64  `db:"admin_id"`
	Remote    string `db:"remote"`
	UserAgent string `db:"user_agent"`
	Created   time.Time
	Seen      time.Time // to the minute
	Expires   time.Time // whatever happens
}

type sessionRow struct {
	Session
	CreatedMS int64 `db:"created_ms"`
	SeenMS    int64 `db:"seen_ms"`
	ExpiresMS int64 `db:"expires_ms"`
}

func (r sessionRow) value() Session {
	r.Session.Created, r.Session.Seen, r.Session.Expires = at(r.CreatedMS), at(r.SeenMS), at(r.ExpiresMS)
	return r.Session
}

const selectSession = "SELECT id, admin_id, remote, user_agent, created_ms, seen_ms, expires_ms FROM sys_sessions"

// Sessions is the repository of login sessions.
type Sessions struct{ on access }

func tokenHash(token Secret) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:])
}

// Create begins a session of an admin and gives its token, 256 random bits.
// remote and agent are for the list of sessions that people see.
func (r Sessions) Create(ctx context.Context, adminID int64, remote, agent string) (Session, Secret, error) {
	s := r.on.owner()
	var raw [32]byte
	if _, err := io.ReadFull(s.cfg.Rand, raw[:]); err != nil {
		return Session{}, "", fmt.Errorf("directory: random source: %w", err)
	}
	token := Secret(base64.RawURLEncoding.EncodeToString(raw[:]))
	var out Session
	err := r.on.update(ctx, func(tx *Tx) error {
		id, err := tx.nextIDs(ctx, "session", 1)
		if err != nil {
			return err
		}
		now := s.now()
		row := sessionRow{
			Session:   Session{ID: id, AdminID: adminID, Remote: clean(remote, 64), UserAgent: clean(agent, 255)},
			CreatedMS: now, SeenMS: now, ExpiresMS: now + s.cfg.SessionLifetime.Milliseconds(),
		}
		_, err = tx.exec(ctx, `INSERT INTO sys_sessions (id, token_hash, admin_id, remote, user_agent, created_ms, seen_ms, expires_ms)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, id, tokenHash(token), adminID, row.Remote, row.UserAgent, row.CreatedMS, row.SeenMS, row.ExpiresMS)
		out = row.value()
		return missingParent(err, KindSession, "admin_id")
	})
	return out, token, err
}

// seenStep is how exactly the last use of a session is kept: a write for
// every request would cost more than it tells.
const seenStep = time.Minute

// Find gives the session of a token and its admin, and counts as use.
// [ErrNotFound] when it is unknown, idle too long, expired, or the admin is
// locked.
func (r Sessions) Find(ctx context.Context, token Secret) (Session, Admin, error) {
	s := r.on.owner()
	now := s.now()
	row, err := one[sessionRow](ctx, r.on, selectSession+" WHERE token_hash = ? AND expires_ms > ? AND seen_ms > ?",
		tokenHash(clip(token)), now, now-s.cfg.SessionIdle.Milliseconds())
	if err != nil {
		return Session{}, Admin{}, err
	}
	a, err := Admins(r).Find(ctx, row.AdminID)
	if err == nil && a.Status != Active {
		err = ErrNotFound
	}
	if err != nil {
		return Session{}, Admin{}, err
	}
	if now-row.SeenMS >= seenStep.Milliseconds() {
		row.SeenMS = now
		err = r.on.update(ctx, func(tx *Tx) error {
			_, err := tx.exec(ctx, "UPDATE sys_sessions SET seen_ms = ? WHERE id = ?", now, row.ID)
			return err
		})
	}
	return row.value(), a, err
}

// ByAdmin lists the live sessions of an admin.
func (r Sessions) ByAdmin(ctx context.Context, adminID int64) ([]Session, error) {
	s := r.on.owner()
	now := s.now()
	rows, err := all[sessionRow](ctx, r.on, selectSession+" WHERE admin_id = ? AND expires_ms > ? AND seen_ms > ? ORDER BY id",
		adminID, now, now-s.cfg.SessionIdle.Milliseconds())
	out := make([]Session, len(rows))
	for i, row := range rows {
		out[i] = row.value()
	}
	return out, err
}

// Revoke ends a session. Ending one that has ended is no error.
func (r Sessions) Revoke(ctx context.Context, id int64) error {
	return r.delete(ctx, "id = ?", id)
}

// RevokeAll ends all sessions of an admin.
func (r Sessions) RevokeAll(ctx context.Context, adminID int64) error {
	return r.delete(ctx, "admin_id = ?", adminID)
}

// Prune deletes the sessions that have ended.
func (r Sessions) Prune(ctx context.Context) error {
	s := r.on.owner()
	now := s.now()
	return r.delete(ctx, "expires_ms <= ? OR seen_ms <= ?", now, now-s.cfg.SessionIdle.Milliseconds())
}

func (r Sessions) delete(ctx context.Context, cond string, args ...any) error {
	return r.on.update(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, "DELETE FROM sys_sessions WHERE "+cond, args...)
		return err
	})
}
