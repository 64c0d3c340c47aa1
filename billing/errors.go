package billing

import "errors"

// Errors of money arithmetic and of the codecs. They come wrapped with the
// offending text; compare with errors.Is.
var (
	// ErrOverflow says that an exact result does not fit its type.
	ErrOverflow = errors.New("billing: overflow")
	// ErrCurrency says that two currencies met in one sum, or that a currency
	// is not three capital letters.
	ErrCurrency = errors.New("billing: currency")
	// ErrSyntax says that a text is not a decimal number of the wanted form.
	ErrSyntax = errors.New("billing: syntax")
	// ErrPrecision says that a decimal has more places than can be kept.
	ErrPrecision = errors.New("billing: too many decimal places")
	// ErrEvent says that an event is not one that a billing chain can use:
	// it belongs into quarantine.
	ErrEvent = errors.New("billing: bad event")
	// ErrVersion says that an encoded event is of a version not known here.
	ErrVersion = errors.New("billing: unknown event version")
)
