// Package mediagen is both parties of many calls through a media relay: for each
// call 50 packets a second each way, spread evenly over time. All callers share
// one socket and all callees another; one thread sends and receives for both,
// many packets with one system call, so that the generator costs little beside
// what it measures.
//
// What is sent can be checked where it arrives: without transcoding every
// payload says which call it belongs to, when it was sent and which number it
// has, and is compared octet by octet; with transcoding callers and callees send
// tones, other ones in each call, which some streams are decoded for and measured
// in. SRTP callers protect, authenticate and decrypt every packet. The time of
// arrival is the kernel's, taken when the packet came to the socket.
package mediagen
