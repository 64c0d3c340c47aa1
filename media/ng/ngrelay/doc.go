// Package ngrelay joins a media relay and its control protocol, on both sides.
//
// [Handler] carries out the commands that a foreign proxy sends to an
// [ng.Server] with a relay of this process:
//
//	server := ng.NewServer(ngrelay.NewHandler(relay, ngrelay.Config{}), ng.Config{})
//
// [Remote] is the other way: it has the methods of a relay and sends them to
// relays elsewhere, ours or rtpengine, so that a proxy need not know which it
// uses.
//
// # Contract
//
// Handler does what research on existing clients showed that they rely on:
// options that it does not know are named in the warning of the reply, unknown
// calls are an error except for delete, and the reasons "Parallel session limit
// reached" and "Ran out of ports" make a client ask elsewhere. Both types may be
// used by many goroutines.
package ngrelay
