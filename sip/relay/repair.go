package relay

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Repair mends what gets lost between the edge and the proxies over UDP while
// the client is on a connection: over TCP nobody else would send it again (RFC
// 3261 section 17.1.2.2). It is a bounded memory that may be lost at any time:
// no decision about where a message goes depends on it.
//
//   - A request from a connection is sent to the proxy again at ages of 0.5, 1,
//     2, 4, 8 and 16 s until a response to it passes; so is a final response of
//     3xx to 6xx to an INVITE, until its ACK passes. The proxy knows these
//     repetitions as what clients over UDP send.
//   - Of what goes to a proxy on a connection itself, the same is kept, but sent
//     again only when that connection has ended, which may take with it what was
//     written last. It goes the way that there is then: on a new connection word
//     for word, or over UDP with another Via. Final responses to other requests
//     than INVITE, which nobody ever repeats unasked, are kept for two seconds and
//     go again once, from clients over UDP too. A 2xx to an INVITE is repeated by
//     who has sent it until its ACK comes, over connections as well (RFC 3261
//     section 13.3.1.4), and each of them brings forth another ACK (section
//     13.2.2.4); the same is true of reliable provisional responses and their PRACK
//     (RFC 3262 section 3). The ACK to a refusal only spares a proxy the wait for
//     timer H. So these need no memory.
//   - What a proxy repeats towards a connection within 32 s, octet by octet, the
//     client has got already: it is not sent there again, because a client over
//     TCP may take it for new. Responses count as new again when the client itself
//     sends the request once more: then it waits for an answer. Instead the last word of the client in that
//     transaction, its response or its ACK, is sent to the proxy again, as it
//     must have been lost. A 2xx to an INVITE passes every time: the client
//     answers each with its ACK, which also covers a lost ACK.
//
// It is without clock and sockets. [Config.Repair] puts one to work, driven by
// [Relay.Run] or [Relay.Tick]. Its methods may be called from many goroutines.
type Repair struct {
	seed    maphash.Seed
	shards  []repairShard
	filter  []filterShard
	resent  atomic.Uint64
	reword  atomic.Uint64
	evicted atomic.Uint64
}

// RepairConfig bounds the memory of a Repair. Zero fields take the default.
type RepairConfig struct {
	// Entries is the number of messages held; 16,384.
	Entries int
	// Bytes is the room for them; 64 MiB. It is taken as it is needed, and kept.
	Bytes int
	// Repeats is the number of messages whose repetition would be noticed;
	// 65,536, which takes 1 MiB.
	Repeats int
}

// RepairStats counts what a Repair does.
type RepairStats struct {
	// Resent counts requests and responses sent again because of their age.
	Resent uint64
	// Reworded counts a client's last word sent again because the proxy repeated
	// itself.
	Reworded uint64
	// Overflow counts messages given up for newer ones, or not taken at all.
	Overflow uint64
	// Entries is the number of messages held now, and Bytes the room they take.
	Entries, Bytes int
}

// ages is when a message is sent again, after it was sent first.
var ages = [...]time.Duration{
	500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second,
}

const (
	// wordLevel is the queue of what is sent only when asked for.
	wordLevel = len(ages)
	// wordLife is how long that is kept: until a proxy has asked four times.
	wordLife = 8 * time.Second
	// onceLevel is the last age at which what is sent once is looked at: by then
	// it is known of a connection whether it has taken something with it.
	onceLevel = 2
)

// keeping is how long a message is kept, and what for.
type keeping uint8

const (
	untilSeen keeping = iota // to be sent at every age
	once                     // to be sent once
	whenAsked                // as the last word
)

// NewRepair makes a Repair.
func NewRepair(cfg RepairConfig) *Repair {
	if cfg.Entries <= 0 {
		cfg.Entries = 16384
	}
	if cfg.Bytes <= 0 {
		cfg.Bytes = 64 << 20
	}
	if cfg.Repeats <= 0 {
		cfg.Repeats = 65536
	}
	shards := 1
	for shards < 16 && cfg.Entries/(2*shards) >= 256 {
		shards *= 2
	}
	r := &Repair{seed: maphash.MakeSeed(), shards: make([]repairShard, shards)}
	for i := range r.shards {
		r.shards[i].init(max(1, cfg.Entries/shards), max(1, cfg.Bytes/shards/chunkSize))
	}
	r.filter = newFilter(cfg.Repeats)
	return r
}

func (r *Repair) key(branch []byte, method wire.Method) uint64 {
	return maphash.Bytes(r.seed, branch) ^ uint64(method)*0x9e3779b97f4a7c15
}

func (r *Repair) shard(key uint64) *repairShard { return &r.shards[key>>32%uint64(len(r.shards))] }

// Add keeps msg, which has been sent on flow, to be sent again until Seen is
// told of the transaction: the branch of our Via and the method of the CSeq. It
// reports whether there was room; msg is copied.
func (r *Repair) Add(now time.Time, branch []byte, method wire.Method, flow transport.Flow, msg []byte) bool {
	return r.put(now, branch, method, flow, netip.AddrPort{}, msg, untilSeen)
}

// Watch is Add for a message that went to the proxy target on a connection.
func (r *Repair) Watch(now time.Time, branch []byte, method wire.Method, flow transport.Flow, target netip.AddrPort, msg []byte) bool {
	return r.put(now, branch, method, flow, target, msg, untilSeen)
}

// WatchOnce is Watch for a message that nothing is going to confirm: it is kept
// for a short time and sent again once at most.
func (r *Repair) WatchOnce(now time.Time, branch []byte, method wire.Method, flow transport.Flow, target netip.AddrPort, msg []byte) bool {
	return r.put(now, branch, method, flow, target, msg, once)
}

