package token

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is what a text in the place of a token is.
type Kind uint8

// What [Explain] tells apart.
const (
	KindToken     Kind = iota + 1 // made by Seal
	KindSignature                 // made by Sign
	KindSecret                    // made by SealSecret
)

// String returns the name of the kind, such as "token".
func (k Kind) String() string {
	switch k {
	case KindToken:
		return "token"
	case KindSignature:
		return "signature"
	case KindSecret:
		return "secret"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// ErrUnchecked means there was no ring to check a signature with, or that it
// covers more than the text shows.
var ErrUnchecked = errors.New("token: signature not checked")

// Explanation is what there is to know about a text. Everything but Err is what
// the text claims: believe it when Err is nil.
type Explanation struct {
	// Kind is what the text is; the fields that others have are zero.
	Kind Kind
	// Version is that of the format.
	Version int
	// KeyID names the key that must have made it.
	KeyID uint8
	// Purpose is the place it is made for, of tokens and secrets.
	Purpose Purpose
	// Flow is where a token leads.
	Flow Flow
	// Started and Connection are the two halves of Flow.Generation: when the edge
	// was started that has the connection, and which of its connections it is.
	Started    time.Time
	Connection uint32
	// Secret is the text of a secret, nil when it was not opened.
	Secret []byte
	// Err is nil when the signature holds, and else says why it does not, like
	// the errors of [Ring.Open], or [ErrUnchecked].
	Err error
}

// Explain takes a text apart that this package has made, to show it to people.
// With a ring it also checks it; bind is the text that stands beside it: the
// branch of a Via, the Call-ID of a Record-Route, nothing for a Path. The
// error is that of a text of no such form.
func Explain(text []byte, r *Ring, bind []byte) (Explanation, error) {
	if len(text) == SignatureLen {
		return explainSignature(text, r)
	}
	c, err := Inspect(text)
	if err == nil {
		e := Explanation{Kind: KindToken, Version: version, KeyID: c.KeyID, Purpose: c.Purpose, Flow: c.Flow, Err: ErrUnchecked}
		if c.Flow.Transport.Stream() {
			e.Started, e.Connection = time.Unix(int64(c.Flow.Generation>>32), 0).UTC(), uint32(c.Flow.Generation)
		}
		if r != nil {
			_, e.Err = r.Open(text, c.Purpose, bind)
		}
		return e, nil
	}
	id, serr := secretKeyID(text)
	if serr != nil {
		return Explanation{}, err
	}
	e := Explanation{Kind: KindSecret, Version: version, KeyID: id, Purpose: Contact, Err: ErrUnchecked}
	if r != nil {
		e.Secret, e.Err = r.OpenSecret(nil, text, bind)
	}
	return e, nil
}

// explainSignature tells about a signature all but whether it holds, which
// depends on a header field and the request around it.
func explainSignature(text []byte, r *Ring) (Explanation, error) {
	var raw [signature]byte
	id, err := decodeSignature(&raw, text)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Kind: KindSignature, Version: version, KeyID: id, Err: ErrUnchecked}
	if r != nil && r.keys.Load().byID[id] == nil {
		e.Err = ErrKey
	}
	return e, nil
}

// String is the explanation in lines of "name: value".
func (e Explanation) String() string {
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "%-11s %v\n", name+":", value) }
	line("kind", e.Kind)
	line("version", e.Version)
	line("key", e.KeyID)
	if e.Kind != KindSignature {
		line("purpose", e.Purpose)
	}
	if e.Kind == KindToken {
		line("transport", e.Flow.Transport)
		line("listener", e.Flow.Listener)
		line("remote", e.Flow.Remote)
		if e.Flow.Transport.Stream() {
			line("generation", fmt.Sprintf("%016x (edge started %s, connection %d)",
				e.Flow.Generation, e.Started.Format(time.RFC3339), e.Connection))
		}
	}
	if e.Secret != nil {
		line("text", fmt.Sprintf("%q", e.Secret))
	}
	if e.Err == nil {
		line("signature", "holds")
	} else {
		line("signature", strings.TrimPrefix(e.Err.Error(), "token: "))
	}
	return b.String()
}
