package latch

import (
	"net/netip"
	"time"
)

// Window is how long the preferred addresses are waited for, and how long a
// choice may be improved.
const Window = 3 * time.Second

// Silence is how long a locked source must be quiet before a packet that
// continues its stream from elsewhere is believed ([Latch.Roam]).
const Silence = time.Second

// Mode is the rule of admission.
type Mode uint8

const (
	// Heuristic is described in the package documentation.
	Heuristic Mode = iota
	// Off admits the announced address and port only.
	Off
	// Immediate admits and locks the first source, whoever it is.
	Immediate
	// Delayed admits everybody for [Window] after signalling and learns
	// nothing; then it locks the next source, whoever it is.
	Delayed
	// Asymmetric sends to the announced address and admits packets from it and
	// from one more source at a time, whoever that is: another may take its place
	// when it has been quiet for [Silence].
	Asymmetric
)

// Verdict is the answer to a packet.
type Verdict uint8

const (
	// Admitted means: the packet comes from the party.
	Admitted Verdict = iota
	// Learned means: the packet is admitted and from now on its source is Remote.
	Learned
	// Waiting means: the party is not known yet, and this is not an address it is
	// likely to have.
	Waiting
	// Foreign means: the party is somewhere else.
	Foreign
	// Denied means: the source is an address that never may be a party.
	Denied
)

// Ok tells whether the packet may pass.
func (v Verdict) Ok() bool { return v <= Learned }

// Signal is what signalling says about a party.
type Signal struct {
	Addr   netip.AddrPort // announced; invalid when unusable
	Source netip.Addr     // of the signalling; may be invalid
	// Silent: the party said that it will not send. Strangers cannot be it.
	Silent bool
	// Mute: the party asked not to be sent anything (the unspecified address
	// of old hold requests). Addr is not looked at; what was known stays.
	Mute bool
}

// rank orders candidates, lower is better.
type rank uint8

const (
	exact   rank = iota // announced address and port
	likely              // announced or source address
	unknown             // anyone
)

// Latch is the state of one port. Make one with [New].
type Latch struct {
	mode   Mode
	denied func(netip.AddrPort) bool
	signal Signal
	remote netip.AddrPort // where to send; invalid: nowhere
	heard  bool           // a packet was admitted since signalling named the address
	rank   rank           // of remote, when heard
	locked bool
	since  time.Time      // of the signalling, or of the first admitted packet when heard
	last   time.Time      // last packet from remote while locked
	near   netip.Addr     // where another port of the party was learned
	source netip.AddrPort // in mode Asymmetric: where its packets come from
	mute   bool
}

// New returns a latch that admits nobody until [Latch.Signal]. denied tells
// the addresses that are never admitted nor sent to; it may be nil.
func New(mode Mode, denied func(netip.AddrPort) bool) Latch {
	return Latch{mode: mode, denied: denied}
}

// SetMode changes the rule for what is not learned yet.
func (l *Latch) SetMode(mode Mode) { l.mode = mode }

// Signal takes what a description says. The latch opens when the announced
// address or the source differ from the last ones; otherwise what was learned
// stays valid. It reports whether it opened.
func (l *Latch) Signal(s Signal, now time.Time) bool {
	l.mute = s.Mute
	if s.Mute {
		s.Addr = l.signal.Addr
	}
	same := !l.since.IsZero() && s.Addr == l.signal.Addr && s.Source == l.signal.Source
	l.signal = s
	if same {
		if !l.heard {
			l.since = now // the party is given its time again
		}
		return false
	}
	l.heard, l.locked, l.since = false, false, now
	l.remote, l.near, l.source = netip.AddrPort{}, netip.Addr{}, netip.AddrPort{}
	if l.allowed(s.Addr) {
		l.remote = s.Addr
	}
	return true
}

// allowed tells whether anything may ever be sent to an address.
func (l *Latch) allowed(a netip.AddrPort) bool {
	return a.Addr().IsValid() && !a.Addr().IsUnspecified() && a.Port() != 0 &&
		(l.denied == nil || !l.denied(a))
}

// Follow makes the address that another port of the same party was learned at
// the one to send to, with this port, as long as nothing was heard here. RTCP
// follows RTP by this.
func (l *Latch) Follow(addr netip.AddrPort) {
	if !l.heard && l.mode != Off && l.mode != Asymmetric && l.allowed(addr) {
		l.remote, l.near = addr, addr.Addr()
	}
}

// Remote is where to send; invalid when the party wants nothing or is not
// known.
func (l *Latch) Remote() netip.AddrPort {
	if l.mute {
		return netip.AddrPort{}
	}
	return l.remote
}

