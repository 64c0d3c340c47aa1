package call

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/registrar"
)

// ringTime is how long contacts of a higher preference ring before those of
// the next are tried.
const ringTime = 20 * time.Second

func group(bindings []registrar.Binding) []proxy.Group {
	slices.SortStableFunc(bindings, func(a, b registrar.Binding) int { return int(b.Q) - int(a.Q) })
	var groups []proxy.Group
	for i := range bindings {
		b := &bindings[i]
		if i == 0 || bindings[i-1].Q != b.Q {
			if i > 0 {
				groups[len(groups)-1].Timeout = ringTime
			}
			groups = append(groups, proxy.Group{})
		}
		g := &groups[len(groups)-1]
		g.Targets = append(g.Targets, proxy.Target{URI: []byte(b.Contact), Route: routes(b.Path), Value: b})
	}
	return groups
}

// routes splits a Path vector, which is kept as one header value.
func routes(path string) [][]byte {
	var list [][]byte
	quoted, angle, start := false, 0, 0
	for i := 0; i <= len(path); i++ {
		switch {
		case i == len(path) || path[i] == ',' && !quoted && angle == 0:
			if v := strings.TrimSpace(path[start:i]); v != "" {
				list = append(list, []byte(v))
			}
			start = i + 1
		case path[i] == '\\' && quoted:
			i++
		case path[i] == '"' && angle == 0:
			quoted = !quoted
		case path[i] == '<' && !quoted:
			angle++
		case path[i] == '>' && !quoted:
			angle--
		}
	}
	return list
}

// flowGone removes the binding of a flow that is gone (430, RFC 5626 section
// 5.3.1), unless its client has registered over another one since.
func (c *Core) flowGone(now time.Time, t *proxy.Target, status int, aor string) {
	to, ok := t.Value.(*registrar.Binding)
	if status != 430 || !ok {
		return
	}
	ctx, cancel := c.context()
	defer cancel()
	gone := false
	err := c.Bindings.Update(ctx, aor, now, func(bindings []registrar.Binding) ([]registrar.Binding, error) {
		before := len(bindings)
		bindings = slices.DeleteFunc(bindings, func(b registrar.Binding) bool {
			return b.Key() == to.Key() && b.Contact == to.Contact && b.Path == to.Path
		})
		gone = len(bindings) < before
		return bindings, nil
	})
	if err != nil {
		c.Log.Error("the location store does not answer", "error", directory.Cause(err))
		return
	}
	if gone {
		c.Stats.Changes.Add(1)
	}
}

func bindingSource(t *proxy.Target) netip.Addr {
	if to, ok := t.Value.(*registrar.Binding); ok {
		return to.Source.Addr()
	}
	return netip.Addr{}
}
