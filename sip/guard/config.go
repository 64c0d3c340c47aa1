package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Config is what a guard goes by. The zero Config is usable: every zero field
// stands for a default, which doc.go lists with what it is good against.
type Config struct {
	// Allow are sources that are trusted by their address, such as peers with
	// whom traffic was agreed on: no bucket, trap, ban or authentication rule
	// holds for them. The sanity table does.
	Allow []netip.Prefix
	// Deny are sources of which nothing is taken. Between Allow and Deny the
	// longest matching prefix decides.
	Deny []netip.Prefix
	// Limits are the token buckets.
	Limits Limits
	// Traps recognise scanners.
	Traps Traps
	// Policy overrides rows of the sanity table.
	Policy Policy
	// Auth is how guessing of passwords is recognised.
	Auth Auth
	// Bans is how long sources are banned.
	Bans Bans
	// Tables sizes the memory. It is fixed when the guard is made.
	Tables Tables
}

// Limits are the rates of the token buckets.
type Limits struct {
	// Source bounds all messages of a source, 100/s burst 500. Datagrams and
	// streams have a bucket each, so that datagrams with a forged source address
	// take nothing from the connections of the one they pretend to be.
	Source Rate
	// Register, Invite, Subscribe, Options, Message and Other bound requests
	// outside of dialogs by source and method: 30/s burst 200, 20/s burst 60,
	// 30/s burst 200, 5/s burst 20, 10/s burst 50, 10/s burst 50.
	Register, Invite, Subscribe, Options, Message, Other Rate
	// User bounds requests outside of dialogs that name one user as their
	// sender, 5/s burst 30.
	User Rate
	// Garbage bounds the unparsable messages of one source that are answered,
	// 2/s burst 20. The rest is dropped.
	Garbage Rate
	// Flood bounds the messages of a source that are refused because a bucket is
	// empty, 200/s burst 2000. Who goes beyond is banned.
	Flood Rate
	// Dialog bounds messages with a valid token from a source whose bucket is
	// empty or that is banned, 50/s burst 200.
	Dialog Rate
	// SecondLooks bounds, for all sources together, how many refused messages
	// are parsed in search of a token, 20000/s burst 2000.
	SecondLooks Rate
}

// Traps recognise scanners by what they say.
type Traps struct {
	// UserAgents are looked for in the User-Agent of requests, anywhere and in
	// any case. Nil means DefaultUserAgents; empty means none.
	UserAgents []string
	// Users are names that nobody has: whoever calls or registers one is a
	// scanner. They are compared in any case with the user part of the
	// Request-URI, in a REGISTER with that of To.
	Users []string
	// UserAgent, User, Absent and Empty say what happens to a request that is
	// caught: drop, drop, pass and pass. Absent and Empty are for a User-Agent
	// that is missing or without text.
	UserAgent, User, Absent, Empty Rule
	// NoBan leaves it at the rule; else the source of what UserAgent and User
	// refuse is banned too.
	NoBan bool
}

// Auth is how guessing of passwords is recognised.
type Auth struct {
	// SourceFailures within Window ban or restrict a source, 50.
	SourceFailures int
	// UserFailures within Window from at least UserSources addresses put a user
	// under protection, 30 and 8. UserSources is at most 40.
	UserFailures, UserSources int
	// Window is 10 minutes.
	Window time.Duration
	// Protection is how long a user stays protected, 1 hour; it doubles each time
	// it is needed again, up to Bans.Longest.
	Protection time.Duration
	// Known is how long a success of a user at a source counts, 7 days.
	Known time.Duration
	// Refused answers authentication attempts for a protected user, or from a
	// restricted source, unless the user has lately succeeded there: "403
	// Forbidden".
	Refused Rule
}

// Bans is how long sources are banned.
type Bans struct {
	// First is the length of the first ban, 10 minutes. Each further one is
	// twice as long, up to Longest, 12 hours.
	First, Longest time.Duration
	// Forget is how long after the end of a ban the next one still doubles, 24
	// hours.
	Forget time.Duration
	// Unproved is the length of the ban of a source of datagrams that has not
	// proved its address: at most and by default 30 s. It never doubles.
	Unproved time.Duration
	// Trickle is the interval at which such a ban lets one datagram pass, 1 s, so
	// that forged datagrams can delay the owner of an address but not keep it
	// from proving itself.
	Trickle time.Duration
	// Proof is how long a proof of address, or the success of a user, speaks for
	// a source, 2 hours.
	Proof time.Duration
}

// Tables are numbers of entries, rounded up to powers of two. 0 is the default.
// Memory that they take is allocated by New and never grows.
type Tables struct {
	Sources  int // buckets by source, 131072 of 16 octets
	Methods  int // buckets by source and method, 131072 of 16 octets
	Users    int // buckets by user, 131072 of 16 octets
	Bans     int // banned sources, 65536 of 52 octets
	Standing int // sources that proved themselves, succeeded or failed, 131072 of 44 octets
	Targets  int // users for whom authentication failed, 32768 of 36 octets
	Known    int // pairs of user and source that succeeded, 262144 of 12 octets
	Prefixes int // banned prefixes wider than one source, 1024
}

// ErrTables means that a reload wants other table sizes.
var ErrTables = errors.New("guard: table sizes are fixed when the guard is made")

// withDefaults fills in what is not set.
func (c Config) withDefaults() Config {
	c.Limits = c.Limits.withDefaults()
	c.Traps = c.Traps.withDefaults()
	c.Auth = c.Auth.withDefaults()
	c.Bans = c.Bans.withDefaults()
	c.Tables = c.Tables.withDefaults()
	return c
}

