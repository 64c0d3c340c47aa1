package guard

import (
	"math"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// rules is a configuration made ready. It is never changed, but for the memory
// of scanners.
type rules struct {
	cfg      Config
	prefixes *prefixes
	agents   *agents
	users    map[string]struct{} // trap users in lower case
	checks   [numChecks]Rule
	active   []Check // those that do not pass
	bad      malformedTable

	source, user, garbage, flood, dialog, looks gcra
	methods                                     [numClasses]gcra
	trickle                                     int64
	bans                                        banTerms
	auth                                        authTerms
}

// banTerms are the times of bans in nanoseconds.
type banTerms struct {
	first, longest, forget, unproved, trickle int64
	proof                                     uint32 // seconds
}

// authTerms are times in seconds and counts.
type authTerms struct {
	sourceFailures, userFailures, userBits     int
	window, protection, longest, forget, known uint32
}

// class is a method or a group of them that shares a bucket.
type class uint8

const (
	classOther class = iota
	classRegister
	classInvite
	classSubscribe
	classOptions
	classMessage

	numClasses
)

func classOf(m wire.Method) class {
	switch m {
	case wire.REGISTER:
		return classRegister
	case wire.INVITE:
		return classInvite
	case wire.SUBSCRIBE:
		return classSubscribe
	case wire.OPTIONS:
		return classOptions
	case wire.MESSAGE:
		return classMessage
	}
	return classOther
}

// compile makes rules of a checked configuration with its defaults filled in.
func compile(cfg Config, wide []Ban) (*rules, error) {
	l, b, a := &cfg.Limits, &cfg.Bans, &cfg.Auth
	p, err := newPrefixes(cfg.Allow, cfg.Deny, wide)
	if err != nil {
		return nil, err
	}
	r := &rules{
		cfg: cfg, prefixes: p, agents: newAgents(cfg.Traps.UserAgents), users: map[string]struct{}{},
		source: l.Source.compile(), user: l.User.compile(), garbage: l.Garbage.compile(), flood: l.Flood.compile(),
		dialog: l.Dialog.compile(), looks: l.SecondLooks.compile(), trickle: int64(b.Trickle),
		methods: [numClasses]gcra{
			classOther: l.Other.compile(), classRegister: l.Register.compile(), classInvite: l.Invite.compile(),
			classSubscribe: l.Subscribe.compile(), classOptions: l.Options.compile(), classMessage: l.Message.compile(),
		},
		bans: banTerms{int64(b.First), int64(b.Longest), int64(b.Forget), int64(b.Unproved), int64(b.Trickle), whole(b.Proof)},
		auth: authTerms{
			sourceFailures: a.SourceFailures, userFailures: a.UserFailures, userBits: distinctBits(a.UserSources),
			window: whole(a.Window), protection: whole(a.Protection), longest: max(whole(b.Longest), whole(a.Protection)),
			forget: whole(b.Forget), known: whole(a.Known),
		},
	}
	for _, name := range cfg.Traps.Users {
		r.users[lowerString(name)] = struct{}{}
	}
	r.checks, r.bad = cfg.Policy.compile()
	for c := range Checks() {
		if r.checks[c].Action != Pass {
			r.active = append(r.active, c)
		}
	}
	return r, nil
}

// distinctBits is how many of 64 bits are set, on average, when n sources have
// set one each.
func distinctBits(n int) int {
	return max(1, int(64*(1-math.Pow(63.0/64, float64(n)))))
}

// whole is d in seconds, rounded up.
func whole(d time.Duration) uint32 { return uint32((d + time.Second - 1) / time.Second) }

func lowerString(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = lower(b[i])
	}
	return string(b)
}
