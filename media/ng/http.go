package ng

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// The names of the WebSocket subprotocols and of the media type.
const (
	protoNG      = "ng.rtpengine.com"
	protoNGPlain = "ng-plain.rtpengine.com"
	protoCLI     = "cli.rtpengine.com"
	protoEcho    = "echo.rtpengine.com"
	mediaType    = "application/x-rtpengine-ng"
)

// HTTPHandler serves the protocol over HTTP and WebSocket:
//
//	POST /ng        a message with cookie
//	POST /ng-plain  a dictionary alone
//	GET  /ping      pong
//	GET  /cli/LINE, POST /cli   the text commands
//
// and WebSocket connections at any path with the subprotocols ng.rtpengine.com,
// ng-plain.rtpengine.com, cli.rtpengine.com and echo.rtpengine.com. Without TLS
// it serves the clients of Config.Allow, with TLS those that show Config.Token.
func (s *Server) HTTPHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "pong") })
	mux.HandleFunc("POST /ng", func(w http.ResponseWriter, r *http.Request) { s.post(w, r, s.frame) })
	mux.HandleFunc("POST /ng-plain", func(w http.ResponseWriter, r *http.Request) { s.post(w, r, s.bare) })
	mux.HandleFunc("GET /cli/{line...}", func(w http.ResponseWriter, r *http.Request) {
		line, err := url.QueryUnescape(r.PathValue("line"))
		if err != nil {
			http.Error(w, "malformed command", http.StatusBadRequest)
			return
		}
		s.command(w, r, line)
	})
	mux.HandleFunc("POST /cli", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4096))
		if err != nil {
			http.Error(w, "command too long", http.StatusRequestEntityTooLarge)
			return
		}
		s.command(w, r, string(b))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := s.authorize(r); status != 0 {
			s.stats.refused.Add(1)
			http.Error(w, http.StatusText(status), status)
			return
		}
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			s.webSocket(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// authorize returns the status to refuse with, or 0.
func (s *Server) authorize(r *http.Request) int {
	if r.TLS == nil {
		if !s.allowed(remote(r).Addr()) {
			return http.StatusForbidden
		}
		return 0
	}
	if s.cfg.Token == "" {
		return http.StatusForbidden
	}
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(s.cfg.Token))
	if !ok || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return http.StatusUnauthorized
	}
	return 0
}

func remote(r *http.Request) netip.AddrPort {
	a, _ := netip.ParseAddrPort(r.RemoteAddr)
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// bare is frame for messages without cookie.
func (s *Server) bare(ctx context.Context, b []byte, from netip.AddrPort) []byte {
	return s.Answer(ctx, b, from, false)
}

type answer func(ctx context.Context, b []byte, from netip.AddrPort) []byte

func (s *Server) post(w http.ResponseWriter, r *http.Request, answer answer) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxMessage+maxCookie+1))
	if err != nil {
		s.stats.malformed.Add(1)
		http.Error(w, "message too large", http.StatusRequestEntityTooLarge)
		return
	}
	reply := answer(r.Context(), b, remote(r))
	if reply == nil {
		http.Error(w, "malformed message", http.StatusBadRequest)
		return
	}
	kind := r.Header.Get("Content-Type")
	if kind == "" {
		kind = mediaType
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(reply)
}

func (s *Server) command(w http.ResponseWriter, r *http.Request, line string) {
	if s.cfg.CLI == nil {
		http.NotFound(w, r)
		return
	}
	out, err := s.cfg.CLI(r.Context(), strings.TrimSpace(line))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, out)
}

func (s *Server) webSocket(w http.ResponseWriter, r *http.Request) {
	select {
	case s.conns <- struct{}{}:
	default:
		s.stats.refused.Add(1)
		http.Error(w, "too many connections", http.StatusServiceUnavailable)
		return
	}
	defer func() { <-s.conns }()
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{protoNG, protoNGPlain, protoCLI, protoEcho}, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return // answered by Accept
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(MaxMessage + maxCookie + 1)
	for {
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.IdleTimeout)
		kind, b, err := c.Read(ctx)
		cancel()
		if err != nil {
			return
		}
		reply, ok := s.message(r, c.Subprotocol(), b)
		if !ok {
			_ = c.Close(websocket.StatusUnsupportedData, "no such subprotocol")
			return
		}
		if reply == nil {
			continue
		}
		ctx, cancel = context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Second)
		err = c.Write(ctx, kind, reply)
		cancel()
		if err != nil {
			return
		}
	}
}

// message answers one WebSocket message; false for a connection without a
// subprotocol of ours.
func (s *Server) message(r *http.Request, proto string, b []byte) ([]byte, bool) {
	ctx := context.WithoutCancel(r.Context()) // what was read is answered
	switch proto {
	case protoNG:
		return s.frame(ctx, b, remote(r)), true
	case protoNGPlain:
		return s.bare(ctx, b, remote(r)), true
	case protoEcho:
		return b, true
	case protoCLI:
		if s.cfg.CLI == nil {
			return nil, false
		}
		out, err := s.cfg.CLI(ctx, strings.TrimSpace(string(b)))
		if err != nil {
			out = err.Error() + "\n"
		}
		return []byte(out), true
	}
	return nil, false
}
