// Package call is what a proxy does with a request. It joins registrar,
// digest, routing plan, proxy, dialog records, media relay and billing events:
// the libraries do not know each other, so the place where they meet is here.
//
// Calls of prepaid callers run through the back-to-back user agent of package
// sip/b2bua, limited by a [Spender]; all others through the proxy.
//
// A [Core] is run by a shard (package sip/shard): everything of one call
// happens on one goroutine. What the cores share ([Shared]) is safe for
// concurrent use. A Core blocks where that is right: for the fsync of a start
// or stop event before the 2xx or the BYE goes on, and for reads of the
// directory and the location store.
//
// It never waits for a media relay elsewhere. What that is asked leaves by
// [Shared.Beside] and comes back as an input; meanwhile the call waits, and no
// other: its messages stand in line, so that their order is kept, but for CANCEL
// and BYE, which end the call on the spot. The session is ended when the offer
// that may have begun it is answered, and the call's last event, with the
// figures, is written then; that it lived until its end is on disk before.
package call
