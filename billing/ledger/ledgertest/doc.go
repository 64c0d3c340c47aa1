// Package ledgertest holds implementations of ledger.Ledger to what the
// interface says.
package ledgertest
