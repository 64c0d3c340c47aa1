package shard_test

import (
	"context"
	"fmt"
	"time"

	"github.com/class5-go/class5/sip/shard"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

type counter struct{ n int }

func (c *counter) Receive(time.Time, *wire.Message, transport.Flow) { c.n++ }
func (c *counter) Advance(time.Time) (time.Time, bool)              { return time.Time{}, false }
func (c *counter) Close(time.Time)                                  {}

func ExamplePool() {
	pool := shard.New(shard.Config{Shards: 4}, func(int, *shard.Sender) shard.Core { return &counter{} })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	_ = pool.Do(ctx, "call-1@example.com", func(time.Time, shard.Core) { fmt.Println("on the goroutine of the call"); close(done) })
	go func() { <-done; cancel() }()
	_ = pool.Run(ctx)
	// Output: on the goroutine of the call
}
