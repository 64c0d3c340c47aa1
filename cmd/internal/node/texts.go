package node

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"github.com/class5-go/class5/sip/guard"
)

// texts are the values with a syntax of their own, with readers whose
// complaints quote what they could not read.
func texts() []yaml.DecodeOption {
	return []yaml.DecodeOption{
		yaml.CustomUnmarshaler(address),
		yaml.CustomUnmarshaler(func(p *netip.Prefix, value []byte) error {
			var err error
			*p, err = parsePrefix(plain(value))
			return err
		}),
		yaml.CustomUnmarshaler(func(r *guard.Rate, value []byte) error { return quoted(r, value) }),
		yaml.CustomUnmarshaler(func(r *guard.Rule, value []byte) error { return quoted(r, value) }),
	}
}

// parsePrefix reads a prefix, or an address as the prefix of itself alone.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().Prefix(addr.Unmap().BitLen())
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%q is no address or prefix", text)
	}
	return p.Masked(), nil
}

func plain(value []byte) string { return strings.Trim(strings.TrimSpace(string(value)), `"'`) }

// quoted reads a text of package guard.
func quoted(to interface{ UnmarshalText([]byte) error }, value []byte) error {
	text := plain(value)
	if err := to.UnmarshalText([]byte(text)); err != nil {
		return errors.Join(fmt.Errorf("%q", text), err)
	}
	return nil
}

// secondDocument is the line on which a document begins after another one, or 0.
func secondDocument(text []byte) int {
	begun := false
	for _, t := range lexer.Tokenize(string(text)) {
		switch t.Type {
		case token.DocumentHeaderType:
			if begun {
				return t.Position.Line
			}
		case token.CommentType, token.DirectiveType:
		default:
			begun = true
		}
	}
	return 0
}
