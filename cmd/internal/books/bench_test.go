package books

import (
	"fmt"
	"testing"
	"time"

	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/internal/dbtest"
)

var mariadb dbtest.Server

// BenchmarkHook stores batches of 500 records of many customers that pay for them.
func BenchmarkHook(b *testing.B) {
	for _, engine := range []string{"sqlite", "mariadb"} {
		for _, customers := range []int{10, 500} {
			b.Run(fmt.Sprintf("%s/%d", engine, customers), func(b *testing.B) {
				dsn := ""
				if engine == "mariadb" {
					dsn = "mysql:" + mariadb.Database(b)
				}
				o := openOffice(b, directory.Terms{FreeTime: 6_000_000}, dsn)
				ids := []int64{o.customer}
				for len(ids) < customers {
					c, err := o.store.Customers().Create(b.Context(), directory.Customer{Name: "c", BillingProfileID: o.profile})
					o.ok(err)
					ids = append(ids, c.ID)
				}
				o.now = o.now.Add(24 * time.Hour)
				batch := func() []ship.Record {
					list := make([]ship.Record, 500)
					for i := range list {
						o.customer = ids[i%len(ids)]
						list[i] = o.call("4312", 60)
					}
					return list
				}
				o.ok(o.records.Store(b.Context(), ship.Batch{Records: batch()}))
				b.ResetTimer()
				for b.Loop() {
					b.StopTimer()
					list := batch()
					b.StartTimer()
					o.ok(o.records.Store(b.Context(), ship.Batch{Records: list}))
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/500, "us/record")
			})
		}
	}
}
