package node

import (
	"fmt"
	"math"
	"time"
)

// sane refuses what a proxy could take but nobody can mean.
func (c ProxyConfig) sane() error {
	if err := ranges("proxy",
		number{"shards", c.Shards, 1, 1024},
		number{"interim", int(c.Interim), int(time.Second), int(24 * time.Hour)},
		number{"overload: rate", c.Overload.Rate, 1, math.MaxInt},
		number{"overload: validity", int(c.Overload.Validity), int(100 * time.Millisecond), int(time.Hour)},
		number{"media: timeout", int(c.Media.Timeout), int(time.Second), math.MaxInt},
		number{"media: recheck", int(c.Media.Recheck), int(100 * time.Millisecond), int(time.Hour)},
	); err != nil {
		return err
	}
	for i, a := range append(c.Edges[:len(c.Edges):len(c.Edges)], c.PlainEdges...) {
		if !a.IsValid() || a.Port() == 0 || a.Addr().IsUnspecified() {
			return fmt.Errorf("%w: proxy: edges: number %d, %v, is no address that an edge can have", ErrConfig, i+1, a)
		}
	}
	if _, err := c.algorithms(); err != nil {
		return err
	}
	urls := map[string]bool{}
	for _, r := range c.Media.Remote {
		switch {
		case urls[r.URL]:
			return fmt.Errorf("%w: proxy: media: remote: %s is there twice", ErrConfig, r.URL)
		case !(r.Weight >= 0 && r.Weight <= 1e6):
			return fmt.Errorf("%w: proxy: media: remote: %s: weight %v", ErrConfig, r.URL, r.Weight)
		case r.Timeout < 0:
			return fmt.Errorf("%w: proxy: media: remote: %s: timeout %v", ErrConfig, r.URL, r.Timeout)
		}
		urls[r.URL] = true
	}
	return nil
}

// check refuses a store that cannot be opened whatever the machine.
func (c StoreConfig) check() error {
	if _, err := c.dsn(); err != nil {
		return err
	}
	return ranges("store", number{"lease", int(c.Lease), int(time.Second), int(24 * time.Hour)})
}
