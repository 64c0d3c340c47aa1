package directory

import "strings"

// DriverSource splits a DSN for tests that look behind the store.
func DriverSource(dsn string) (driver, source string) {
	driver, source, _ = strings.Cut(dsn, ":")
	return driver, source
}
