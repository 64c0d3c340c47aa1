// Package registrar keeps who can be reached where: the registrar of RFC 3261
// §10 with Path (RFC 3327) and client-initiated connections (RFC 5626).
//
// [Registrar.Register] takes one parsed REGISTER, its time and the address of
// record it is about, and gives a [Result]: the status with its reason, the
// bindings after it and what changed. [Result.AppendResponse] writes the
// response. Who may register what is decided before: authentication is
// package digest's, whether a domain is served (404) the caller's.
//
// # The rule
//
// A REGISTER changes all that it says or nothing. A contact is the same as a
// stored one when its instance and reg-id are, where outbound applies, else
// when the URIs are equal by RFC 3261 §19.1.4. A stored binding from the same
// Call-ID with an equal or higher CSeq refuses the whole request (500).
// Reading a request, the rule and the response are free of I/O; the rule
// runs inside [Store.Update], which makes it atomic in every store.
//
//	400  To or Contact unreadable or not SIP, "*" with others or with an
//	     expiry, several contacts beside a flow, anything over its limit
//	403  more contacts than allowed
//	420  Require with an option other than path and outbound
//	421  Path from a client without support, if configured
//	423  expiry below the minimum
//	439  a flow asked for through an edge without outbound support
//	500  CSeq out of order
//	503  the store failed
//
// # Stores
//
// A [Store] maps an address of record to its bindings. Packages memstore
// (memory, with a journal on disk if wanted) and redisstore keep them in the
// same encoding ([AppendBindings], [DecodeBindings]), to which fields can be
// added without harm to older readers. Package storetest holds the tests that
// any store must pass.
//
// # Reaching a binding
//
// A request to a [Binding] has its Contact as Request-URI and its Path as
// Route. After a 430 (Flow Failed) [Remove] takes the binding away.
//
// # Ownership and blocking
//
// Messages are lent for the call. Strings in bindings are immutable and may
// be kept; slices of bindings belong to whom the method says. Register and
// the Store methods block where the store does: memory for microseconds,
// Redis for network round trips, so a caller that must not wait runs them on
// a goroutine of its own.
package registrar
