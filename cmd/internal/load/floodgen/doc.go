// Package floodgen sends a SIP element what it must refuse: octets that are no
// message, messages beyond any limit, and the probes of scanners, at a rate and
// from many loopback addresses, and counts what comes back.
//
// A [Flood] owns its sockets from [New] to the end of [Flood.Run]. What the
// kernel drops before the element has read it is not in its figures: see
// meter.Drops.
package floodgen
