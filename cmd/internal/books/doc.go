// Package books lets the accounts of customers pay for their call records, in
// the transaction that stores these ([Books.Hook]): free time of the billing
// profile first, then wallets of packages, then cash; what nobody pays is due,
// which is all of it for a postpaid customer without cash. What a prepaid
// session has settled already is taken into account, so that afterwards ledger
// and document of the account say the same. A later revision of a record, or
// the same calls rated anew, takes back what the earlier one did (reversing
// entries) and pays again.
//
// How each side of a record was paid is kept with it (directory.Receipt).
package books
