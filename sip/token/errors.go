package token

import "errors"

// Why a token or signature was not accepted. Only [ErrMAC] and [ErrPurpose]
// need somebody who tries: the others also come from foreign text in the place
// of a token, or from keys that have been retired.
var (
	// ErrMalformed means the text cannot be a token: wrong alphabet or length.
	ErrMalformed = errors.New("token: malformed")
	// ErrVersion means a format this package does not know.
	ErrVersion = errors.New("token: unknown version")
	// ErrKey means the key is not in the ring: retired, or another pair's.
	ErrKey = errors.New("token: unknown key")
	// ErrPurpose means the token was made for another place.
	ErrPurpose = errors.New("token: made for another purpose")
	// ErrMAC means the token was changed, made with another secret of the same
	// id, or stands beside a text it is not bound to.
	ErrMAC = errors.New("token: signature does not hold")
	// ErrTooLong means a text is longer than [MaxSecret].
	ErrTooLong = errors.New("token: text too long to be sealed")
)
