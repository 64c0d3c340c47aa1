package dialog

import (
	"sort"
	"sync"
	"time"
)

// Call is the state of a running call as others may see it.
type Call struct {
	ID       string    `json:"id"`
	CallID   string    `json:"call_id"`
	State    string    `json:"state"` // early or confirmed
	Caller   string    `json:"caller"`
	Callee   string    `json:"callee"`
	Invited  time.Time `json:"invited"`
	Answered time.Time `json:"answered,omitzero"`
}

// Registry is the table of running calls, filled by the owners of trackers
// and read by anybody. The zero value is empty and ready.
type Registry struct {
	mu      sync.RWMutex
	calls   map[string]Call
	changes uint64
}

// Put enters or updates a call under its ID.
func (g *Registry) Put(c Call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.calls == nil {
		g.calls = make(map[string]Call)
	}
	g.calls[c.ID] = c
	g.changes++
}

// Remove takes a call out; an unknown ID is ignored.
func (g *Registry) Remove(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.calls, id)
	g.changes++
}

// Find returns a call by its ID.
func (g *Registry) Find(id string) (Call, bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	c, ok := g.calls[id]
	return c, ok
}

// ByCallID returns the calls with a Call-ID: usually one, as nothing keeps a
// caller from using a Call-ID twice.
func (g *Registry) ByCallID(callID string) []Call {
	g.mu.RLock()
	defer g.mu.RUnlock()
	var found []Call
	for _, c := range g.calls {
		if c.CallID == callID {
			found = append(found, c)
		}
	}
	return found
}

// Len is the number of running calls.
func (g *Registry) Len() int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return len(g.calls)
}

// Version grows with every change, so that a watcher can poll it cheaply.
func (g *Registry) Version() uint64 {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.changes
}

// List returns up to limit calls, newest first (limit 0: all).
func (g *Registry) List(limit int) []Call {
	g.mu.RLock()
	all := make([]Call, 0, len(g.calls))
	for _, c := range g.calls {
		all = append(all, c)
	}
	g.mu.RUnlock()
	sort.Slice(all, func(i, j int) bool {
		if all[i].Invited.Equal(all[j].Invited) {
			return all[i].ID < all[j].ID
		}
		return all[i].Invited.After(all[j].Invited)
	})
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return all
}
