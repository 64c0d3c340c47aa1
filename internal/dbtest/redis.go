package dbtest

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/class5-go/class5/internal/peer"
)

// Redis starts a Redis of a test's own, which it may stop and kill, with a client
// that does not hide failures by trying again.
func Redis(t testing.TB) (*peer.Redis, *redis.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := peer.StartRedis(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: r.Socket(), MaxRetries: -1})
	t.Cleanup(func() { c.Close() })
	return r, c
}
