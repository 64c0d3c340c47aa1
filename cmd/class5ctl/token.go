package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/class5-go/class5/cmd/internal/node"
	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/token"
)

// explain shows what a token says, and with keys whether it is true.
func (c *command) explain(args []string) error {
	f := c.flags()
	keys := f.String("keys", "", "")
	bind := f.String("bind", "", "")
	mn := f.String("mn", "", "")
	rest, err := parse(f, args, "TOKEN")
	if err != nil {
		return err
	}
	var ring *token.Ring
	if *keys != "" {
		all, err := node.KeyFile(*keys)
		if err != nil {
			return err
		}
		if ring, err = token.New(all[0], all[1:]...); err != nil {
			return fmt.Errorf("%w: %w", node.ErrConfig, err)
		}
	}
	e, err := token.Explain([]byte(rest[0]), ring, relay.BoundTo([]byte(*bind), []byte(*mn)))
	if err != nil {
		return err
	}
	if c.json {
		err = c.encode(explained(e))
	} else {
		_, err = fmt.Fprint(c.out, e.String())
	}
	if err != nil {
		return err
	}
	// What was not asked for is no failure; what does not hold is.
	if e.Err != nil && !errors.Is(e.Err, token.ErrUnchecked) {
		if to := boundTo(e); *bind == "" && to != "" {
			return fmt.Errorf("%w without -bind: this one is bound to %s, and to the parameter mn beside it (-mn) if there is one", e.Err, to)
		}
		return e.Err
	}
	return nil
}

// boundTo is what a token of its place is bound to, "" for nothing.
func boundTo(e token.Explanation) string {
	switch {
	case e.Kind != token.KindToken:
	case e.Purpose == token.RecordRoute:
		return "the Call-ID"
	case e.Purpose == token.Via:
		return "the branch of its Via"
	}
	return ""
}

// explained is an explanation for machines.
func explained(e token.Explanation) map[string]any {
	m := map[string]any{"kind": e.Kind.String(), "version": e.Version, "key": e.KeyID, "holds": e.Err == nil}
	if e.Err != nil {
		m["error"] = e.Err.Error()
	}
	if e.Kind != token.KindSignature {
		m["purpose"] = e.Purpose.String()
	}
	if e.Kind == token.KindToken {
		m["transport"], m["listener"], m["remote"] = e.Flow.Transport.String(), e.Flow.Listener, e.Flow.Remote.String()
		if e.Flow.Transport.Stream() {
			m["generation"] = fmt.Sprintf("%016x", e.Flow.Generation)
			m["started"], m["connection"] = e.Started.Format(time.RFC3339), e.Connection
		}
	}
	if e.Secret != nil {
		m["text"] = string(e.Secret)
	}
	return m
}
