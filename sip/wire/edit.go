package wire

import "strconv"

// Edit is a plan of changes against one Message, carried out by Message.Append. It is meant to be reused: Reset
// keeps its memory, and inserted octets are copied into it.
//
// Every operation names places in the message as it was parsed, not as earlier operations left it: a line pushed
// by Prepend is not removed by a later RemoveAll. Removing a header wins over changing its values. Values with CR,
// LF, NUL or another control character except HTAB make Append fail with ReasonInserted.
type Edit struct {
	ops    []op
	arena  []byte
	err    Reason
	ensure bool // EnsureContentLength was called
	body   int  // index + 1 of the SetBody that counts
	seen   [numSuperseding]idSet

	patches []patch // scratch of Append
}

type opKind uint8

// Of the first kinds only the last operation with the same header counts; several of opRemoveFirstValue are kept as one.
const (
	opRequestURI opKind = iota
	opStatusLine
	opSet
	opReplaceFirstValue
	opRemoveFirstValue
	numSuperseding

	opPrepend opKind = iota - 1
	opAdd
	opRemoveAll
	opRemoveName
	opBody
)

// op is one operation. Its texts lie in the arena: whole lines for what inserts lines, else the octets that replace
// others.
type op struct {
	kind opKind
	id   HeaderID
	dead bool   // a later one counts
	n    uint16 // values to remove
	name span   // name to remove, or Content-Type of a body
	text span
}

// idSet is a set of headers.
type idSet [(numHeaders + 63) / 64]uint64

func (s *idSet) has(id HeaderID) bool { return s[id>>6]&(1<<(id&63)) != 0 }
func (s *idSet) add(id HeaderID)      { s[id>>6] |= 1 << (id & 63) }

// Reset empties the plan.
func (e *Edit) Reset() {
	e.ops, e.arena, e.err = e.ops[:0], e.arena[:0], ReasonNone
	e.ensure, e.body, e.seen = false, 0, [numSuperseding]idSet{}
}

// RequestURI replaces the Request-URI.
func (e *Edit) RequestURI(uri []byte) {
	for _, c := range uri {
		if c == ' ' || c == '\t' {
			e.err = ReasonInserted
		}
	}
	if len(uri) == 0 {
		e.err = ReasonInserted
	}
	text := e.keep(uri)
	e.supersede(opRequestURI, HdrOther).text = text
}

// StatusLine replaces status code and reason phrase of a response.
func (e *Edit) StatusLine(code int, reason string) {
	if code < 100 || code > 699 {
		e.err = ReasonStatusCode
		return
	}
	lo := len(e.arena)
	e.arena = append(strconv.AppendInt(e.arena, int64(code), 10), ' ')
	e.arena = append(e.arena, reason...)
	e.check(e.arena[lo:])
	e.supersede(opStatusLine, HdrOther).text = mkspan(lo, len(e.arena))
}

// Prepend puts a new line in front of the first line of id, in front of all headers if there is none. A second
// Prepend of the same id goes above the first.
func (e *Edit) Prepend(id HeaderID, value []byte) {
	id = e.known(id)
	text := e.line(headers[id].name, value)
	e.add(opPrepend, id).text = text
}

// Add puts a new line behind the last header.
func (e *Edit) Add(name string, value []byte) {
	if !isToken(name) {
		e.err = ReasonInserted
	}
	text := e.line(name, value)
	e.add(opAdd, HdrOther).text = text
}

// Set gives the first line of id this value and drops its further lines. A header that is absent is added behind
// the last one. The last Set of an id counts.
func (e *Edit) Set(id HeaderID, value []byte) {
	id = e.known(id)
	text := e.line(headers[id].name, value)
	e.supersede(opSet, id).text = text
}

// RemoveAll removes every line of id.
func (e *Edit) RemoveAll(id HeaderID) { e.add(opRemoveAll, e.known(id)) }

