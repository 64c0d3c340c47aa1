/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef CLASS5_OFFLOAD_LAYOUT_H
#define CLASS5_OFFLOAD_LAYOUT_H

/*
 * What user space and the program share. Maps outlive both, so whoever changes
 * anything here raises LAYOUT.
 */
#define LAYOUT 2

/* Where packets arrive. An IPv4 address is in the first word. */
struct key {
	__u32 address[4]; /* network order */
	__u16 port;       /* network order */
	__u16 family;     /* 4 or 6 */
};

enum {
	FLOW_RELEASED = 1 << 0,     /* everything goes to user space */
	FLOW_ANY_SOURCE = 1 << 1,   /* from any address */
	FLOW_ANY_PORT = 1 << 2,     /* from any port of the source */
	FLOW_DROP_FOREIGN = 1 << 3, /* what another source sends is dropped */
	FLOW_ONE_SSRC = 1 << 4,     /* other SSRCs go to user space */
	FLOW_NEW_SSRC = 1 << 5,
	FLOW_SET_TOS = 1 << 6,
	FLOW_SECURE = 1 << 7, /* SRTP: padding is not readable */
};

struct flow {
	__u32 slot; /* index in slots and leases */
	__u32 flags;
	__u32 source[4];
	__u32 from[4];
	__u32 to[4];
	__u16 source_port;
	__u16 from_port;
	__u16 to_port;
	__u16 sequence; /* is added, host order */
	__u32 ssrc;     /* expected, network order */
	__u32 new_ssrc;
	__u32 interface; /* out, when the kernel may not look up routes */
	__u8 tos;
	__u8 unused[3];
	__u64 payloads[2]; /* bit n: payload type n is forwarded */
	__u64 timed[2];    /* bit n: payload type n counts for the jitter */
	__u64 tick;        /* of the RTP clock: 1/1024 ns */
	/* the program's own: a flow that is written anew is looked up anew */
	__u64 routed; /* when egress was looked up, ktime */
	__u32 egress; /* 0: there is no way */
	__u32 mtu;    /* of egress */
};

/* A flow that is found by its port. */
struct copy {
	struct key key;
	__u32 unused;
	struct flow flow;
};

#define PORTS (1 << 15)

/* Why a packet went to user space. */
enum {
	UP_RTCP,
	UP_STUN,
	UP_DTLS,
	UP_MALFORMED,
	UP_SOURCE,
	UP_SSRC,
	UP_PAYLOAD,
	UP_RELEASED,
	UP_EXPIRED,
	UP_HOPS,
	UP_SIZE,
	UP_ROUTE,
	UPS
};

/*
 * What a flow has seen. One slot and a lock instead of one a CPU: the state of
 * a sequence cannot be summed, and a stream comes in on one CPU at a time.
 */
struct slot {
	struct bpf_spin_lock lock;
	__u32 ssrc; /* network order */
	__u64 received, received_octets;
	__u64 forwarded, forwarded_octets;
	__u64 last;       /* ktime */
	__u64 high, base; /* extended sequence numbers, 0: none yet */
	__u64 window[2];  /* bit n: high-n was seen */
	__u64 distinct, duplicates, reordered;
	__u64 arrival; /* of timestamp, ktime, 0: none yet */
	__u32 timestamp;
	__u32 jump; /* the sequence number that confirms a restart */
	__u64 jitter;   /* 1/16 ns */
	__u64 jitter_max, jitter_sum, jitter_count;
	__u8 payload;
	__u8 unused[3];
	__u32 last_timestamp;
	__u32 sources;
	__u32 unused2;
	/* of earlier sources and sequences */
	__u64 old_expected, old_distinct, old_duplicates, old_reordered;
	__u64 up[UPS];
	__u64 dropped;
};

#endif
