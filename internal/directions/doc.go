// Package directions holds the test that keeps the import directions of
// README's "Architecture" true. It has no code of its own.
package directions
