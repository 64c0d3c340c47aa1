// Package offload lets the kernel forward plain RTP streams, so that their
// packets never reach user space. No module has to be built: it is a BPF
// program at the ingress of the network interfaces.
//
// A [Flow] says what happens to the packets for one local address and port:
// whom they are expected from, where they go and from which address, which
// payload types are forwarded, and what is rewritten on the way. Everything
// else goes up to the socket as if the program were not there: RTCP, STUN,
// DTLS, payload types not listed (telephone events, say), other sources,
// other SSRCs, malformed RTP, IP fragments and options, what has no hops left,
// what does not fit the next link, what has no route. Two flows make a call.
//
// # Use
//
//	k, err := offload.Open(offload.Config{Interfaces: []string{"eth0"}})
//	if err != nil { // an *offload.Unavailable: log it once and relay in user space
//		o = offload.Off{Why: err}
//	}
//	err = o.Install(offload.Flow{Local: l, Source: a, From: m, To: b, PayloadTypes: audio})
//	err = o.Walk(func(local netip.AddrPort, s offload.Stats) { … }) // each second
//	err = o.Renew()                                                // each minute or so
//
// An error of Install concerns this flow alone, unless it is an [*Unavailable]:
// relay the stream in user space. A stream that is to be recorded, or to hear
// an announcement, is pulled up by Release and given back by Install; in both
// directions no packet is lost or doubled.
//
// # Counting
//
// From Install to Remove the kernel sees every packet of a flow, whether it
// forwards it or not, and keeps the reception statistics (as package rtpstat
// does: loss, duplicates, reordering, jitter). Who relays what comes up must
// not count it once more in his own, except what Stats.Up says was not RTP of
// the flow. Figures only grow; Install of a flow that exists keeps them, and so
// does the death of the process.
//
// What a packet costs is mostly waiting for memory, once there are thousands of
// flows. What it needs of a flow is therefore in four lines of the cache one after
// the other, in memory that user space shares: Walk reads it where it is. A flow
// that has not changed for a second is found by its port in an array and not in
// the hash table, provided that Walk is called and that no other flow has the
// port at another address; one that is to change is first made to be found in the
// table again.
//
// # Several daemons
//
// A process has descriptors for so many sockets, so a host with more calls than
// that runs several daemons at the same interfaces. Each has an Instance of its
// own, and with it its maps, its program and its lock; their ports must not
// overlap. A packet passes the programs one after the other until one has its
// flow, which costs some ten nanoseconds for each that has not. The kernel takes
// 64 programs at an interface.
//
// # Persistence
//
// Maps and attachments are pinned in a directory of a BPF file system, one for
// each instance of a daemon. Packets are forwarded while nobody has them open:
// the daemon may be killed, restarted, upgraded. The next Open finds the
// flows; [Kernel.List] tells them, and Claim takes over those that are still
// wanted. Flows carry a lease in kernel time, 10 minutes unless configured,
// which Renew extends for all flows this process has installed or claimed.
// After its end packets go up to user space: a dead daemon's flows end, and the
// next one's Renew clears them away. A process that hands over to another one
// that already runs passes on the lock of the directory too ([Kernel.Lock],
// [Config].Lock); from then on it begins no flows. A directory made by a version with
// another layout is refused (ReasonLayout); [Purge] removes it.
//
// A flow need not be for an address that this node has. A standby installs the
// flows of the active node; when the address moves, packets are forwarded from
// the first one on.
//
// # Kernels and networks
//
// Linux 5.15 or later, with CAP_BPF (CAP_SYS_ADMIN) and CAP_NET_ADMIN and
// /sys/fs/bpf mounted, as systemd does. From 6.6 on the program is attached by
// TCX, below by the clsact queueing discipline. IPv4 and IPv6; both sides of a
// flow have the same family. Interfaces are those where packets arrive as IP:
// the bond and not its ports, eth0.5 and not eth0 for VLAN 5.
//
// Routes are the kernel's. Where the incoming interface forwards IP (sysctl
// forwarding) the outgoing one and an IPv4 gateway are looked up once a second,
// the neighbour's address for each packet. On hosts that are no routers the kernel
// does not answer such questions: the interface is looked up by Install and
// Renew, gateway and neighbour for each packet. The time to live is decremented, as a router does; user space would
// send with a fresh one. That, and the identification of IPv4, is all that
// tells a packet forwarded here from one relayed by a socket.
//
// # What it bypasses
//
// Forwarded packets skip netfilter: rules of nftables and iptables, connection
// tracking and their counters do not see them, neither coming nor going. Nor
// are they seen by sockets bound to the local port. Traffic control at the
// egress, and XDP and TC programs attached before this one at the ingress, are
// passed through.
//
// # Regenerating
//
// The compiled program is committed; building needs no C compiler. After a
// change in bpf/ run go generate with clang, llvm and the headers of libbpf
// installed (Debian: clang llvm libbpf-dev linux-libc-dev, and
// C_INCLUDE_PATH=/usr/include/x86_64-linux-gnu). The program's license is MIT
// or GPL-2.0, as the kernel's helpers ask for.
package offload