// RemoveName removes every line with this name in any case, long or compact.
func (e *Edit) RemoveName(name string) {
	if id := lookup(name); id != HdrOther {
		e.RemoveAll(id)
		return
	}
	lo := len(e.arena)
	e.arena = append(e.arena, name...)
	e.add(opRemoveName, HdrOther).name = mkspan(lo, len(e.arena))
}

// RemoveFirstValue removes the first comma-separated value of id that is left; the line goes with its last value.
// Called twice, it removes two.
func (e *Edit) RemoveFirstValue(id HeaderID) {
	if id = e.known(id); e.seen[opRemoveFirstValue].has(id) {
		e.find(opRemoveFirstValue, id).n++
		return
	}
	e.seen[opRemoveFirstValue].add(id)
	e.add(opRemoveFirstValue, id).n = 1
}

// ReplaceFirstValue replaces the first value of id that RemoveFirstValue leaves. Without any it does nothing.
func (e *Edit) ReplaceFirstValue(id HeaderID, value []byte) {
	text := e.keep(value)
	e.supersede(opReplaceFirstValue, e.known(id)).text = text
}

// EnsureContentLength adds a Content-Length when the message has none, as a message needs that came in a datagram
// and leaves on a stream.
func (e *Edit) EnsureContentLength() { e.ensure = true }

// SetBody replaces the body and sets Content-Length. A contentType of "" leaves Content-Type alone; an empty body
// removes it. The last SetBody counts, and counts more than a Set of these headers.
func (e *Edit) SetBody(contentType string, body []byte) {
	lo := len(e.arena)
	e.arena = append(e.arena, contentType...)
	e.check(e.arena[lo:])
	mid := len(e.arena)
	e.arena = append(e.arena, body...)
	e.body = len(e.ops) + 1
	o := e.add(opBody, HdrOther)
	o.name, o.text = mkspan(lo, mid), mkspan(mid, len(e.arena))
}

// add appends an operation, to be filled in before the next one.
func (e *Edit) add(kind opKind, id HeaderID) *op {
	n := len(e.ops)
	if n == cap(e.ops) {
		e.ops = append(e.ops, op{})
	}
	e.ops = e.ops[:n+1]
	o := &e.ops[n]
	o.kind, o.id, o.dead, o.n, o.name, o.text = kind, id, false, 0, span{}, span{}
	return o
}

// supersede is add, and strikes out what the operation takes the place of.
func (e *Edit) supersede(kind opKind, id HeaderID) *op {
	if e.seen[kind].has(id) {
		e.find(kind, id).dead = true
	}
	e.seen[kind].add(id)
	return e.add(kind, id)
}

// find is the live operation of a kind that keeps one for each header, and which has one for id.
func (e *Edit) find(kind opKind, id HeaderID) *op {
	i := len(e.ops) - 1
	for i > 0 && (e.ops[i].kind != kind || e.ops[i].id != id || e.ops[i].dead) {
		i--
	}
	return &e.ops[i]
}

// line checks a header value and writes its line into the arena.
func (e *Edit) line(name string, value []byte) span {
	e.check(value)
	lo := len(e.arena)
	e.arena = append(append(append(e.arena, name...), ": "...), value...)
	e.arena = append(e.arena, "\r\n"...)
	return mkspan(lo, len(e.arena))
}

// keep checks a header value and copies it into the arena.
func (e *Edit) keep(value []byte) span {
	e.check(value)
	lo := len(e.arena)
	e.arena = append(e.arena, value...)
	return mkspan(lo, len(e.arena))
}

func (e *Edit) check(value []byte) {
	if !insertable(value) {
		e.err = ReasonInserted
	}
}

func (e *Edit) known(id HeaderID) HeaderID {
	if id == HdrOther || id >= numHeaders {
		e.err = ReasonHeaderName
		return HdrOther
	}
	return id
}

// insertable reports whether value may stand in a header line: nothing in it ends the line or is refused by Parse.
func insertable(value []byte) bool {
	for i := 0; ; i++ {
		if i = nextControl(value, i); i == len(value) {
			return true
		}
		if value[i] != '\t' {
			return false
		}
	}
}
