package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/target"
)

// profileOf asks for a profile of the measured part and returns what waits for
// it. Without -profile, and for elements that are not ours, both do nothing.
// That no profile came is seen by the file that is not there.
func (o *options) profileOf(ctx context.Context, t *target.Target) (wait func()) {
	if o.profile == "" || !t.Admin.IsValid() {
		return func() {}
	}
	var g sync.WaitGroup
	g.Go(func() {
		select {
		case <-time.After(o.warm):
		case <-ctx.Done():
			return
		}
		url := fmt.Sprintf("http://%v/debug/pprof/profile?seconds=%d", t.Admin, max(int(math.Round(o.measure.Seconds())), 1))
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err == nil {
			_ = os.WriteFile(o.profile, b, 0o600)
		}
	})
	return g.Wait
}
