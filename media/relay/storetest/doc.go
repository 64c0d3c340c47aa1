// Package storetest is what every store of media sessions must pass: [Run] for
// any [relay.Store], and more of a [relay.Remote].
package storetest