// Keep keeps msg as the client's last word in a transaction, for Word. It takes
// the place of what was kept or added for the transaction before.
func (r *Repair) Keep(now time.Time, branch []byte, method wire.Method, flow transport.Flow, msg []byte) bool {
	return r.put(now, branch, method, flow, netip.AddrPort{}, msg, whenAsked)
}

func (r *Repair) put(now time.Time, branch []byte, method wire.Method, flow transport.Flow, target netip.AddrPort, msg []byte, how keeping) bool {
	key := r.key(branch, method)
	sh := r.shard(key)
	sh.mu.Lock()
	evicted, ok := sh.put(key, now.UnixNano(), how, &flow, target, msg)
	sh.mu.Unlock()
	if !ok {
		evicted++
	}
	if evicted > 0 {
		r.evicted.Add(uint64(evicted))
	}
	return ok
}

// Seen forgets a message that was added: what it waited for has passed.
func (r *Repair) Seen(branch []byte, method wire.Method) {
	key := r.key(branch, method)
	sh := r.shard(key)
	sh.mu.Lock()
	if i := sh.find(key); i >= 0 && sh.slots[i].level < wordLevel {
		sh.drop(i)
	}
	sh.mu.Unlock()
}

// Word appends the client's last word in a transaction to dst and returns it
// with the flow it goes on; false when there is none.
func (r *Repair) Word(branch []byte, method wire.Method, dst []byte) (transport.Flow, []byte, bool) {
	key := r.key(branch, method)
	sh := r.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	i := sh.find(key)
	if i < 0 {
		return transport.Flow{}, dst, false
	}
	r.reword.Add(1)
	return sh.slots[i].flow, sh.read(i, dst), true
}

// Resend is a message that may be sent again.
type Resend struct {
	// Flow is where it went.
	Flow transport.Flow
	// Target is the proxy that a connection led to, for a message given to Watch
	// or WatchOnce: it is not to be sent while that connection is open. It is invalid for others.
	Target netip.AddrPort
	// Data is the message.
	Data []byte
}

// Due hands send what is due. buffer gives an empty slice to append one message
// to; send takes it before the next call of buffer. It reports whether it has sent
// the message, and returns what it has become: another flow and text take the place
// of the ones before. Neither is called with a lock held.
func (r *Repair) Due(now time.Time, buffer func() []byte, send func(Resend) (Resend, bool)) {
	at := now.UnixNano()
	for i := range r.shards {
		for sh := &r.shards[i]; sh.mayHaveDue(at); {
			key, m, ok := sh.due(at, buffer())
			if !ok {
				break
			}
			did, sent := send(m)
			if !sent {
				continue
			}
			r.resent.Add(1)
			if did.Flow != m.Flow {
				sh.moved(key, &did)
			}
		}
	}
}

// Repeats reports whether the same message has gone to flow within the last 32
// s, and remembers it if not. branch and method name its transaction.
func (r *Repair) Repeats(now time.Time, branch []byte, method wire.Method, flow transport.Flow, msg []byte) bool {
	h := maphash.Bytes(r.seed, msg) ^ (flow.Generation+uint64(flow.Listener)<<56)*0x9e3779b97f4a7c15
	key := r.key(branch, method)
	return r.filterOf(key).repeats(key, h, now.Unix())
}

// Asked forgets what Repeats has seen of a transaction, because its request has
// come from the client again: a client that uses a branch twice gets its answer
// twice.
func (r *Repair) Asked(branch []byte, method wire.Method) {
	key := r.key(branch, method)
	r.filterOf(key).forget(key)
}

func (r *Repair) filterOf(key uint64) *filterShard { return &r.filter[key>>32%uint64(len(r.filter))] }

// Stats returns the counters.
func (r *Repair) Stats() RepairStats {
	st := RepairStats{Resent: r.resent.Load(), Reworded: r.reword.Load(), Overflow: r.evicted.Load()}
	for i := range r.shards {
		sh := &r.shards[i]
		sh.mu.Lock()
		st.Entries += sh.used
		st.Bytes += sh.chunksUsed * chunkSize
		sh.mu.Unlock()
	}
	return st
}

// filterShard notices repetitions: a table of fingerprints in sets, of which the
// oldest makes room. The messages of a transaction are in one set.
type filterShard struct {
	mu   sync.Mutex
	sets [][filterWays]print
}

// print is a message and its transaction by their hashes, and the second it
// passed; 0 is none.
type print struct {
	hash uint64
	tx   uint32
	at   uint32
}

const (
	filterShards = 16
	filterWays   = 8
	// repeatWindow is how long a proxy repeats itself (RFC 3261 timers B, F, H).
	repeatWindow = 32
)

func newFilter(entries int) []filterShard {
	f := make([]filterShard, filterShards)
	for i := range f {
		f[i].sets = make([][filterWays]print, max(1, entries/filterShards/filterWays))
	}
	return f
}

func (f *filterShard) set(key uint64) *[filterWays]print { return &f.sets[key%uint64(len(f.sets))] }

func (f *filterShard) repeats(key, hash uint64, at int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	set, now := f.set(key), uint32(at)
	oldest := 0
	for i := range set {
		if set[i].hash == hash && set[i].at != 0 && now-set[i].at < repeatWindow {
			return true
		}
		if set[i].at < set[oldest].at {
			oldest = i
		}
	}
	set[oldest] = print{hash: hash, tx: uint32(key >> 32), at: now}
	return false
}

func (f *filterShard) forget(key uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	set := f.set(key)
	for i := range set {
		if set[i].tx == uint32(key>>32) {
			set[i] = print{}
		}
	}
}
