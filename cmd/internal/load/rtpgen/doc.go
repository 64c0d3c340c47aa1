// Package rtpgen sends and receives the media of many calls through a media
// relay: for each call 50 packets a second of 20 ms G.711 both ways, spread
// evenly over time. All callers share one socket and all callees another: calls
// are told apart by the relay's ports, so that the generator reads and writes
// many packets with one system call and costs little beside what it measures.
//
// Every packet says in its payload which call it belongs to and when it was
// sent. What arrives is held against that: length, payload type, order, and that
// it came from the port which the relay has given to the call.
package rtpgen
