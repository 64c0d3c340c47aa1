// SPDX-License-Identifier: MIT OR GPL-2.0-only

/*
 * Forwards the RTP of known flows at TC ingress. What is not certain goes on
 * to user space as if the program were not there.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "layout.h"

char _license[] SEC("license") = "Dual MIT/GPL";

/* Sizes are set when the maps are made. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	/* An entry that is deleted or replaced stays valid for those reading it. */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct key);
	__type(value, struct flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

/* By half of the local port, as RTP is on even ones: a slot + 1 with a copy, or 0. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PORTS);
	__type(key, __u32);
	__type(value, __u32);
} ports SEC(".maps");

#define NEXT (-1) /* TCX_NEXT, TC_ACT_UNSPEC: on to user space */
#define DROP 2    /* TCX_DROP, TC_ACT_SHOT */

#define RTP_HEADER 12
#define MAX_DROPOUT 3000
#define MISORDER 128
#define NO_JUMP (1 << 16)
#define SECOND 1000000000ull
#define CLOCK_SET (10 * SECOND)
#define ROUTE_AGE 1000 /* AGE */
#define TRIES 128

struct rtp {
	__u8 first;
	__u8 second;
	__be16 sequence;
	__be32 timestamp;
	__be32 ssrc;
};

/* What is known of a packet. */
struct packet {
	struct key key;
	__u32 source[4];
	__u16 source_port;
	__u16 payload;   /* octets behind the UDP header */
	__u32 transport; /* offset of the UDP header */
	struct rtp rtp;
	__u8 hops;
};

static __always_inline int same(const __u32 *a, const __u32 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static __always_inline void fill(struct packet *p, struct udphdr *udp)
{
	p->key.port = udp->dest;
	p->source_port = udp->source;
	p->payload = bpf_ntohs(udp->len) - sizeof(*udp);
	p->rtp = *(struct rtp *)(udp + 1);
}

static __always_inline int parse4(struct __sk_buff *skb, struct packet *p)
{
	struct iphdr *ip = (void *)(long)skb->data + ETH_HLEN;
	struct udphdr *udp = (void *)(ip + 1);
	__u16 total;

	if ((void *)(udp + 1) + RTP_HEADER > (void *)(long)skb->data_end)
		return -1;
	total = bpf_ntohs(ip->tot_len);
	if (*(__u8 *)ip != 0x45 || ip->frag_off & bpf_htons(0xbfff) || ip->protocol != IPPROTO_UDP)
		return -1;
	if (total != bpf_ntohs(udp->len) + sizeof(*ip) || ETH_HLEN + total > skb->len)
		return -1;
	p->transport = ETH_HLEN + sizeof(*ip);
	p->key.family = 4;
	p->key.address[0] = ip->daddr;
	p->source[0] = ip->saddr;
	p->hops = ip->ttl;
	fill(p, udp);
	return 0;
}

static __always_inline int parse6(struct __sk_buff *skb, struct packet *p)
{
	struct ipv6hdr *ip = (void *)(long)skb->data + ETH_HLEN;
	struct udphdr *udp = (void *)(ip + 1);
	__u16 length;

	if ((void *)(udp + 1) + RTP_HEADER > (void *)(long)skb->data_end)
		return -1;
	length = bpf_ntohs(ip->payload_len);
	if (*(__u8 *)ip >> 4 != 6 || ip->nexthdr != IPPROTO_UDP || length != bpf_ntohs(udp->len))
		return -1;
	/* A UDP packet in IPv6 without a checksum is for user space to refuse. */
	if (ETH_HLEN + sizeof(*ip) + length > skb->len || !udp->check)
		return -1;
	p->transport = ETH_HLEN + sizeof(*ip);
	p->key.family = 6;
	__builtin_memcpy(p->key.address, &ip->daddr, 16);
	__builtin_memcpy(p->source, &ip->saddr, 16);
	p->hops = ip->hop_limit;
	fill(p, udp);
	return 0;
}

/*
 * Makes a slot this CPU's own, until leave. A lock of the kernel costs three
 * times as much, and user space could not have the slots in its memory. Where
 * another CPU holds it for longer than it ever needs to, because its host let it
 * stand there, nobody waits: the packet goes to user space, uncounted.
 */
static __always_inline int enter(struct slot *s)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < TRIES; i++) {
		__u32 even = *(volatile __u32 *)&s->version & ~1u;

		if (__sync_val_compare_and_swap(&s->version, even, even + 1) == even)
			return 1;
	}
	return 0;
}

