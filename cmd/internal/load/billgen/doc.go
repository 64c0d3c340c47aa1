// Package billgen makes the load of a carrier's billing: tariffs, contracts,
// and the calls of a month with their events. Everything follows from a seed
// and from the number of a call, so any part of it can be made again anywhere.
//
// Of all calls 30 % are not answered; the others last as a log-normal law with
// a mean of three minutes says, 10 % of all over a border between peak and off
// peak. Few destinations get most of them (Zipf, 1.1). Each call has a
// customer, the reseller above it and the carrier that it goes to.
package billgen
