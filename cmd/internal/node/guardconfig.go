package node

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/guard"
)

// GuardConfig is the protection against strangers. Rates are written as
// "100/s burst 500", rules as pass, drop, or status and text.
type GuardConfig struct {
	Off    bool                  `yaml:"off"`
	Allow  []netip.Prefix        `yaml:"allow"` // trusted by address; loopback when nothing is said
	Deny   []netip.Prefix        `yaml:"deny"`
	Rates  map[string]guard.Rate `yaml:"rates"` // source, register, invite, …: see package guard
	Sanity map[string]string     `yaml:"sanity"`
	Traps  TrapsConfig           `yaml:"traps"`
	Auth   AuthConfig            `yaml:"auth"`
	Bans   BansConfig            `yaml:"bans"`
	Tables guard.Tables          `yaml:"tables"`
	XDP    []string              `yaml:"xdp"` // interfaces on which the kernel drops what banned sources send
}

// TrapsConfig recognises scanners.
type TrapsConfig struct {
	UserAgents []string   `yaml:"user_agents"`
	Users      []string   `yaml:"users"`
	UserAgent  guard.Rule `yaml:"user_agent"`
	User       guard.Rule `yaml:"user"`
	Absent     guard.Rule `yaml:"absent"`
	Empty      guard.Rule `yaml:"empty"`
	NoBan      bool       `yaml:"no_ban"`
}

// AuthConfig recognises guessing of passwords.
type AuthConfig struct {
	SourceFailures int           `yaml:"source_failures"`
	UserFailures   int           `yaml:"user_failures"`
	UserSources    int           `yaml:"user_sources"`
	Window         time.Duration `yaml:"window"`
	Protection     time.Duration `yaml:"protection"`
}

// BansConfig is how long sources are banned.
type BansConfig struct {
	First   time.Duration `yaml:"first"`
	Longest time.Duration `yaml:"longest"`
	Forget  time.Duration `yaml:"forget"`
}

// config is what package guard wants.
func (c GuardConfig) config() (guard.Config, error) {
	g := guard.Config{
		Allow: c.Allow, Deny: c.Deny, Tables: c.Tables,
		Traps: guard.Traps{
			UserAgents: c.Traps.UserAgents, Users: c.Traps.Users, UserAgent: c.Traps.UserAgent, User: c.Traps.User,
			Absent: c.Traps.Absent, Empty: c.Traps.Empty, NoBan: c.Traps.NoBan,
		},
		Auth: guard.Auth{
			SourceFailures: c.Auth.SourceFailures, UserFailures: c.Auth.UserFailures, UserSources: c.Auth.UserSources,
			Window: c.Auth.Window, Protection: c.Auth.Protection,
		},
		Bans: guard.Bans{First: c.Bans.First, Longest: c.Bans.Longest, Forget: c.Bans.Forget},
	}
	if c.Allow == nil {
		g.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	places := map[string]*guard.Rate{
		"source": &g.Limits.Source, "register": &g.Limits.Register, "invite": &g.Limits.Invite, "subscribe": &g.Limits.Subscribe,
		"options": &g.Limits.Options, "message": &g.Limits.Message, "other": &g.Limits.Other, "user": &g.Limits.User,
		"garbage": &g.Limits.Garbage, "flood": &g.Limits.Flood, "dialog": &g.Limits.Dialog, "second_looks": &g.Limits.SecondLooks,
	}
	for name, rate := range c.Rates {
		place, ok := places[name]
		if !ok {
			return g, fmt.Errorf("%w: lb: guard: rates: there is no %q", ErrConfig, name)
		}
		*place = rate
	}
	var err error
	if g.Policy, err = guard.ParsePolicy(c.Sanity); err != nil {
		return g, fmt.Errorf("%w: lb: guard: sanity: %w", ErrConfig, err)
	}
	return g, nil
}
