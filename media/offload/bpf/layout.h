/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef CLASS5_OFFLOAD_LAYOUT_H
#define CLASS5_OFFLOAD_LAYOUT_H

/*
 * What user space and the program share. Maps outlive both, so whoever changes
 * anything here raises LAYOUT.
 */
#define LAYOUT 3

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
	__u32 source[4];
	__u32 from[4];
	__u32 to[4];
	__u64 payloads[2]; /* bit n: payload type n is forwarded */
	__u64 timed[2];    /* bit n: payload type n counts for the jitter */
	__u32 slot;        /* index in slots */
	__u32 flags;
	__u16 source_port;
	__u16 from_port;
	__u16 to_port;
	__u16 sequence; /* is added, host order */
	__u32 ssrc;     /* expected, network order */
	__u32 new_ssrc;
	__u32 interface; /* out, when the kernel may not look up routes */
	__u32 tick; /* of the RTP clock: 1/1024 ns */
	/* the program's own: a flow that is written anew is looked up anew */
	__u32 egress; /* 0: there is no way */
	__u32 routed; /* when egress was looked up, AGE; 0: not yet */
	__u32 hop;    /* the next one, IPv4; 0: to be found for each packet */
	__u16 mtu;    /* of egress */
	__u8 tos;
	__u8 unused[9];
};

/* Of ktime: about a millisecond, and never 0. */
#define AGE(now) ((__u32)((now) >> 20) | 1)

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
 * A flow in use, in a map that user space has in its memory too. One for all
 * CPUs: the state of a sequence cannot be summed, and a stream comes in on one
 * CPU at a time.
 *
 * What a packet needs is in the first 256 octets, four lines of the cache one
 * after the other; what is counted seldom is behind. Whoever writes behind
 * "until" makes version odd before and even after, with a barrier at either end;
 * who reads sees by it whether what was read belongs together.
 */
struct slot {
	/* a copy of a flow that has not changed for a while */
	struct key key;
	__u32 version;
	struct flow flow;

	__u64 until; /* ktime at which the flow ends */

	__u32 ssrc; /* network order */
	__u32 timestamp;
	__u64 received, received_octets;
	__u64 last;      /* ktime */
	__u64 high;      /* extended sequence number, 0: none yet */
	__u64 window[2]; /* bit n: high-n was seen */
	__u64 jitter;    /* 1/16 ns */
	__u64 jitter_max, jitter_sum;
	__u32 jump; /* the sequence number that confirms a restart */
	__u8 payload;
	__u8 timed; /* the last packet counted for the jitter */
	__u8 unused[2];

	__u64 base; /* extended sequence number, as high */
	__u64 duplicates, reordered;
	__u64 strayed;  /* received and neither of a sequence nor a duplicate */
	__u64 unsteady; /* received and not counted for the jitter */
	__u64 kept, kept_octets; /* received and not forwarded */
	__u64 arrival; /* of the last that counted for the jitter, ktime, 0: none yet */
	__u32 arrived; /* its timestamp */
	__u32 sources;
	__u64 old_expected; /* of earlier sources and sequences */
	__u64 dropped;
	__u64 up[UPS];
	__u64 unused2;
};

#endif
