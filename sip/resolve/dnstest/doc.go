// Package dnstest is a DNS server for tests: zones as text, answers that come
// late, not at all, cut short or as a failure, and a count of what was asked.
//
// [Zones] answers in memory, also under testing/synctest, and has the Exchange
// method that package resolve asks for. [Listen] puts it on a UDP and a TCP
// socket of the loopback interface. It is no server for anything but tests: it
// answers like a recursive server that knows the zones given and nothing else.
package dnstest
