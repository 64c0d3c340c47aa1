package wire

import "strconv"

// Field is one header or the body to be written into a new message. Name counts when ID is HdrOther.
type Field struct {
	ID    HeaderID
	Name  string
	Value []byte
	body  bool
}

// Body is the Field that gives a message its body; a Content-Type goes with it.
func Body(contentType string, body []byte) Field {
	return Field{Name: contentType, Value: body, body: true}
}

// AppendResponse appends a response to req (RFC 3261 8.2.6): all Via lines as they came, From, To, Call-ID and CSeq,
// Record-Route too when the response may form a dialog (101 to 299 to INVITE, SUBSCRIBE, NOTIFY, REFER).
// Content-Length is always written.
//
// toTag is added to To when that has none; 100 gets no tag, an empty toTag adds none. reason "" means the standard
// phrase. An extra Field with ID HdrVia replaces the first Via value, which is how received and rport are filled
// in (see AppendViaReceived); all others are added behind the copied headers. req must be Answerable; what a refused
// request lacks, or has twice, the response lacks or has once. On error dst is returned as it was.
func AppendResponse(dst []byte, req *Message, code int, reason, toTag string, extra ...Field) ([]byte, error) {
	var b Builder
	b.Response(dst, code, reason)
	if !req.Answerable() {
		b.fail(ReasonMissingHeader)
		return b.End("", nil)
	}
	var body Field
	var topVia []byte
	for i := range extra {
		switch {
		case extra[i].body:
			body = extra[i]
		case extra[i].ID == HdrVia:
			topVia = extra[i].Value
		}
	}
	b.copyVias(req, topVia)
	if code > 100 && code < 300 && formsDialog(req.method) {
		b.Copy(req, HdrRecordRoute)
	}
	b.copyFirst(req, HdrFrom)
	b.copyTo(req, code, toTag)
	b.copyFirst(req, HdrCallID)
	b.copyFirst(req, HdrCSeq)
	for _, f := range extra {
		if !f.body && f.ID != HdrVia {
			b.Field(f)
		}
	}
	return b.End(body.Name, body.Value)
}

func formsDialog(m Method) bool {
	return m == INVITE || m == SUBSCRIBE || m == NOTIFY || m == REFER
}

// copyVias copies the Via lines, the first value replaced by top unless that is nil.
func (b *Builder) copyVias(req *Message, top []byte) {
	if top == nil {
		b.Copy(req, HdrVia)
		return
	}
	l := &req.lines[req.chains[HdrVia].first-1]
	b.Header(HdrVia, top)
	if at, _ := req.skipValues(HdrVia, l, 1); at < int(l.value.hi) {
		b.line(headers[HdrVia].name, req.b[at:l.value.hi])
	}
	for i := l.next; i != 0; i = req.lines[i-1].next {
		b.dst = append(b.dst, req.At(int(i)-1).Line...)
	}
}

// copyFirst copies the first line only: a refused request may have several.
func (b *Builder) copyFirst(req *Message, id HeaderID) {
	h, _ := req.First(id)
	b.dst = append(b.dst, h.Line...)
}

func (b *Builder) copyTo(req *Message, code int, tag string) {
	to, ok := req.First(HdrTo)
	if !ok || tag == "" || code == 100 || req.toTag.hi != 0 {
		b.dst = append(b.dst, to.Line...)
		return
	}
	b.dst = append(append(b.dst, headers[HdrTo].name...), ": "...)
	b.dst = append(append(b.dst, to.Value...), ";tag="...)
	b.dst = append(b.dst, tag...)
	b.dst = append(b.dst, "\r\n"...)
	if !isToken(tag) {
		b.fail(ReasonInserted)
	}
}

// AppendStatusLine appends "SIP/2.0 code reason" and CR LF; reason "" means the standard phrase.
func AppendStatusLine(dst []byte, code int, reason string) []byte {
	if reason == "" {
		reason = StatusText(code)
	}
	dst = strconv.AppendInt(append(dst, "SIP/2.0 "...), int64(code), 10)
	dst = append(append(dst, ' '), reason...)
	return append(dst, "\r\n"...)
}
