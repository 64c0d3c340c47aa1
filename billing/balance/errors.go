package balance

import "errors"

// Errors of balances. They come wrapped with what they are about.
var (
	// ErrTerms says that terms are not possible, or that an account names a
	// profile, package or time zone that the terms do not have.
	ErrTerms = errors.New("balance: terms")
	// ErrTime says that an instant lies before the account was opened, or that
	// too many intervals lie between two uses of it.
	ErrTime = errors.New("balance: time out of range")
	// ErrUsage says that a usage is not one that can be charged.
	ErrUsage = errors.New("balance: usage")
	// ErrVoucher says that a voucher was redeemed, is over or is for another
	// account.
	ErrVoucher = errors.New("balance: voucher")
	// ErrWallet says that an account has no such wallet.
	ErrWallet = errors.New("balance: no such wallet")
)
