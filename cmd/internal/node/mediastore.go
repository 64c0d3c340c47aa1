package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
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
func (c RelayConfig) openState(ctx context.Context, section string, env Env, shared redis.UniversalClient) (relay.Store, io.Closer, error) {
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
		if err := refusal(ctx, own); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("%w: %s: %w", ErrConfig, setting, err), own.Close())
		}
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

// refusal is why a Redis that answers will not do: what it shows in TLS, or a
// password. One that does not answer may do so later.
func refusal(ctx context.Context, client *redis.Client) error {
	err := client.Ping(ctx).Err()
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var network *net.OpError
	var reply redis.Error
	switch {
	case errors.As(err, &verification):
		return fmt.Errorf("the certificate of the Redis: %w", verification.Err)
	case errors.As(err, &record):
		return errors.New("the Redis does not speak TLS there")
	case errors.As(err, &network) && network.Op == "remote error":
		return fmt.Errorf("the Redis refuses the connection: %w", network.Err)
	case errors.As(err, &reply) && !redis.HasErrorPrefix(err, "LOADING") && !redis.HasErrorPrefix(err, "MASTERDOWN"):
		return fmt.Errorf("the Redis refuses user or password: %w", err)
	}
	return nil
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
