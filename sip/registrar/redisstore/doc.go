// Package redisstore keeps registrations in Redis: a [registrar.Store] that
// any number of proxies share.
//
// # Layout
//
// Under the prefix (default "reg:") there are
//
//	reg:b:<aor>   string: 8 octets that change with each write, then the
//	              record as registrar.AppendBindings writes it
//	reg:index     sorted set of addresses of record by their last expiry in
//	              milliseconds, for counting and listing
//
// A key lives until its last binding expires (PEXPIRE); single bindings that
// expire earlier are passed over when read. Both writes are one Lua script,
// so all keys must be on one server: in a Redis Cluster put braces into the
// prefix ("{reg}:").
//
// # Atomicity
//
// Update reads the record, lets change work on it here and writes it back by
// a script that does so only if nobody wrote in between; else the script
// hands over what is there now and change works on that. A refresh takes two
// round trips, one more for each lost race, with a random pause when it loses again
// and again. A write whose answer got lost is
// recognised when the client sends it again.
//
// # Clocks
//
// Expiry is decided by the clocks of the proxies, which must agree to within
// seconds; Redis only frees memory.
package redisstore
