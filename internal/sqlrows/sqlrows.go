// Package sqlrows writes many rows by few statements.
package sqlrows

import "strings"

// Bounds of one INSERT: SQLite takes 32,766 values, MariaDB 16 MiB.
const (
	maxValues = 16_000
	maxBytes  = 2 << 20
)

// Insert inserts n rows into columns of a table, which are separated by
// commas, in as few statements as fit. row appends the values of one row. exec
// runs a statement and keeps no part of it; after its error nothing more is
// run, and what was before it stays: call it within a transaction.
func Insert(table, columns string, n int, row func(to []any, i int) []any, exec func(query string, args []any) error) error {
	width := strings.Count(columns, ",") + 1
	tuple := ",(" + strings.Repeat("?,", width-1) + "?)"
	args := make([]any, 0, min(n, maxValues/width)*width)
	rows, bytes := 0, 0
	for i := range n {
		had := len(args)
		args = row(args, i)
		rows, bytes = rows+1, bytes+weight(args[had:])
		if i < n-1 && len(args)+width <= maxValues && bytes < maxBytes {
			continue
		}
		query := "INSERT INTO " + table + " (" + columns + ") VALUES " + strings.Repeat(tuple, rows)[1:]
		if err := exec(query, args); err != nil {
			return err
		}
		args, rows, bytes = args[:0], 0, 0
	}
	return nil
}

// weight estimates the bytes of values in a statement.
func weight(values []any) int {
	n := 12 * len(values)
	for _, v := range values {
		switch v := v.(type) {
		case string:
			n += len(v)
		case []byte:
			n += len(v)
		}
	}
	return n
}
