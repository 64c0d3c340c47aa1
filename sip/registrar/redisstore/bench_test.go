package redisstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/registrar/redisstore"
)

// BenchmarkRefresh measures against a real Redis on a unix socket, several
// requests at a time as a proxy has them.
func BenchmarkRefresh(b *testing.B) {
	s := redisstore.New(client(b, &redis.Options{Network: "unix", Addr: startRedis(b)}), redisstore.Config{})
	ctx, now := context.Background(), time.Now()
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for i := uint32(0); pb.Next(); i++ {
			err := s.Update(ctx, fmt.Sprint("sip:user", i%1000), now, func(bs []registrar.Binding) ([]registrar.Binding, error) {
				if len(bs) == 0 {
					bs = append(bs, registrar.Binding{Contact: "sip:alice@192.0.2.1:5060", Path: "<sip:AQEBwKgAARPEAAAAAAAAAAAAAAAA@10.0.0.1;lr;ob>"})
				}
				bs[0].CSeq, bs[0].Expires = i, now.Add(time.Hour)
				return bs, nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