static __always_inline void leave(struct slot *s)
{
	__sync_lock_test_and_set(&s->version, s->version + 1);
}

static __always_inline int up(struct slot *s, int why)
{
	if (enter(s)) {
		s->up[why]++;
		leave(s);
	}
	return NEXT;
}

/* By the first two octets, RFC 7983 and RFC 5761. UPS: RTP. */
static __always_inline int kind(const struct packet *p)
{
	if (p->rtp.first < 4)
		return UP_STUN;
	if (p->rtp.first >= 20 && p->rtp.first < 64)
		return UP_DTLS;
	if (p->rtp.first >> 6 != 2)
		return UP_MALFORMED;
	if (p->rtp.second >= 192 && p->rtp.second < 224)
		return UP_RTCP;
	return UPS;
}

/* CSRC list, extension and padding are within the packet. */
static __always_inline int well_formed(struct __sk_buff *skb, const struct packet *p, __u32 flags)
{
	__u32 start = p->transport + sizeof(struct udphdr), n = RTP_HEADER + 4 * (p->rtp.first & 15);
	__be16 words;
	__u8 pad;

	if (n > p->payload)
		return 0;
	if (p->rtp.first & 0x10) {
		if (n + 4 > p->payload || bpf_skb_load_bytes(skb, start + n + 2, &words, 2))
			return 0;
		n += 4 + 4 * bpf_ntohs(words);
		if (n > p->payload)
			return 0;
	}
	if (!(p->rtp.first & 0x20))
		return 1;
	if (flags & FLOW_SECURE)
		return n < p->payload;
	if (bpf_skb_load_bytes(skb, start + p->payload - 1, &pad, 1))
		return 0;
	return pad && n + pad <= p->payload;
}

static __always_inline int has(const __u64 *set, __u8 n)
{
	return (n & 64 ? set[1] : set[0]) >> (n & 63) & 1;
}

/*
 * Finds the interface to send out on: what the routes say, or the flow's own
 * where the kernel answers only routers.
 */
