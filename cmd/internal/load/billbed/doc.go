// Package billbed runs the way of a call record from the node to the central
// database with the parts that the platform has: events to a spool, fsynced;
// mediation; prices for all parties; one transaction a batch into a MariaDB
// that keeps what it acknowledges. And, to compare, nothing but the insertion
// of the same rows.
package billbed