// Signalled is the announced address, even when nothing is sent there.
func (l *Latch) Signalled() netip.AddrPort { return l.signal.Addr }

// Locked tells whether Remote is final until signalling changes it.
func (l *Latch) Locked() bool { return l.locked }

// Admit decides on a packet from an address. The address must not be
// IPv4-mapped.
func (l *Latch) Admit(from netip.AddrPort, now time.Time) Verdict {
	if l.locked {
		if from == l.remote {
			l.last = now
			return Admitted
		}
		return Foreign
	}
	if l.since.IsZero() {
		return Waiting
	}
	if l.mode == Asymmetric {
		return l.elsewhere(from, now)
	}
	if l.heard {
		return l.improve(from, now)
	}
	r := l.rate(from)
	switch {
	case !l.allowed(from):
		return Denied
	case l.mode == Off && r != exact:
		return Foreign
	case l.mode == Heuristic && r == unknown && (l.signal.Silent || now.Sub(l.since) < Window):
		return Waiting
	case l.mode == Delayed && r != exact && now.Sub(l.since) < Window:
		return Admitted
	}
	l.take(from, r, now)
	return Learned
}

// Roam moves a locked latch to another source. The caller has seen that the
// packet continues the party's stream (same SSRC, sequence number just ahead),
// or that it is authentic; it is believed when the old source has been quiet
// for [Silence]. It reports whether the latch moved.
func (l *Latch) Roam(from netip.AddrPort, now time.Time) bool {
	if !l.locked || l.mode == Off || now.Sub(l.last) < Silence || !l.allowed(from) {
		return false
	}
	l.remote, l.last = from, now
	return true
}

// Move makes another source the party's, locked, whatever was known before.
// It is for callers that were told to believe every source. It reports false
// for a denied address, and for a party that was not heard yet.
func (l *Latch) Move(from netip.AddrPort, now time.Time) bool {
	if !l.heard || l.mode == Off || l.mode == Asymmetric || !l.allowed(from) {
		return false
	}
	l.remote, l.locked, l.last = from, true, now
	return true
}

// elsewhere admits one source that is not the announced address.
func (l *Latch) elsewhere(from netip.AddrPort, now time.Time) Verdict {
	switch {
	case !l.allowed(from):
		return Denied
	case from == l.signal.Addr:
		return Admitted
	case from != l.source && l.source.IsValid() && now.Sub(l.last) < Silence:
		return Foreign
	}
	l.source, l.last = from, now
	return Admitted
}

// Fix makes an address the party's, locked: something better than packets
// (connectivity checks) has chosen it. It reports false for a denied address.
func (l *Latch) Fix(addr netip.AddrPort, now time.Time) bool {
	if !l.allowed(addr) {
		return false
	}
	if l.since.IsZero() {
		l.since = now
	}
	l.remote, l.rank, l.heard, l.locked, l.last = addr, exact, true, true, now
	return true
}

// Restart forgets what was learned and sends to an address until something is
// heard from it or near it: another port of the party moved there.
func (l *Latch) Restart(addr netip.AddrPort, now time.Time) {
	if l.mode == Off || l.mode == Asymmetric || !l.allowed(addr) {
		return
	}
	l.heard, l.locked, l.since = false, false, now
	l.remote, l.near = addr, addr.Addr()
}

// improve handles packets while a choice is made but not locked. A stranger
// is never locked: the party itself may appear at any time.
func (l *Latch) improve(from netip.AddrPort, now time.Time) Verdict {
	if now.Sub(l.since) >= Window && l.rank != unknown {
		l.locked, l.last = true, now
		return l.Admit(from, now)
	}
	if from == l.remote {
		return Admitted
	}
	r := l.rate(from)
	if r >= l.rank || !l.allowed(from) {
		return Foreign
	}
	since := l.since
	if l.rank == unknown {
		since = now
	}
	l.take(from, r, now)
	l.since = since
	return Learned
}

// Likely tells whether an address is one that the party is expected at: the
// announced one or that of its signalling, with any port.
func (l *Latch) Likely(from netip.AddrPort) bool { return l.rate(from) != unknown }

func (l *Latch) take(from netip.AddrPort, r rank, now time.Time) {
	l.remote, l.rank, l.heard, l.since, l.last = from, r, true, now, now
	l.locked = r == exact || l.mode == Immediate || l.mode == Delayed
}

func (l *Latch) rate(from netip.AddrPort) rank {
	switch {
	case from == l.signal.Addr:
		return exact
	case from.Addr() == l.signal.Addr.Addr(), from.Addr() == l.signal.Source, from.Addr() == l.near:
		return likely
	}
	return unknown
}
