// Package proxy is the stateful proxy of RFC 3261 section 16 on top of
// [transaction.Layer]: a response context per request, forking to groups of
// targets, Timer C, CANCEL of losers, choice of the best response, loose
// routing with repair of strict routers, Record-Route.
//
// It does not decide where a request goes. The owner looks at the request
// ([Proxy.Check], [Proxy.Way]), finds targets in a registrar or a routing
// plan, and starts a context with them ([Proxy.Start]). Requests inside a
// dialog follow their Route ([Proxy.Relay]), the ACK of a 2xx too
// ([Proxy.Ack]).
//
// # Contract
//
// A Proxy lives on the goroutine of its Layer and shares its contract: sans
// I/O, no locks, time as an argument, messages lent to callbacks until they
// return.
//
// Messages are changed by splicing ([wire.Edit]): what no rule names leaves as
// it came, the body above all. The owner of a call gets each message with its
// edit plan before it leaves ([Call]) and may add to the plan, such as an
// anchored session description.
//
// A Call cannot delay a message: what it decides, it decides before its method
// returns. An owner that has to ask somebody first does so before it calls Start
// or Relay, and before it gives a response ([Proxy.Branch]) to the Layer. A 2xx is shown as often as it passes, since user agents repeat it
// until the ACK comes; Call methods have to give the same edit again.
package proxy
