package directory

import (
	"sync/atomic"
	"unsafe"

	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/routing"
)

// Profile is all that a call or a registration needs to know of a subscriber.
// It is shared by all who ask and must not be changed.
type Profile struct {
	SubscriberID     int64
	DomainID         int64
	CustomerID       int64
	BillingProfileID int64
	Username         string
	Domain           string
	DisplayName      string
	// Locked is true when the subscriber or its customer is.
	Locked bool
	// Lock is the customer's lock level: the operator's or that of a limit on
	// spending, whichever is higher.
	Lock routing.Lock
	// Prepaid is that of the customer's billing profile.
	Prepaid bool
	// Numbers are E.164 without "+", the primary one first.
	Numbers []string

	ha1   [digest.SHA512256 + 1][]byte // raw digests
	route routing.Subscriber

	used atomic.Bool // since the cache last looked for one to forget
	slot int         // place in the cache's ring
}

// Number is the primary number, "" when there is none.
func (p *Profile) Number() string {
	if len(p.Numbers) == 0 {
		return ""
	}
	return p.Numbers[0]
}

// HA1 is the raw digest of user:domain:password for an algorithm, nil when
// there is none. It is a secret.
func (p *Profile) HA1(a digest.Algorithm) []byte {
	if int(a) >= len(p.ha1) {
		return nil
	}
	return p.ha1[a]
}

// String is user@domain: no print of a profile shows its digests.
func (p *Profile) String() string { return p.Username + "@" + p.Domain }

// GoString is String.
func (p *Profile) GoString() string { return p.String() }

// key is what a profile is looked up by: user and domain, or a number with
// an empty domain.
type key struct{ user, domain string }

// keys are all that the cache knows a profile by.
func (p *Profile) keys(yield func(key) bool) {
	if !yield(key{p.Username, p.Domain}) {
		return
	}
	for _, n := range p.Numbers {
		if !yield(key{n, ""}) {
			return
		}
	}
}

// bytes estimates the memory that the profile takes with its places in the
// cache: each key stands in a map of keys and pointers that is half full.
func (p *Profile) bytes() int64 {
	const place = 2 * (int64(unsafe.Sizeof(key{})) + 8)
	n := int64(unsafe.Sizeof(*p)) + 3*place + int64(len(p.Username)+len(p.Domain)+len(p.DisplayName)) + 20
	for _, d := range p.ha1 {
		n += int64(cap(d))
	}
	for _, v := range p.Numbers {
		n += int64(len(v)+16) + place
	}
	return n
}
