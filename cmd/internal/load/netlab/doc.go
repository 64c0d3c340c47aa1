// Package netlab makes the network that a media relay is measured in: three
// network namespaces, callers - relay - callees, joined by pairs of virtual
// Ethernet interfaces, and a third pair that joins callers and callees directly,
// for the same load without a relay.
//
// The namespaces have no names. They are gone when [Lab.Close] was called, or
// its process has ended, and the processes started in them have ended too.
//
// It needs Linux and root. [Lab.In] runs code with its thread in a namespace:
// sockets that are opened there stay there.
package netlab
