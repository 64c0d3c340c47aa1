package directory

import (
	"context"
	"errors"
)

// Sentinel errors. Test with [errors.Is]; a [*FieldError] says which field.
var (
	// ErrNotFound means that no such row exists.
	ErrNotFound = errors.New("directory: not found")
	// ErrConflict means that a unique value is taken already.
	ErrConflict = errors.New("directory: already exists")
	// ErrInvalid means that a value was refused before it reached the database.
	ErrInvalid = errors.New("directory: invalid value")
	// ErrInUse means that other rows still need the one to be deleted.
	ErrInUse = errors.New("directory: still in use")
	// ErrStale means that the row changed since the caller read it.
	ErrStale = errors.New("directory: changed by someone else")
	// ErrUnavailable means that the database could not be asked or could not
	// answer: connection, disk, lock wait. The same request may succeed later.
	ErrUnavailable = errors.New("directory: database unavailable")
	// ErrDamaged means that a stored value can not be what this program stored.
	// It is an [ErrUnavailable] that does not go away by itself.
	ErrDamaged = errors.New("directory: stored value can not be read")
	// ErrNewerSchema means that the database was migrated by a newer program.
	ErrNewerSchema = errors.New("directory: the database has a newer schema than this program")
	// ErrLogin means a wrong name, a wrong password or a locked account;
	// which of them is not told.
	ErrLogin = errors.New("directory: wrong name or password")
)

// FieldError is an [ErrConflict], [ErrInvalid] or [ErrInUse] about one field.
// Its text is fit for the person who sent the value: it never holds the text
// of a database driver, nor the value itself.
type FieldError struct {
	Err    error  // the sentinel
	Kind   Kind   // what the field belongs to
	Field  string // name as in the API: "username"
	Reason string // "longer than 64 characters"
}

func (e *FieldError) Error() string {
	s := e.Err.Error() + ": " + string(e.Kind) + "." + e.Field
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

// Unwrap gives the sentinel.
func (e *FieldError) Unwrap() error { return e.Err }

func invalid(kind Kind, field, reason string) error {
	return &FieldError{Err: ErrInvalid, Kind: kind, Field: field, Reason: reason}
}

// fault is a sentinel with the driver's error behind it: the text is the
// sentinel's, the cause can be found with errors.As and by Cause.
type fault struct {
	kind  error
	cause error
}

func (f *fault) Error() string   { return f.kind.Error() }
func (f *fault) Unwrap() []error { return []error{f.kind, f.cause} }

// Cause gives the driver's error behind err for a log line, or err itself.
func Cause(err error) error {
	var f *fault
	if errors.As(err, &f) {
		return f.cause
	}
	return err
}

// failure turns a driver's error into one of ours. A cancelled context stays
// what it is; what is not known counts as unavailable.
func (s *Store) failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{ErrNotFound, ErrConflict, ErrInvalid, ErrInUse, ErrStale, ErrUnavailable, ErrNewerSchema, ErrLogin, ErrAccount} {
		if errors.Is(err, known) {
			return err
		}
	}
	if ctx.Err() != nil {
		return &fault{kind: context.Cause(ctx), cause: err}
	}
	switch s.dialect.classify(err) {
	case classUnique:
		return &fault{kind: ErrConflict, cause: err}
	case classReference:
		return &fault{kind: ErrInUse, cause: err}
	}
	return &fault{kind: ErrUnavailable, cause: err}
}

// conflictOn names the field behind a unique violation.
func conflictOn(err error, kind Kind, field string) error {
	if errors.Is(err, ErrConflict) {
		return &FieldError{Err: ErrConflict, Kind: kind, Field: field}
	}
	return err
}

// missingParent turns a reference violation of an insert or update, where the
// row pointed to is gone, into an invalid field.
func missingParent(err error, kind Kind, field string) error {
	if errors.Is(err, ErrInUse) {
		return invalid(kind, field, "no such row")
	}
	return err
}
