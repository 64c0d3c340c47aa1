package directory

import (
	"crypto/rand"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func profileOf(id int64, name string, numbers ...string) *Profile {
	return &Profile{SubscriberID: id, CustomerID: id % 3, Username: name, Domain: "example.com", Numbers: numbers}
}

// TestLoadAgainstChange: what a load found is not put into the cache when it
// may be older than a change.
func TestLoadAgainstChange(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*cache)
		kept   bool
	}{
		"nothing":          {func(*cache) {}, true},
		"another":          {func(c *cache) { c.forget(2) }, true},
		"itself":           {func(c *cache) { c.forget(1) }, false},
		"everyone":         {func(c *cache) { c.forget(everyone) }, false},
		"its customer":     {func(c *cache) { c.forgetCustomer(1) }, false},
		"many others":      {func(c *cache) { forgetOthers(c, recentIDs) }, true},
		"too many to know": {func(c *cache) { forgetOthers(c, recentIDs+1) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			ca := newCache(1<<20, 100)
			m := ca.mark()
			c.change(ca)
			ca.put(profileOf(1, "alice", "43100"), m)
			p, _ := lookup(ca, "alice", "example.com")
			n, _ := lookup(ca, []byte("43100"), "")
			if (p != nil) != c.kept || p != n {
				t.Errorf("kept: %v and %v, want %v", p, n, c.kept)
			}
		})
	}
}

func forgetOthers(c *cache, n int) {
	for i := range n {
		c.forget(int64(1000 + i))
	}
}

func TestNegativeAgainstChange(t *testing.T) {
	c := newCache(1<<20, 100)
	k := key{"alice", "example.com"}
	m := c.mark()
	c.forget(1) // alice was created meanwhile
	c.putNegative(k, m)
	if _, known := lookup(c, "alice", "example.com"); known {
		t.Error("alice is thought not to exist")
	}
	c.putNegative(k, c.mark())
	if p, known := lookup(c, "alice", "example.com"); !known || p != nil {
		t.Error("that there is no alice was forgotten")
	}
	c.forget(1)
	if _, known := lookup(c, "alice", "example.com"); known {
		t.Error("alice is thought not to exist after a change")
	}
}

// TestFlood: a million names that nobody has leave the cache bounded and the
// subscribers in it.
func TestFlood(t *testing.T) {
	c := newCache(1<<20, 1000)
	c.put(profileOf(1, "alice"), c.mark())
	m := c.mark()
	for i := range 1_000_000 {
		c.putNegative(key{fmt.Sprint(i), "example.com"}, m)
	}
	if p, _ := lookup(c, "alice", "example.com"); p == nil {
		t.Error("alice was pushed out")
	}
	if _, _, negative := c.stats(); negative > 1000 {
		t.Errorf("%d negative entries", negative)
	}
}

// TestCacheBounds puts, looks up and forgets at random and compares with a
// map: what is answered is the newest put, bytes and keys balance, and the
// bound holds.
func TestCacheBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(1000, 20_000).Draw(t, "limit")
		c := newCache(limit, 10)
		newest := map[int64]*Profile{}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				id := rapid.Int64Range(1, 40).Draw(t, "id")
				var numbers []string
				for i := range rapid.IntRange(0, 3).Draw(t, "numbers") {
					numbers = append(numbers, fmt.Sprintf("43%d%d", id, i))
				}
				newest[id] = profileOf(id, fmt.Sprint("u", id), numbers...)
				c.put(newest[id], c.mark())
			},
			"forget": func(t *rapid.T) { id := rapid.Int64Range(1, 40).Draw(t, "id"); c.forget(id); delete(newest, id) },
			"customer": func(t *rapid.T) {
				customer := rapid.Int64Range(0, 2).Draw(t, "customer")
				c.forgetCustomer(customer)
				for id := range newest {
					if id%3 == customer {
						delete(newest, id)
					}
				}
			},
			"look up": func(t *rapid.T) {
				id := rapid.Int64Range(1, 40).Draw(t, "id")
				if p, _ := lookup(c, fmt.Sprint("u", id), "example.com"); p != nil && p != newest[id] {
					t.Fatalf("an old profile of %d", id)
				}
			},
			"": func(t *rapid.T) {
				var bytes int64
				keys := 0
				for i, p := range c.ring {
					if p.slot != i || c.byID[p.SubscriberID] != p {
						t.Fatal("the ring is broken")
					}
					bytes += p.bytes()
					keys += 1 + len(p.Numbers)
				}
				inShards := 0
				for i := range c.shards {
					inShards += len(c.shards[i].profiles)
				}
				if bytes != c.bytes || bytes > limit || len(c.byID) != len(c.ring) || keys != inShards {
					t.Fatalf("%d bytes counted as %d of %d; %d keys, %d in shards", bytes, c.bytes, limit, keys, inShards)
				}
			},
		})
	})
}

func TestPasswords(t *testing.T) {
	seen := map[Secret]bool{}
	for range 1000 {
		p, err := newPassword(rand.Reader)
		if err != nil || len(p) != 19 || seen[p] {
			t.Fatalf("%q, %v", p.Reveal(), err)
		}
		seen[p] = true
		for i, c := range []byte(p) {
			if (i%5 == 4) != (c == '-') || c != '-' && !alphanumeric(c) {
				t.Fatalf("%q", p.Reveal())
			}
		}
	}
}
