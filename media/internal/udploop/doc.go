// Package udploop serves thousands of UDP sockets with a few goroutines.
//
// Media sockets carry fifty packets a second each: a goroutine per socket
// wakes up for every packet. Here a loop waits for all its sockets at once
// (epoll), reads each ready one with recvmmsg, hands the batch to the socket's
// [Handler] and sends what the handler put into its [Outbox]. Under load the
// loop lingers a moment between rounds, so that one wake-up serves many
// packets. Nothing is allocated per packet.
//
// Where there is no epoll, and on request, a goroutine per socket does the
// same with the standard library.
//
// # Contract
//
// Handlers of sockets of one [Loop] never run at the same time on the epoll
// implementation, but do on the portable one: a handler that shares state
// must lock it. A handler must not block; what it gets is lent until it
// returns; an outbox may hold sockets of the same loop only. Closing a socket
// is asynchronous: packets may still be handed out while Close returns, and
// the descriptor ends with the loop's present round. [Group.Run] returns when
// all goroutines have ended and all sockets are closed, but for detached ones.
//
// # Moving
//
// [Loop.Detach] leaves a socket alone without closing it, so that its
// descriptor can go to another process; what arrives meanwhile waits in it.
// [Loop.Adopt] goes on there, [Loop.Attach] here when it stays. On Linux only.
package udploop
