package transaction

import "errors"

// Errors of the layer. Errors of Config.Send are passed on wrapped.
var (
	ErrTimeout = errors.New("transaction: timeout")              // Timer B, F or H, or no end after CANCEL
	ErrFull    = errors.New("transaction: too many")             // Config.MaxTransactions
	ErrState   = errors.New("transaction: not in this state")    // final response sent already, or transaction over
	ErrRequest = errors.New("transaction: request cannot start") // not a request, ACK, or no usable branch
)
