package live_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/class5-go/class5/cluster/live"
)

// A web node reads two proxies as if they were one.
func ExampleJoin() {
	source := live.Join(
		live.NewClient("http://127.0.0.1:1", "shared secret", http.DefaultClient),
		live.NewClient("http://127.0.0.1:2", "shared secret", http.DefaultClient),
	)
	counts, err := source.Counts(context.Background())
	fmt.Println(len(counts.Missing), "nodes do not answer:", err != nil)
	// Output: 2 nodes do not answer: true
}
