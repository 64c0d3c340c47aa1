package record

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"time"
)

// forwardTimeout bounds connecting, and each write: a peer that does not read
// loses the connection.
const forwardTimeout = 5 * time.Second

// Forward describes a connection that audio is sent to, as rtpengine does it:
// the metadata, an octet of zero, and from then on 16-bit little-endian
// samples.
type Forward struct {
	Addr     string      // host:port
	TLS      *tls.Config // nil: plain TCP
	Metadata string
	// Dial replaces the dialer; it is given a context that ends in time.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Sink returns a sink that connects when there is something to send.
func (f Forward) Sink() (Sink, error) {
	if _, _, err := net.SplitHostPort(f.Addr); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	if strings.ContainsRune(f.Metadata, 0) || len(f.Metadata) > MaxMetadata {
		return nil, fmt.Errorf("%w: metadata of %d octets, or with an octet of zero", ErrSpec, len(f.Metadata))
	}
	if f.Dial == nil {
		f.Dial = (&net.Dialer{}).DialContext
	}
	return &forward{Forward: f}, nil
}

type forward struct {
	Forward
	conn net.Conn
	buf  []byte
}

func (f *forward) connect() error {
	ctx, cancel := context.WithTimeout(context.Background(), forwardTimeout)
	defer cancel()
	conn, err := f.Dial(ctx, "tcp", f.Addr)
	if err != nil {
		return fmt.Errorf("record: forward: %w", err)
	}
	f.conn = conn
	if f.TLS != nil {
		c := f.TLS.Clone()
		if c.ServerName == "" {
			c.ServerName, _, _ = net.SplitHostPort(f.Addr)
		}
		t := tls.Client(conn, c)
		f.conn = t
		if err := t.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("record: forward: %w", err)
		}
	}
	f.buf = append(append(f.buf[:0], f.Metadata...), 0)
	return f.send()
}

func (f *forward) send() error {
	if err := f.conn.SetWriteDeadline(time.Now().Add(forwardTimeout)); err != nil {
		return fmt.Errorf("record: forward: %w", err)
	}
	if _, err := f.conn.Write(f.buf); err != nil {
		return fmt.Errorf("record: forward: %w", err)
	}
	return nil
}

// WritePCM implements Sink.
func (f *forward) WritePCM(pcm []int16) error {
	if f.conn == nil {
		if err := f.connect(); err != nil {
			return err
		}
	}
	f.buf = appendPCM(f.buf[:0], pcm)
	return f.send()
}

// Close implements Sink.
func (f *forward) Close() error {
	if f.conn == nil {
		return nil
	}
	return f.conn.Close()
}

func appendPCM(b []byte, pcm []int16) []byte {
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}
