package redisstore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/registrar/redisstore"
)

// Two proxies see the same registrations.
func Example() {
	server, err := miniredis.Run() // any Redis
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ReadTimeout: time.Second})
	defer client.Close()
	one, two := redisstore.New(client, redisstore.Config{}), redisstore.New(client, redisstore.Config{})

	ctx, now := context.Background(), time.Now()
	err = one.Update(ctx, "sip:alice@example.com", now, func(bs []registrar.Binding) ([]registrar.Binding, error) {
		return append(bs, registrar.Binding{Contact: "sip:alice@192.0.2.1", Expires: now.Add(time.Hour)}), nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	bs, err := two.Lookup(ctx, nil, "sip:alice@example.com", now)
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := two.Len(ctx, now)
	fmt.Println(bs[0].Contact, n, err)
	// Output: sip:alice@192.0.2.1 1 <nil>
}
