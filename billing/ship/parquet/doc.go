// Package parquet writes exports as Apache Parquet files.
//
// Money and spans are of the logical type DECIMAL on 64-bit integers, with six
// and three places, instants TIMESTAMP in milliseconds UTC, or null where there
// is none: no value becomes a binary fraction. With ship.Days as the parts of a
// stream the files are in folders "day=2026-05-04", as readers of partitioned
// data expect them.
//
// # Contract
//
// The same records give the same bytes with the same version of this package.
// A [Format] holds no state and may be used by any number of goroutines.
package parquet
