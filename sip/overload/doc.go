// Package overload keeps a SIP edge and the proxies behind it at work when more
// comes than they can do (RFC 6357): proxies say what they want less of, the
// edge refuses it where that is cheap, the least important first.
//
// [Classify] says how dear a request is.
package overload
