// Package rating is what the ratetool command does: it reads decks and
// scenarios in their layouts, runs, explains, compares and converts them.
//
// Bad input is an error that names the line or the JSON pointer; [ErrFindings]
// says that the input is good and something in it is worth a look.
package rating

import "errors"

// ErrFindings says that something was found and printed.
var ErrFindings = errors.New("findings")

// ErrUsage says that a command was called wrongly.
var ErrUsage = errors.New("usage")
