package sipgomsg

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/class5-go/class5/sip/wire"
)

// ErrIncomplete is returned for a message that is neither a request nor a response of sipgo's.
var ErrIncomplete = errors.New("sipgomsg: neither request nor response")

// AppendMessage appends msg in wire form to dst. Content-Length is that of the body, whatever msg says. A field with
// CR, LF, NUL or another control character is refused with a *wire.Error; dst is then returned as it was.
func AppendMessage(dst []byte, msg sip.Message) ([]byte, error) {
	var b wire.Builder
	switch msg := msg.(type) {
	case *sip.Request:
		b.Request(dst, string(msg.Method), []byte(msg.Recipient.String()))
	case *sip.Response:
		b.Response(dst, msg.StatusCode, msg.Reason)
	default:
		return dst, ErrIncomplete
	}
	contentType := ""
	for _, h := range headersOf(msg) {
		switch name := h.Name(); {
		case strings.EqualFold(name, "Content-Length"), strings.EqualFold(name, "l"):
		case strings.EqualFold(name, "Content-Type"), strings.EqualFold(name, "c"):
			contentType = h.Value()
		default:
			b.Named(name, []byte(h.Value()))
		}
	}
	out, err := b.End(contentType, msg.Body())
	if err != nil {
		return dst, fmt.Errorf("sipgomsg: %w", err)
	}
	return out, nil
}

func headersOf(msg sip.Message) []sip.Header {
	switch msg := msg.(type) {
	case *sip.Request:
		return msg.Headers()
	case *sip.Response:
		return msg.Headers()
	}
	return nil
}
