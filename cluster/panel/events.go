package panel

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	// beat is how often a quiet stream carries a comment, so that proxies keep
	// it and a gone browser is noticed.
	beat = 15 * time.Second
	// streamLife bounds a stream: the browser connects again, and who has been
	// logged out or locked meanwhile is out.
	streamLife = 5 * time.Minute
	// writeTime is how long a browser may take for one write.
	writeTime = 10 * time.Second
)

// events is the stream of changes. With view=overview it carries fragments of
// the overview, otherwise the bare event "changed".
func (p *Panel) events(w http.ResponseWriter, r *http.Request) {
	seen := r.Header.Get("Last-Event-ID")
	if seen == "" {
		seen = r.URL.Query().Get("seen")
	}
	overview := r.URL.Query().Get("view") == "overview"
	control := http.NewResponseController(w)
	// The server's limit for reading a request would end the stream.
	_ = control.SetReadDeadline(time.Time{})
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	begun := false
	send := func(s *state) error {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("X-Accel-Buffering", "no")
		}
		if err := control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if _, err := w.Write(event(s, overview)); err != nil {
			return err
		}
		return control.Flush()
	}
	if err := p.hub.listen(ctx, seen, beat, send); err != nil && !begun {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// event writes a state in the form of the HTML standard section 9.2; nil is a
// comment.
func event(s *state, overview bool) []byte {
	if s == nil {
		return []byte(": \n\n")
	}
	var b bytes.Buffer
	b.WriteString("id: " + s.id + "\n")
	if !overview {
		b.WriteString("event: changed\ndata: " + s.id + "\n\n")
		return b.Bytes()
	}
	for line := range bytes.Lines(s.overview) {
		b.WriteString("data: ")
		b.Write(bytes.TrimRight(line, "\r\n"))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.Bytes()
}
