package node

import (
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/class5-go/class5/media/record"
)

// forwarded splits where audio is forwarded to.
func (c RecordingsConfig) forwarded() (addr string, secure bool, err error) {
	scheme, addr, _ := strings.Cut(c.Forward, "://")
	if scheme != "tcp" && scheme != "tls" {
		return "", false, fmt.Errorf("%w: recordings: forward: tcp://host:port or tls://host:port is needed", ErrConfig)
	}
	if _, err = (record.Forward{Addr: addr}).Sink(); err != nil {
		return "", false, fmt.Errorf("%w: recordings: forward: %w", ErrConfig, err)
	}
	return addr, scheme == "tls", nil
}

// forward makes the connections of start forwarding; nil: there are none.
func (c RecordingsConfig) forward() func(metadata string) (record.Sink, error) {
	if c.Forward == "" {
		return nil
	}
	return func(metadata string) (record.Sink, error) {
		addr, secure, err := c.forwarded()
		if err != nil {
			return nil, err
		}
		f := record.Forward{Addr: addr, Metadata: metadata}
		if secure {
			f.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		return f.Sink()
	}
}
