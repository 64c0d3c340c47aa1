// Package redisrelay keeps the states of media sessions in Redis: a
// [relay.Store] for a relay whose calls are to survive its process.
//
// # Layout
//
// Under the prefix (default "media:") and the name of the relay, which every
// relay of a Redis has for itself, there are
//
//	media:{name}:owner        hash: owner (a word of the process that writes), at
//	                          (when it came, in microseconds), gen, seq (which write
//	                          was the last), asof (when all was current), began
//	media:{name}:00 … :ff     hashes of the sessions whose Call-ID hashes there:
//	                          field the Call-ID, value the state
//
// So 20,000 sessions are some 80 to a hash, all are found without KEYS, SCAN or
// an index, and one EXPIRE for each hash renews the life of all. All keys of a
// relay are on one server of a Redis Cluster, because of the braces.
//
// # Life
//
// Keys end after [Config.Life] without a sign of life of the process, so that
// states of one that does not come back end by themselves.
//
// # Order and loss
//
// Writes are Lua scripts: each names its writer and its number. One of a process
// that another one has replaced is refused, so is one that was late on the way
// and comes behind later ones, and one whose predecessors are not there any more,
// because Redis was emptied or has read an older snapshot. After a failure the
// writer asks first whether what it had written is still there.
//
// # Clock
//
// How old states are is told by the clock of the server.
//
// # Secrets
//
// A user of Redis needs no more than ~media:* (the prefix) and +@hash +@scripting
// +@connection +pexpire +del +type +time.
//
// States hold SRTP keys. The connection needs TLS where others can read it, and
// whoever can read the database, or its snapshots, can decrypt the calls.
package redisrelay
