package wire

import "bytes"

// Frame is what Framer.Next found.
type Frame uint8

// The kinds of Frame.
const (
	FrameMore    Frame = iota // nothing more in what was fed
	FrameMessage              // a whole message
	FrameCRLF                 // CR LF between messages: first half of a ping, or a pong (RFC 5626 4.4.1)
	FramePing                 // a second CR LF in a row: a ping that wants one CR LF as answer
)

// Framer cuts the octets of a stream into messages by their Content-Length. It holds at most one partial message,
// never more than Limits.Message octets, and no memory between messages. An octet is looked at a constant number
// of times however the stream was cut into reads.
//
//	f.Feed(chunk)
//	for {
//		frame, msg, err := f.Next()
//		if err != nil || frame == wire.FrameMore {
//			break
//		}
//		...
//	}
//
// After an error nobody knows where the next message starts: answer if Refused allows it, and close.
type Framer struct {
	Limits *Limits // nil means the defaults

	in      []byte // fed and not consumed, lent by the caller of Feed
	held    []byte // message under assembly, or the one returned last when done
	done    bool
	need    int  // length of the message once its head is read, else 0
	crlf    bool // one CR LF was consumed last
	err     *Error
	refused []byte
}

// Feed lends p to the Framer until Next has returned FrameMore or an error, which must have happened to what was
// fed before.
func (f *Framer) Feed(p []byte) { f.in = p }

// Buffered is the number of octets held of a message that is not complete.
func (f *Framer) Buffered() int {
	if f.done {
		return 0
	}
	return len(f.held)
}

// Refused is, after an error, the start of the refused message. Message.Parse will refuse it too and tell whether it
// can be answered. It is valid like a message.
func (f *Framer) Refused() []byte { return f.refused }

// Next returns the next message or line end. msg lies in the octets fed or in memory of the Framer and is valid until
// the next call of Next or Feed. Errors are *Error and final.
func (f *Framer) Next() (frame Frame, msg []byte, err error) {
	if f.done {
		f.held, f.done = nil, false
	}
	for f.err == nil && len(f.in) > 0 {
		if len(f.held) == 0 && len(f.in) >= 2 && f.in[0] == '\r' && f.in[1] == '\n' {
			f.in = f.in[2:]
			return f.lineEnd()
		}
		if len(f.held) == 0 && f.direct() {
			msg, f.in = f.in[:f.need:f.need], f.in[f.need:]
			f.need, f.crlf = 0, false
			return FrameMessage, msg, nil
		}
		if f.err != nil {
			break
		}
		switch f.assemble() {
		case FrameCRLF:
			return f.lineEnd()
		case FrameMessage:
			f.need, f.crlf, f.done = 0, false, true
			return FrameMessage, f.held, nil
		}
	}
	f.in = nil
	if f.err != nil {
		return FrameMore, nil, f.err
	}
	return FrameMore, nil, nil
}

func (f *Framer) lineEnd() (Frame, []byte, error) {
	f.crlf = !f.crlf
	if f.crlf {
		return FrameCRLF, nil, nil
	}
	return FramePing, nil, nil
}

// direct measures a message whose head lies whole in the octets fed and reports whether its body does so too.
func (f *Framer) direct() bool {
	end := bytes.Index(f.in, []byte("\r\n\r\n"))
	if end < 0 {
		return false
	}
	f.measure(f.in[:end+4])
	if f.err == nil && f.need <= len(f.in) {
		return true
	}
	if f.err == nil {
		f.take(len(f.in))
	}
	return false
}

// assemble moves octets fed to the message under assembly: line by line in its head, so that none of the next
// message comes along, then as many as Content-Length says.
func (f *Framer) assemble() Frame {
	if f.need > 0 {
		f.take(min(len(f.in), f.need-len(f.held)))
		if len(f.held) == f.need {
			return FrameMessage
		}
		return FrameMore
	}
	n := bytes.IndexByte(f.in, '\n') + 1
	if n == 0 {
		n = len(f.in)
	}
	limit := f.Limits.orDefaults().Message
	if len(f.held)+n > limit {
		f.fail(ReasonTooLarge, limit, f.held)
		return FrameMore
	}
	f.take(n)
	switch {
	case len(f.held) == 2 && string(f.held) == "\r\n":
		f.held = nil
		return FrameCRLF
	case bytes.HasSuffix(f.held, []byte("\r\n\r\n")):
		f.measure(f.held)
		if f.err == nil && f.need == len(f.held) {
			return FrameMessage
		}
	}
	return FrameMore
}

func (f *Framer) take(n int) {
	f.held = append(f.held, f.in[:n]...)
	f.in = f.in[n:]
}

// measure reads the length of the message from its head.
func (f *Framer) measure(head []byte) {
	n, r, at := headLength(head)
	limit := f.Limits.orDefaults().Message
	switch {
	case len(head) > limit:
		f.fail(ReasonTooLarge, limit, head[:limit])
	case r != ReasonNone:
		f.fail(r, at, head)
	case n > limit-len(head):
		f.fail(ReasonTooLarge, limit, head)
	default:
		f.need = len(head) + n
	}
}

func (f *Framer) fail(r Reason, at int, head []byte) {
	f.err = &Error{Reason: r, Offset: at, Status: r.status()}
	f.refused = head
}

// headLength reads Content-Length from head, which ends with an empty line. It finds header lines the way
// Message.Parse does, so that both see the same message.
func headLength(head []byte) (n int, r Reason, at int) {
	n = -1
	for at < len(head) {
		end := at
		for {
			end = nextControl(head, end)
			if end == len(head) {
				return 0, ReasonNoEnd, end
			}
			if head[end] == '\r' && end+1 < len(head) && head[end+1] == '\n' {
				if end+2 == len(head) || head[end+2] != ' ' && head[end+2] != '\t' || end == at {
					break
				}
				end++
			} else if head[end] == '\r' || head[end] == '\n' {
				return 0, controlReason(head[end]), end
			}
			end++
		}
		if lo, ok := headerValue(head, at, end, HdrContentLength); ok {
			v, ok := number(head[lo:trimEnd(head, lo, end)], 1<<31-1)
			switch {
			case !ok:
				return 0, ReasonContentLength, lo
			case n >= 0:
				return 0, secondLength(n, int(v)), lo
			}
			n = int(v)
		}
		at = end + 2
	}
	if n < 0 {
		return 0, ReasonContentLengthMissing, len(head)
	}
	return n, ReasonNone, 0
}

// headerValue is the start of the value of the header line b[at:end] if that has the name of id.
func headerValue(b []byte, at, end int, id HeaderID) (lo int, ok bool) {
	i := skip(b[:end], at, clToken)
	if LookupHeader(b[at:i]) != id {
		return 0, false
	}
	for i < end && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	if i == end || b[i] != ':' {
		return 0, false
	}
	return skipLWS(b[:end], i+1), true
}
