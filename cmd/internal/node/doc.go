// Package node composes the libraries into the servers under cmd: it reads
// configuration, builds parts, runs them together and stops them in order.
//
// Each kind of node is one type with a constructor that binds every socket
// and opens every store or fails with one clear error, and a Run method that
// returns when all its goroutines have ended: [LB], [Proxy] and [Web].
// cmd/carrier runs the three in one process; cmd/lb, cmd/proxy and cmd/web
// run one each.
package node