static __always_inline void route(struct __sk_buff *skb, struct flow *f, const struct packet *p)
{
	struct bpf_fib_lookup fib = {};
	__u32 out = 0, hop = 0, mtu = 0;

	fib.family = p->key.family == 4 ? 2 : 10;
	fib.l4_protocol = IPPROTO_UDP;
	fib.sport = f->from_port;
	fib.dport = f->to_port;
	fib.ifindex = skb->ifindex;
	if (p->key.family == 4) {
		fib.tos = f->tos;
		fib.ipv4_src = f->from[0];
		fib.ipv4_dst = f->to[0];
	} else {
		__builtin_memcpy(fib.ipv6_src, f->from, 16);
		__builtin_memcpy(fib.ipv6_dst, f->to, 16);
	}
	switch (bpf_fib_lookup(skb, &fib, sizeof(fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		out = fib.ifindex;
		if (fib.family == 2)
			hop = fib.ipv4_dst;
		break;
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		out = f->interface;
	}
	if (out && bpf_check_mtu(skb, out, &mtu, 0, 0) < 0)
		out = 0; /* the interface is gone */
	f->mtu = mtu > 0xffff ? 0xffff : mtu; /* no packet is longer */
	f->hop = hop;
	f->egress = out;
}

/* The reason why an expected packet cannot be forwarded. UPS: it can. */
static __always_inline int obstacle(struct __sk_buff *skb, struct flow *f, const struct packet *p, __u64 now)
{
	if (f->flags & FLOW_RELEASED)
		return UP_RELEASED;
	if (!has(f->payloads, p->rtp.second & 127))
		return UP_PAYLOAD;
	if (p->hops <= 1)
		return UP_HOPS;
	if (!f->routed || AGE(now) - f->routed >= ROUTE_AGE) {
		route(skb, f, p);
		f->routed = AGE(now);
	}
	if (!f->egress)
		return UP_ROUTE;
	return skb->len - ETH_HLEN > f->mtu ? UP_SIZE : UPS;
}

static __always_inline void fold(struct slot *s)
{
	if (s->high)
		s->old_expected += s->high - s->base + 1;
}

/* seq is the highest, with n packets in sequence seen. */
static __always_inline void start(struct slot *s, __u16 seq, __u32 n)
{
	s->high = (1 << 16) + seq;
	s->base = s->high + 1 - n;
	s->window[0] = (1 << n) - 1;
	s->window[1] = 0;
	s->jump = NO_JUMP;
}

static __always_inline void shift(struct slot *s, __u32 n)
{
	if (n >= MISORDER) {
		s->window[0] = s->window[1] = 0;
	} else if (n >= 64) {
		s->window[1] = s->window[0] << (n - 64);
		s->window[0] = 0;
	} else {
		s->window[1] = s->window[1] << n | s->window[0] >> (64 - n);
		s->window[0] <<= n;
	}
}

/* A packet that is n behind the highest. */
static __always_inline void late(struct slot *s, __u32 n)
{
	__u64 bit = 1ull << (n & 63), seen = n & 64 ? s->window[1] : s->window[0];

	if (seen & bit) {
		s->duplicates++;
		return;
	}
	if (n & 64)
		s->window[1] |= bit;
	else
		s->window[0] |= bit;
	s->reordered++;
	if (s->high - n < s->base)
		s->base = s->high - n;
}

/* RFC 3550 A.1, but the first packet counts at once. */
static __always_inline void sequence(struct slot *s, __u16 seq)
{
	__u16 ahead = seq - (__u16)s->high, behind = -ahead;

	if (!ahead) {
		s->duplicates++;
	} else if (ahead < MAX_DROPOUT) {
		s->high += ahead;
		shift(s, ahead);
		s->window[0] |= 1;
		s->jump = NO_JUMP;
	} else if (behind < MISORDER) {
		late(s, behind);
	} else if (s->jump == seq) {
		fold(s);
		start(s, seq, 2);
		s->strayed--; /* the one before was of this sequence */
	} else {
		s->jump = (__u16)(seq + 1);
		s->strayed++;
	}
}

/*
 * RFC 3550 A.8 in nanoseconds. As long as all packets count for the jitter, the
 * one before is the last one.
 */
static __always_inline void jitter(struct slot *s, __u32 timestamp, __u32 tick, __u64 now)
{
	__u64 arrival = s->timed ? s->last : s->arrival;
	__u32 arrived = s->timed ? s->timestamp : s->arrived;
	__s64 d;

	if (!arrival) {
		s->unsteady++;
		return;
	}
	d = (__s64)(now - arrival) - ((__s64)(__s32)(timestamp - arrived) * (__s64)tick >> 10);
	if (d < 0)
		d = -d;
	if (d > (__s64)CLOCK_SET) {
		s->unsteady++;
		return;
	}
	s->jitter += d - ((s->jitter + 8) >> 4);
	d = s->jitter >> 4;
	s->jitter_sum += d;
	if (d > s->jitter_max)
		s->jitter_max = d;
}

/* Counts an expected packet, forwarded or not. */
static __always_inline int track(struct slot *s, const struct flow *f, const struct packet *p, __u64 now, int why)
{
	__u16 seq = bpf_ntohs(p->rtp.sequence);
	__u32 timestamp = bpf_ntohl(p->rtp.timestamp);
	__u8 payload = p->rtp.second & 127;
	__u8 timed = f->tick && has(f->timed, payload);

	if (!enter(s))
		return 0;
	if (why < UPS) {
		s->up[why & 15]++;
		s->kept++;
		s->kept_octets += p->payload;
	}
	s->received++;
	s->received_octets += p->payload;
	if (s->high && s->ssrc == p->rtp.ssrc) {
		sequence(s, seq);
	} else {
		fold(s);
		start(s, seq, 1);
		s->ssrc = p->rtp.ssrc;
		s->timed = 0;
		s->arrival = 0;
		s->jitter = 0;
		s->sources++;
	}
	if (timed) {
		jitter(s, timestamp, f->tick, now);
	} else {
		s->unsteady++;
		if (s->timed) {
			s->arrival = s->last;
			s->arrived = s->timestamp;
		}
	}
	s->timed = timed;
	s->last = now;
	s->payload = payload;
	s->timestamp = timestamp;
	leave(s);
	return 1;
}

/*
 * Writes a word and returns the change of the sum. Octets are written with the
 * word they are in: to read a word just after one of its octets was written
 * makes the CPU wait.
 */
static __always_inline __u64 write16(__u16 *word, __u16 new)
{
	__u64 change = (__u64)(__u16)~*word + new;

	*word = new;
	return change;
}

static __always_inline __u64 write32(__u32 *word, __u32 new)
{
	__u64 change = (__u64)(__u32)~*word + new;

	*word = new;
	return change;
}

/* Sums of 16-bit words in one's complement, RFC 1624. */
static __always_inline __u32 fold32(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (sum & 0xffffffff) + (sum >> 32);
}

static __always_inline __u16 fold16(__u64 sum)
{
	__u32 n = fold32(sum);

	n = (n & 0xffff) + (n >> 16);
	return (n & 0xffff) + (n >> 16);
}

/* What is behind the IP header. Returns the change of the sum. */
static __always_inline __u64 write_udp(struct udphdr *udp, const struct flow *f)
{
	struct rtp *rtp = (void *)(udp + 1);
	__u64 sum = write16(&udp->source, f->from_port) + write16(&udp->dest, f->to_port);

	if (f->sequence)
		sum += write16(&rtp->sequence, bpf_htons(bpf_ntohs(rtp->sequence) + f->sequence));
	if (f->flags & FLOW_NEW_SSRC)
		sum += write32(&rtp->ssrc, f->new_ssrc);
	return sum;
}

/* A checksum after a change of what it covers. None is 0, which says that there is none. */
static __always_inline __u16 changed(__u16 check, __u64 change)
{
	__u16 n = ~fold16((__u64)(__u16)~check + change);

	return n ? n : 0xffff;
}

/*
 * A checksum that may be one still to be made: the sum of the pseudo header
 * alone. Of finished ones one in 65,536 looks the same, and only helpers know.
 */
static __always_inline int resum(struct __sk_buff *skb, __u32 at, __u64 addresses, __u64 rest)
{
	return bpf_l4_csum_replace(skb, at, 0, fold32(addresses), BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0) ||
	       bpf_l4_csum_replace(skb, at, 0, fold32(rest), BPF_F_MARK_MANGLED_0);
}

static __always_inline int leave_by(const struct flow *f, __u32 out)
{
	struct bpf_redir_neigh next = {.nh_family = 2, .ipv4_nh = f->hop};

	/* Otherwise the kernel looks the route up once more. */
	return next.ipv4_nh ? bpf_redirect_neigh(out, &next, sizeof(next), 0) : bpf_redirect_neigh(out, 0, 0, 0);
}

static __always_inline int send4(struct __sk_buff *skb, const struct flow *f, const struct packet *p, __u32 out)
{
	struct iphdr *ip = (void *)(long)skb->data + ETH_HLEN;
	struct udphdr *udp = (void *)(ip + 1);
	__u64 addresses, header, rest, pseudo;
	__u16 *words = (void *)ip, check;

	if ((void *)(udp + 1) + RTP_HEADER > (void *)(long)skb->data_end)
		return DROP;
	check = udp->check;
	pseudo = (__u64)ip->saddr + ip->daddr + udp->len + bpf_htons(IPPROTO_UDP);
	addresses = write32(&ip->saddr, f->from[0]) + write32(&ip->daddr, f->to[0]);
	header = addresses + write16(words + 4, words[4] - bpf_htons(0x0100)); /* time to live */
	if (f->flags & FLOW_SET_TOS)
		header += write16(words, bpf_htons(0x4500 | f->tos));
	ip->check = ~fold16((__u64)(__u16)~ip->check + header);
	rest = write_udp(udp, f);
	if (check && check == fold16(pseudo)) {
		if (resum(skb, p->transport + __builtin_offsetof(struct udphdr, check), addresses, rest))
			return DROP;
	} else if (check) {
		udp->check = changed(check, addresses + rest);
		/* Where the device has summed the packet, that sum must follow. */
		bpf_csum_update(skb, ~fold32(addresses));
	}
	return leave_by(f, out);
}

static __always_inline int send6(struct __sk_buff *skb, const struct flow *f, const struct packet *p, __u32 out)
{
	struct ipv6hdr *ip = (void *)(long)skb->data + ETH_HLEN;
	struct udphdr *udp = (void *)(ip + 1);
	__u32 *source = (void *)&ip->saddr, *destination = (void *)&ip->daddr;
	__u64 addresses = 0, header, rest, pseudo;
	__u16 *words = (void *)ip, check;

	if ((void *)(udp + 1) + RTP_HEADER > (void *)(long)skb->data_end)
		return DROP;
	check = udp->check;
	pseudo = (__u64)udp->len + bpf_htons(IPPROTO_UDP);
#pragma unroll
	for (int i = 0; i < 4; i++)
		pseudo += (__u64)source[i] + destination[i];
#pragma unroll
	for (int i = 0; i < 4; i++)
		addresses += write32(source + i, f->from[i]) + write32(destination + i, f->to[i]);
	header = write16(words + 3, words[3] - bpf_htons(1)); /* hop limit */
	if (f->flags & FLOW_SET_TOS)
		header += write16(words, (words[0] & bpf_htons(0xf00f)) | bpf_htons((__u16)f->tos << 4));
	rest = write_udp(udp, f);
	if (check != fold16(pseudo)) {
		udp->check = changed(check, addresses + rest);
		bpf_csum_update(skb, fold32(header));
	} else {
		/*
		 * The helper takes the addresses' change out of the device's sum, as if
		 * a header checksum made up for it, which IPv6 does not have.
		 */
		bpf_csum_update(skb, fold32(addresses + header));
		if (resum(skb, p->transport + __builtin_offsetof(struct udphdr, check), addresses, rest))
			return DROP;
	}
	return leave_by(f, out);
}

/*
 * Finds a flow. With thousands of them nothing is in a cache: the hash table
 * has the CPU wait for a bucket, then for an entry, and only then tells the
 * slot. A copy is told by one short word that often is in a cache, and is next
 * to what is counted. Other flows may have the port at other addresses, and what
 * is being changed has no copy.
 */
static __always_inline struct flow *find(const struct key *key, struct slot **slot)
{
	__u32 port = bpf_ntohs(key->port) >> 1, n, *known = bpf_map_lookup_elem(&ports, &port);
	struct flow *f;
	struct slot *s;

	if (known && (n = *(volatile __u32 *)known)) {
		n--;
		s = bpf_map_lookup_elem(&slots, &n);
		if (s && s->key.port == key->port && s->key.family == key->family && same(s->key.address, key->address)) {
			*slot = s;
			return &s->flow;
		}
	}
	f = bpf_map_lookup_elem(&flows, key);
	if (!f)
		return 0;
	n = f->slot;
	*slot = bpf_map_lookup_elem(&slots, &n);
	return f;
}

SEC("tc")
int class5_forward(struct __sk_buff *skb)
{
	struct packet p = {};
	struct flow *f;
	struct slot *s;
	__u64 now;
	__u32 need, out;
	int why;

	/* With a VLAN tag it is seen again, at the interface of that VLAN. */
	if (skb->pkt_type || skb->vlan_present || skb->gso_size)
		return NEXT;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		need = ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr) + RTP_HEADER;
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		need = ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct udphdr) + RTP_HEADER;
	else
		return NEXT;
	if (skb->len < need)
		return NEXT;
	if (skb->data + need > skb->data_end && bpf_skb_pull_data(skb, need))
		return NEXT;
	if (skb->protocol == bpf_htons(ETH_P_IP) ? parse4(skb, &p) : parse6(skb, &p))
		return NEXT;
	f = find(&p.key, &s);
	if (!f || !s)
		return NEXT;
	now = bpf_ktime_get_ns();
	if (now > s->until)
		return up(s, UP_EXPIRED);
	why = kind(&p);
	if (why < UPS)
		return up(s, why);
	if (!(f->flags & FLOW_ANY_SOURCE) &&
	    (!same(p.source, f->source) || (!(f->flags & FLOW_ANY_PORT) && p.source_port != f->source_port))) {
		if (!(f->flags & FLOW_DROP_FOREIGN))
			return up(s, UP_SOURCE);
		if (enter(s)) {
			s->dropped++;
			leave(s);
		}
		return DROP;
	}
	if (!well_formed(skb, &p, f->flags))
		return up(s, UP_MALFORMED);
	if (f->flags & FLOW_ONE_SSRC && p.rtp.ssrc != f->ssrc)
		return up(s, UP_SSRC);
	why = obstacle(skb, f, &p, now);
	out = f->egress;
	if (!track(s, f, &p, now, why) || why < UPS)
		return NEXT;
	return p.key.family == 4 ? send4(skb, f, &p, out) : send6(skb, f, &p, out);
}
