package panel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/html"
)

// watcher counts looks and gives the state set.
type watcher struct {
	mu    sync.Mutex
	id    string
	looks int
	err   error
}

func (w *watcher) watch(_ context.Context, last *state) (*state, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	if w.err != nil || last != nil && last.id == w.id {
		return nil, w.err
	}
	return &state{id: w.id}, nil
}

func (w *watcher) set(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.id = id
}

func (w *watcher) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looks
}

// listener collects the ids that a browser gets.
type listener struct {
	mu  sync.Mutex
	got []string
}

func (l *listener) send(s *state) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s == nil {
		l.got = append(l.got, ".")
	} else {
		l.got = append(l.got, s.id)
	}
	return nil
}

func (l *listener) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.got, " ")
}

// withHub runs a hub in a bubble of synthetic time.
func withHub(t *testing.T, limit int, test func(t *testing.T, h *hub, w *watcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &watcher{id: "1"}
		h := newHub(limit, w.watch)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := h.run(ctx); err != nil {
				t.Error(err)
			}
		})
		test(t, h, w)
		cancel()
		wg.Wait()
	})
}

func TestHubTellsWhatIsNew(t *testing.T) {
	withHub(t, 8, func(t *testing.T, h *hub, w *watcher) {
		time.Sleep(10*tick + tick/2)
		if w.count() != 0 {
			t.Error("the hub looked while nobody watched")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var fresh, late listener
		var wg sync.WaitGroup
		wg.Go(func() { _ = h.listen(ctx, "1", time.Minute, fresh.send) })
		wg.Go(func() { _ = h.listen(ctx, "0", time.Minute, late.send) })
		time.Sleep(5 * tick)
		w.set("2")
		time.Sleep(5 * tick)
		if fresh.String() != ". 2" || late.String() != ". 1 2" {
			t.Errorf("who was up to date got %q, who was not %q", &fresh, &late)
		}
		if n := w.count(); n != 10 {
			t.Errorf("%d looks in 10 s for two browsers", n)
		}
		time.Sleep(2 * time.Minute)
		if got := fresh.String(); got != ". 2 . ." {
			t.Errorf("a quiet stream got %q", got)
		}
		cancel()
		wg.Wait()
	})
}

func TestHubDropsTheOldest(t *testing.T) {
	withHub(t, 8, func(t *testing.T, h *hub, w *watcher) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var slow, quick listener
		var wg sync.WaitGroup
		wg.Go(func() {
			_ = h.listen(ctx, "", time.Hour, func(s *state) error {
				if s != nil {
					time.Sleep(5*tick + tick/2)
				}
				return slow.send(s)
			})
		})
		wg.Go(func() { _ = h.listen(ctx, "", time.Hour, quick.send) })
		time.Sleep(tick / 2)
		for i := 1; i <= 8; i++ {
			w.set(fmt.Sprint(i))
			time.Sleep(tick)
		}
		time.Sleep(20 * tick)
		if got := quick.String(); got != ". 1 2 3 4 5 6 7 8" {
			t.Errorf("the quick one got %q", got)
		}
		if got := slow.String(); !strings.HasPrefix(got, ". 1 ") || !strings.HasSuffix(got, " 8") || len(strings.Fields(got)) > 5 {
			t.Errorf("the slow one got %q", got)
		}
		cancel()
		wg.Wait()
	})
}

func TestHubLimit(t *testing.T) {
	withHub(t, 1, func(t *testing.T, h *hub, w *watcher) {
		ctx, cancel := context.WithCancel(t.Context())
		var l listener
		var wg sync.WaitGroup
		wg.Go(func() { _ = h.listen(ctx, "", time.Hour, l.send) })
		synctest.Wait()
		if err := h.listen(ctx, "", time.Hour, l.send); !errors.Is(err, errFull) {
			t.Error(err)
		}
		cancel()
		wg.Wait()
		gone := errors.New("browser is gone")
		if err := h.listen(t.Context(), "", time.Hour, func(*state) error { return gone }); !errors.Is(err, gone) {
			t.Error(err)
		}
	})
}

func TestHubEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(8, (&watcher{err: errDown}).watch)
		ctx, cancel := context.WithCancel(t.Context())
		var l listener
		var wg sync.WaitGroup
		wg.Go(func() { _ = h.run(ctx) })
		for range 3 {
			wg.Go(func() { _ = h.listen(t.Context(), "", time.Hour, l.send) })
		}
		time.Sleep(3 * tick)
		start := time.Now()
		cancel()
		wg.Wait()
		if time.Since(start) != 0 {
			t.Error("streams took", time.Since(start), "to end")
		}
		if err := h.listen(t.Context(), "", time.Hour, l.send); !errors.Is(err, errClosed) {
			t.Error(err)
		}
		if err := h.run(ctx); err == nil {
			t.Error("a hub ran twice")
		}
	})
}

func TestEvents(t *testing.T) {
	s := newSite(t)
	server := httptest.NewServer(s.panel)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.panel.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer wg.Wait()
	defer cancel()

	seen := attr(find(s.admin.get("/").doc(), anyStream), "hx-sse:connect")
	overview := s.open(server, seen)
	bare := s.open(server, "/events")
	if first := overview.event(); first != "" { // a comment: the page is up to date
		t.Errorf("first event %q", first)
	}
	bare.event()
	s.busy()
	for e := overview.event(); ; e = overview.event() {
		if strings.Contains(e, `<hx-partial hx-target="#calls"`) && strings.Contains(e, "call_id=live-1") && strings.Contains(e, "id: ") {
			break
		}
	}
	for e := bare.event(); ; e = bare.event() {
		if strings.Contains(e, "event: changed") {
			break
		}
	}
	cancel()
	for _, b := range []*wireStream{overview, bare} {
		if _, err := io.Copy(io.Discard, b.r); err != nil {
			t.Error("a stream did not end well:", err)
		}
		_ = b.body.Close()
	}
	a := s.admin.get("/events").want(http.StatusServiceUnavailable)
	if a.body != "" {
		t.Error("a refused stream has a body")
	}
}

// wireStream is a stream of events read by a test.
type wireStream struct {
	*testing.T
	body io.ReadCloser
	r    *bufio.Reader
}

func (s *site) open(server *httptest.Server, path string) *wireStream {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), "GET", server.URL+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	for _, c := range s.admin.cookies {
		r.AddCookie(c)
	}
	res, err := server.Client().Do(r)
	if err != nil {
		s.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		s.Fatal(res.Status, res.Header)
	}
	return &wireStream{s.T, res.Body, bufio.NewReader(res.Body)}
}

// event reads one event, "" for a comment.
func (s *wireStream) event() string {
	s.Helper()
	var b strings.Builder
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			s.Fatal(err)
		}
		if line == "\n" {
			return b.String()
		}
		if !strings.HasPrefix(line, ":") {
			b.WriteString(line)
		}
	}
}

func TestEventIsOneEvent(t *testing.T) {
	got := string(event(&state{id: "7", overview: []byte("<p>\nid: 8\r\n\n</p>")}, true))
	if want := "id: 7\ndata: <p>\ndata: id: 8\ndata: \ndata: </p>\n\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func anyStream(n *html.Node) bool { return hasAttr(n, "hx-sse:connect") }
