package redisstore_test

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/registrar/redisstore"
	"github.com/class5-go/class5/sip/registrar/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMiniredis(t *testing.T) {
	storetest.Run(t, func(t *testing.T) registrar.Store {
		return redisstore.New(client(t, &redis.Options{Addr: miniredis.RunT(t).Addr()}), redisstore.Config{})
	})
}

func TestRedis(t *testing.T) {
	c := client(t, &redis.Options{Network: "unix", Addr: startRedis(t)})
	storetest.Run(t, func(t *testing.T) registrar.Store {
		return redisstore.New(c, redisstore.Config{Prefix: t.Name() + ":"})
	})
}

func client(t testing.TB, o *redis.Options) *redis.Client {
	c := redis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

// startRedis runs a redis-server of its own on a unix socket and gives the
// path of that.
func startRedis(t testing.TB) string {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed; the project's test command installs it")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(binary, "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "no")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			return socket
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not answer: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A key must not outlive its last binding by more than the clock's step.
func TestKeysExpire(t *testing.T) {
	m := miniredis.RunT(t)
	s := redisstore.New(client(t, &redis.Options{Addr: m.Addr()}), redisstore.Config{Prefix: "r:"})
	now := time.Now()
	put := func(aor string, life ...time.Duration) {
		err := s.Update(context.Background(), aor, now, func([]registrar.Binding) ([]registrar.Binding, error) {
			var bs []registrar.Binding
			for _, d := range life {
				bs = append(bs, registrar.Binding{Contact: "sip:" + d.String(), Expires: now.Add(d)})
			}
			return bs, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("a", time.Minute, time.Hour)
	put("b", time.Minute)
	if got := m.TTL("r:b:a"); got != time.Hour {
		t.Errorf("life of a: %v", got)
	}
	m.FastForward(2 * time.Minute)
	if m.Exists("r:b:b") || !m.Exists("r:b:a") {
		t.Errorf("keys %v", m.Keys())
	}
	now = now.Add(2 * time.Hour)
	put("c", time.Hour)
	if members, err := m.ZMembers("r:index"); err != nil || len(members) != 1 {
		t.Errorf("index %v, %v", members, err)
	}
}

func TestDamagedRecord(t *testing.T) {
	m := miniredis.RunT(t)
	s := redisstore.New(client(t, &redis.Options{Addr: m.Addr()}), redisstore.Config{})
	for _, value := range []string{"short", "12345678", "12345678\x09rest", "12345678\x01\xff"} {
		if err := m.Set("reg:b:a", value); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Lookup(context.Background(), nil, "a", time.Now()); (err == nil) != (value == "12345678") && !errors.Is(err, registrar.ErrRecord) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// A Redis that is gone is an error everywhere, after which the store works on.
func TestRedisGone(t *testing.T) {
	m := miniredis.RunT(t)
	s := redisstore.New(client(t, &redis.Options{Addr: m.Addr(), MaxRetries: -1}), redisstore.Config{})
	ctx, now := context.Background(), time.Now()
	keep := func(bs []registrar.Binding) ([]registrar.Binding, error) {
		return append(bs, registrar.Binding{Contact: "sip:x", Expires: now.Add(time.Hour)}), nil
	}
	m.SetError("LOADING")
	if err := s.Update(ctx, "a", now, keep); err == nil {
		t.Error("Update: no error")
	}
	if _, err := s.Lookup(ctx, nil, "a", now); err == nil {
		t.Error("Lookup: no error")
	}
	if _, err := s.Len(ctx, now); err == nil {
		t.Error("Len: no error")
	}
	failed := 0
	for _, err := range s.All(ctx, now) {
		if err != nil {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("All: %d errors", failed)
	}
	m.SetError("")
	if err := s.Update(ctx, "a", now, keep); err != nil {
		t.Error(err)
	}
}

// twice sends every script twice, as the client does when an answer got lost.
type twice struct{}

func (twice) DialHook(next redis.DialHook) redis.DialHook { return next }

func (twice) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (twice) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			_ = next(ctx, cmd)
		}
		return next(ctx, cmd)
	}
}

func TestWriteSentTwice(t *testing.T) {
	c := client(t, &redis.Options{Addr: miniredis.RunT(t).Addr()})
	c.AddHook(twice{})
	s := redisstore.New(c, redisstore.Config{})
	ctx, now := context.Background(), time.Now()
	for range 3 {
		err := s.Update(ctx, "a", now, func(bs []registrar.Binding) ([]registrar.Binding, error) {
			return append(bs, registrar.Binding{Contact: "sip:x", Expires: now.Add(time.Hour)}), nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if bs, err := s.Lookup(ctx, nil, "a", now); err != nil || len(bs) != 3 {
		t.Errorf("%d bindings, want 3, %v", len(bs), err)
	}
}

// Who loses every race gives up with its context.
func TestLostRaces(t *testing.T) {
	c := client(t, &redis.Options{Addr: miniredis.RunT(t).Addr()})
	s, other := redisstore.New(c, redisstore.Config{}), redisstore.New(c, redisstore.Config{})
	now := time.Now()
	add := func(bs []registrar.Binding) ([]registrar.Binding, error) {
		return append(bs[:0], registrar.Binding{Contact: "sip:x", CSeq: uint32(len(bs)), Expires: now.Add(time.Hour)}), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	tries := 0
	err := s.Update(ctx, "a", now, func(bs []registrar.Binding) ([]registrar.Binding, error) {
		tries++
		err := other.Update(context.Background(), "a", now, func(bs []registrar.Binding) ([]registrar.Binding, error) {
			return []registrar.Binding{{Contact: "sip:y", CSeq: uint32(tries), Expires: now.Add(time.Hour)}}, nil
		})
		if err != nil {
			t.Error(err)
		}
		return add(bs)
	})
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, redisstore.ErrContended) {
		t.Errorf("after %d tries: %v", tries, err)
	}
}
