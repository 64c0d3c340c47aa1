package call

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// What asks in time and out of time, with and without somebody who waits.
func TestBounded(t *testing.T) {
	for _, waited := range []bool{false, true} {
		for _, c := range []struct {
			name    string
			after   time.Duration
			cancel  bool
			want    error
			derived error
		}{
			{"in time", time.Second, false, nil, nil},
			{"late", 2 * time.Second, false, context.DeadlineExceeded, context.DeadlineExceeded},
			{"given up", time.Second, true, context.Canceled, context.Canceled},
		} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := (&Shared{Timeout: 2 * time.Second}).context()
				defer cancel()
				if at, ok := ctx.Deadline(); !ok || time.Until(at) != 2*time.Second {
					t.Errorf("deadline %v, %v", at, ok)
				}
				if waited {
					ctx.Done()
				}
				time.Sleep(c.after)
				synctest.Wait()
				if c.cancel {
					cancel()
				}
				if err := ctx.Err(); !errors.Is(err, c.want) {
					t.Errorf("%s, waited for %v: %v, not %v", c.name, waited, err, c.want)
				}
				sub, stop := context.WithCancel(ctx)
				defer stop()
				if err := sub.Err(); !errors.Is(err, c.derived) {
					t.Errorf("%s, waited for %v, context made of it: %v, not %v", c.name, waited, err, c.derived)
				}
				select {
				case <-ctx.Done():
					if c.want == nil {
						t.Errorf("%s, waited for %v: done", c.name, waited)
					}
				default:
					if c.want != nil {
						t.Errorf("%s, waited for %v: not done", c.name, waited)
					}
				}
			})
		}
	}
}

// A context made of it needs no goroutine, and ends with it.
func TestBoundedParent(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := (&Shared{Timeout: time.Hour}).context()
	sub, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	goleak.VerifyNone(t)
	cancel()
	<-sub.Done()
	if err := sub.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
