// Package fdpass carries messages with open descriptors between processes of
// one user on one host, over a stream of a unix socket (SCM_RIGHTS).
//
//	c := fdpass.New(conn)
//	err := c.Check()                   // the other side is of this user
//	err = c.Send(message, listenerFD)  // descriptors stay open here
//	message, fds, err := c.Receive()   // and are open there, to be closed by the receiver
//
// A message is as long as its sender says, at most [MaxMessage]; descriptors
// beyond what the kernel takes at once follow it in portions.
package fdpass
