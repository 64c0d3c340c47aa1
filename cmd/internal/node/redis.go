package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
)

// redisURL tells whether a setting is a URL of Redis.
func redisURL(s string) bool {
	scheme, _, ok := strings.Cut(s, "://")
	return ok && (scheme == "redis" || scheme == "rediss" || scheme == "unix")
}

// redisOptions reads host:port, /path/to/socket, or a URL: redis:// and, over
// TLS, rediss://user@host:port/database, or unix://user@/path/to/socket?db=1.
// Beyond the parameters of the client it has password_file, and for TLS ca (in
// place of the system's authorities), cert with key, and server_name. Errors do
// not quote it, as there may be a password in it.
func redisOptions(setting, s string) (*redis.Options, error) {
	if !strings.Contains(s, "://") {
		o := &redis.Options{Network: "tcp", Addr: s}
		if strings.HasPrefix(s, "/") {
			o.Network = "unix"
		}
		return o, nil
	}
	bad := func(why error) (*redis.Options, error) {
		return nil, fmt.Errorf("%w: %s: %w", ErrConfig, setting, why)
	}
	u, err := url.Parse(s)
	if err != nil || !redisURL(s) {
		return bad(errors.New("no URL of redis, rediss or unix"))
	}
	q := u.Query()
	own := map[string]string{}
	for _, name := range []string{"password_file", "ca", "cert", "key", "server_name"} {
		own[name] = q.Get(name)
		q.Del(name)
	}
	u.RawQuery = q.Encode()
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return bad(errors.New(strings.ReplaceAll(err.Error(), u.String(), "URL")))
	}
	if own["password_file"] != "" {
		if o.Password, err = privateFile(setting+": password_file", own["password_file"]); err != nil {
			return nil, err
		}
	}
	if err := secureRedis(setting, o, own); err != nil {
		return nil, err
	}
	return o, nil
}

// secureRedis sets what a URL says of TLS.
func secureRedis(setting string, o *redis.Options, own map[string]string) error {
	if o.TLSConfig == nil {
		for _, name := range []string{"ca", "cert", "key", "server_name"} {
			if own[name] != "" {
				return fmt.Errorf("%w: %s: %s is for rediss", ErrConfig, setting, name)
			}
		}
		return nil
	}
	c := o.TLSConfig
	if own["server_name"] != "" {
		c.ServerName = own["server_name"]
	}
	if own["ca"] != "" {
		pool, err := authorities(setting+": ca", own["ca"])
		if err != nil {
			return err
		}
		c.RootCAs = pool
	}
	if own["cert"] != "" || own["key"] != "" {
		pair, err := tls.LoadX509KeyPair(own["cert"], own["key"])
		if err != nil {
			return fmt.Errorf("%w: %s: cert and key: %w", ErrConfig, setting, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// redisLog is where the Redis client tells of attempts. What fails in the end
// is told by who asked.
type redisLog struct{ log *slog.Logger }

// Printf implements what redis.SetLogger wants.
func (l redisLog) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, "redis", "message", fmt.Sprintf(format, v...))
}

// openRedis makes a client.
func openRedis(o *redis.Options, env Env) *redis.Client {
	redis.SetLogger(redisLog{env.Log}) // it has one for the process
	return redis.NewClient(o)
}
