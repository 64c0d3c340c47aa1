package node

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/relay/filerelay"
	"github.com/class5-go/class5/media/relay/redisrelay"
)

// sharedState is RelayConfig.State for the Redis that a proxy has anyway.
const sharedState = "redis"

// openState opens where sessions survive the process, if anywhere. shared is the
// proxy's Redis; nil: there is none. What is returned beside it is to be closed, if
// there is something.
func (c RelayConfig) openState(section string, env Env, shared redis.UniversalClient) (relay.Store, io.Closer, error) {
	setting := section + ": state"
	var own *redis.Client
	switch {
	case c.State == "":
		return nil, nil, nil
	case c.State == sharedState && shared == nil:
		return nil, nil, fmt.Errorf("%w: %s: there is no store: redis", ErrConfig, setting)
	case c.State == sharedState:
	case redisURL(c.State):
		o, err := redisOptions(setting, c.State)
		if err != nil {
			return nil, nil, err
		}
		own = openRedis(patient(o), env)
		shared = own
	default:
		s, err := filerelay.New(c.State)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %s: %w", ErrConfig, setting, err)
		}
		return s, s, nil
	}
	name := c.StateName
	if name == "" {
		name = env.Node
	}
	s, err := redisrelay.New(shared, redisrelay.Config{Name: name, Life: c.StateLife})
	if err != nil {
		err = fmt.Errorf("%w: %s: %w", ErrConfig, setting, err)
		if own != nil {
			err = errors.Join(err, own.Close())
		}
		return nil, nil, err
	}
	if own == nil {
		return s, nil, nil
	}
	return s, own, nil
}

// patient bounds what a URL does not: a relay that ends, or hands over, waits for
// what is under way.
func patient(o *redis.Options) *redis.Options {
	o.ContextTimeoutEnabled = true
	for _, d := range []*time.Duration{&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout} {
		if *d == 0 {
			*d = time.Second
		}
	}
	return o
}
