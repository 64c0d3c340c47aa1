// Package overload keeps a SIP edge and the proxies behind it at work when more
// comes than they can do (RFC 6357): proxies say how much less they want, the
// edge refuses it where that is cheap, the least important first.
//
// # The sending side
//
// The edge adds [Offer] or [OfferRate] to the Via of what it sends to a proxy, gives the
// parameters that come back to [Control.Response], and asks [Control.Admit]
// before it sends a request. What is refused is answered 503.
//
// [Classify] says how dear a request is. Of a demand to send so many percent
// less (RFC 7339), which counts all requests for that target, the class that is
// least dear bears as much as it can, then the next one: OPTIONS, REGISTER
// without credentials, SUBSCRIBE and other things, INVITE, REGISTER with
// credentials. For that the mix of classes in the last seconds is measured.
// Requests in dialogs, ACK and CANCEL are sent unless the demand is 100 percent,
// emergencies always. A demand to send so many a second (RFC 7415) is met by a
// leaky bucket in which the dear ones may wait longer.
//
// Single requests are chosen without chance: of each class, as near to the share
// demanded as whole numbers allow. A demand ends when it has not been renewed
// within its validity.
//
// # The receiving side
//
// [Local] turns the delay and the use of processors that a process measures into
// percent, with hysteresis, and [Local.Hold] lets an operator demand more. [Server]
// tells that to clients that have offered to listen. A [Control] with a Local obeys both, whichever is stricter: this is how
// an edge spares itself.
//
// # Concurrency
//
// All types may be used by many goroutines, nothing blocks, and no clock is read:
// the time is an argument. Nothing that is lent is kept.
package overload
