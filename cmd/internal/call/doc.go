// Package call is what a proxy does with a request. It joins registrar,
// digest, routing plan, proxy, dialog records, media relay and billing events:
// the libraries do not know each other, so the place where they meet is here.
//
// A [Core] is run by a shard (package sip/shard): everything of one call
// happens on one goroutine. What the cores share ([Shared]) is safe for
// concurrent use. A Core blocks where that is right: for the fsync of a start
// or stop event before the 2xx or the BYE goes on, and for reads of the
// directory and the location store.
package call