func (l Limits) withDefaults() Limits {
	l.Source = l.Source.or(Rate{100, time.Second, 500})
	l.Register = l.Register.or(Rate{30, time.Second, 200})
	l.Invite = l.Invite.or(Rate{20, time.Second, 60})
	l.Subscribe = l.Subscribe.or(Rate{30, time.Second, 200})
	l.Options = l.Options.or(Rate{5, time.Second, 20})
	l.Message = l.Message.or(Rate{10, time.Second, 50})
	l.Other = l.Other.or(Rate{10, time.Second, 50})
	l.User = l.User.or(Rate{5, time.Second, 30})
	l.Garbage = l.Garbage.or(Rate{2, time.Second, 20})
	l.Flood = l.Flood.or(Rate{200, time.Second, 2000})
	l.Dialog = l.Dialog.or(Rate{50, time.Second, 200})
	l.SecondLooks = l.SecondLooks.or(Rate{20000, time.Second, 2000})
	return l
}

func (t Traps) withDefaults() Traps {
	if t.UserAgents == nil {
		t.UserAgents = DefaultUserAgents()
	}
	t.UserAgent = t.UserAgent.or(Rule{Action: Drop})
	t.User = t.User.or(Rule{Action: Drop})
	t.Absent = t.Absent.or(Rule{Action: Pass})
	t.Empty = t.Empty.or(Rule{Action: Pass})
	return t
}

func (a Auth) withDefaults() Auth {
	a.SourceFailures = orElse(a.SourceFailures, 50)
	a.UserFailures = orElse(a.UserFailures, 30)
	a.UserSources = orElse(a.UserSources, 8)
	a.Window = orElse(a.Window, 10*time.Minute)
	a.Protection = orElse(a.Protection, time.Hour)
	a.Known = orElse(a.Known, 7*24*time.Hour)
	a.Refused = a.Refused.or(Rule{Reply, 403, "Forbidden"})
	return a
}

func (b Bans) withDefaults() Bans {
	b.First = orElse(b.First, 10*time.Minute)
	b.Longest = orElse(b.Longest, max(12*time.Hour, b.First))
	b.Forget = orElse(b.Forget, 24*time.Hour)
	b.Unproved = orElse(b.Unproved, longestUnproved)
	b.Trickle = orElse(b.Trickle, time.Second)
	b.Proof = orElse(b.Proof, 2*time.Hour)
	return b
}

func (t Tables) withDefaults() Tables {
	t.Sources = orElse(t.Sources, 1<<17)
	t.Methods = orElse(t.Methods, 1<<17)
	t.Users = orElse(t.Users, 1<<17)
	t.Bans = orElse(t.Bans, 1<<16)
	t.Standing = orElse(t.Standing, 1<<17)
	t.Targets = orElse(t.Targets, 1<<15)
	t.Known = orElse(t.Known, 1<<18)
	t.Prefixes = orElse(t.Prefixes, 1<<10)
	return t
}

func orElse[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

const (
	longestUnproved = 30 * time.Second
	longestBan      = 10 * 365 * 24 * time.Hour
	mostEntries     = 1 << 26
	// mostSources is what 64 bits, one a source, can still count.
	mostSources = 40
)

// check looks at a configuration with its defaults filled in.
func (c *Config) check() error {
	l := &c.Limits
	for _, r := range []Rate{l.Source, l.Register, l.Invite, l.Subscribe, l.Options, l.Message, l.Other, l.User,
		l.Garbage, l.Flood, l.Dialog, l.SecondLooks} {
		if err := r.check(); err != nil {
			return err
		}
	}
	for _, r := range []Rule{c.Traps.UserAgent, c.Traps.User, c.Traps.Absent, c.Traps.Empty, c.Auth.Refused} {
		if err := r.check(); err != nil {
			return err
		}
	}
	for _, n := range []int{c.Tables.Sources, c.Tables.Methods, c.Tables.Users, c.Tables.Bans, c.Tables.Standing,
		c.Tables.Targets, c.Tables.Known, c.Tables.Prefixes} {
		if n < 0 || n > mostEntries {
			return fmt.Errorf("guard: a table of %d entries", n)
		}
	}
	if err := c.Policy.check(); err != nil {
		return err
	}
	return c.checkTimes()
}

func (c *Config) checkTimes() error {
	for _, d := range []time.Duration{c.Auth.Window, c.Auth.Protection, c.Auth.Known, c.Bans.First, c.Bans.Longest,
		c.Bans.Forget, c.Bans.Trickle, c.Bans.Proof} {
		if d < 0 || d > longestBan {
			return fmt.Errorf("guard: a time of %v", d)
		}
	}
	switch {
	case c.Bans.Unproved < 0 || c.Bans.Unproved > longestUnproved:
		return fmt.Errorf("guard: a ban of %v for sources that may be forged; at most %v", c.Bans.Unproved, longestUnproved)
	case c.Bans.Longest < c.Bans.First:
		return fmt.Errorf("guard: the longest ban, %v, is shorter than the first, %v", c.Bans.Longest, c.Bans.First)
	case c.Auth.SourceFailures < 1 || c.Auth.UserFailures < 1 || c.Auth.SourceFailures > 1<<15 || c.Auth.UserFailures > 1<<15:
		return fmt.Errorf("guard: %d failures of a source and %d of a user", c.Auth.SourceFailures, c.Auth.UserFailures)
	case c.Auth.UserSources < 1 || c.Auth.UserSources > mostSources:
		return fmt.Errorf("guard: an attack from %d addresses; 1 to %d can be told apart", c.Auth.UserSources, mostSources)
	}
	return nil
}
