package transport

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

const (
	upgradeMax    = 8 << 10 // bytes of the HTTP request's head
	subprotocol   = "sip"   // RFC 7118 section 4
	webSocketGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
)

// upgrade turns an HTTP connection into a WebSocket (RFC 6455 section 4.2).
// Bytes read beyond the request stay in the buffer.
func (c *conn) upgrade() error {
	head, err := c.readHead()
	if err != nil {
		return err
	}
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	status := http.StatusBadRequest
	if err == nil {
		status, err = checkUpgrade(req, c.l.cfg.Origins)
	}
	if err != nil {
		_, _ = fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nSec-WebSocket-Version: 13\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
			status, http.StatusText(status))
		return err
	}
	_, err = fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
		acceptKey(req.Header.Get("Sec-WebSocket-Key")), subprotocol)
	if c.buf.r == c.buf.w {
		c.release()
	} else {
		c.buf.compact()
	}
	return err
}

// readHead reads until the empty line that ends an HTTP request's head.
func (c *conn) readHead() ([]byte, error) {
	c.buf = c.e.bufs.get(1)
	for {
		from := max(c.buf.w-3, 0) // the empty line may be cut by two reads
		n, err := c.Read(c.buf.b[c.buf.w:upgradeMax])
		c.buf.w += n
		if i := bytes.Index(c.buf.b[from:c.buf.w], []byte("\r\n\r\n")); i >= 0 {
			c.buf.r = from + i + 4
			return c.buf.b[:c.buf.r], nil
		}
		if err != nil {
			return nil, err
		}
		if c.buf.w == upgradeMax {
			return nil, errors.New("transport: HTTP request too long")
		}
	}
}

// checkUpgrade returns the HTTP status for a request that is no handshake for us.
func checkUpgrade(req *http.Request, origins []string) (int, error) {
	h := req.Header
	key, err := base64.StdEncoding.DecodeString(h.Get("Sec-WebSocket-Key"))
	switch {
	case req.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, errors.New("transport: WebSocket handshake: method")
	case !req.ProtoAtLeast(1, 1):
		return http.StatusBadRequest, errors.New("transport: WebSocket handshake: HTTP version")
	case !hasToken(h, "Upgrade", "websocket"), !hasToken(h, "Connection", "upgrade"):
		return http.StatusUpgradeRequired, errors.New("transport: WebSocket handshake: no upgrade")
	case h.Get("Sec-WebSocket-Version") != "13":
		return http.StatusUpgradeRequired, errors.New("transport: WebSocket handshake: version")
	case err != nil || len(key) != 16:
		return http.StatusBadRequest, errors.New("transport: WebSocket handshake: key")
	case !hasToken(h, "Sec-WebSocket-Protocol", subprotocol):
		return http.StatusBadRequest, errors.New("transport: WebSocket handshake: no subprotocol sip")
	case !originAllowed(h.Get("Origin"), origins):
		return http.StatusForbidden, errors.New("transport: WebSocket handshake: origin")
	}
	return 0, nil
}

// hasToken looks in a comma-separated list that may be spread over lines.
func hasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

func originAllowed(origin string, allowed []string) bool {
	for _, a := range allowed {
		if strings.EqualFold(a, origin) {
			return true
		}
	}
	return len(allowed) == 0
}

// acceptKey proves that the handshake was understood; SHA-1 is what the RFC
// asks for and protects nothing here.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + webSocketGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}
