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
	return o.profileAfter(ctx, t, o.warm)
}

// profileAfter is profileOf after another time.
func (o *options) profileAfter(ctx context.Context, t *target.Target, wait time.Duration) (done func()) {
	if o.profile == "" || !t.Admin.IsValid() {
		return func() {}
	}
	var g sync.WaitGroup
	g.Go(func() {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		b, err := admin(ctx, t, fmt.Sprintf("/debug/pprof/profile?seconds=%d", max(int(math.Round(o.measure.Seconds())), 1)))
		if err == nil {
			_ = os.WriteFile(o.profile, b, 0o600)
		}
	})
	return g.Wait
}

// admin reads a page that ours serves.
func admin(ctx context.Context, t *target.Target, page string) ([]byte, error) {
	transport := &http.Transport{DialContext: t.Dial}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%v%s", t.Admin, page), nil)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", page, resp.Status)
	}
	return io.ReadAll(resp.Body)
}
