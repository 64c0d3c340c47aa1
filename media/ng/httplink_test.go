package ng_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
)

// TestHTTPConnectionBreaks: a request whose connection ends without a reply is
// made once more, with the same cookie; one that nobody answers in time is not.
func TestHTTPConnectionBreaks(t *testing.T) {
	for name, c := range map[string]struct {
		breaks int32 // connections
		hangs  bool
		asked  int
		ok     bool
	}{
		"never": {0, false, 1, true}, "once": {1, false, 2, true}, "always": {9, false, 2, false}, "no reply": {0, true, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan string, 16)
			release := make(chan struct{})
			var n atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				asked <- string(b)
				if n.Add(1) <= c.breaks {
					panic(http.ErrAbortHandler) // closes the connection
				}
				if c.hangs {
					<-release
				}
				cookie, _, _ := strings.Cut(string(b), " ")
				_, _ = io.WriteString(w, cookie+` {"result":"pong"}`)
			}))
			defer srv.Close()
			defer close(release)
			client, err := ng.NewClient(ng.ClientConfig{URL: srv.URL + "/ng", Format: ng.JSON, Timeout: 300 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if err := client.Ping(t.Context()); (err == nil) != c.ok {
				t.Errorf("%v", err)
			}
			first := <-asked
			if len(asked) != c.asked-1 {
				t.Fatalf("asked %d times", len(asked)+1)
			}
			if c.asked == 2 && <-asked != first {
				t.Error("asked with another cookie")
			}
		})
	}
}
