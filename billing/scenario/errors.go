package scenario

import "errors"

// Errors of files. They come in an [Error] that says where.
var (
	// ErrFile says that a file is not one of this format.
	ErrFile = errors.New("scenario: bad file")
	// ErrZone says that there is no such time zone.
	ErrZone = errors.New("scenario: unknown time zone")
	// ErrName says that a name stands for nothing in the file.
	ErrName = errors.New("scenario: unknown name")
	// ErrLimit says that a file is too large.
	ErrLimit = errors.New("scenario: too large")
)

// Error says where in a file something is wrong.
type Error struct {
	Path string // a JSON pointer (RFC 6901): "/timeline/3/call/duration"
	Line int    // of the text, where it is known
	Err  error
}

// Error names the place.
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Err.Error()
	}
	return e.Path + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func at(path string, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	return &Error{Path: path, Err: err}
}
