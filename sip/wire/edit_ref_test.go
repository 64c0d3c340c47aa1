package wire

import (
	"fmt"
	"slices"
	"strings"
)

// This file edits messages a second time: with strings, line by line, sharing nothing with the package but the list of
// names. It is slow and short, and the fuzz test wants both to give the same octets.

type refHeader struct {
	key   string // canonical long name, or the name in lower case
	raw   string // as it came, CR LF included
	value int    // where the value starts in raw
	gone  bool
	pre   []string // lines in front of it, the latest first
	set   string   // line that takes its place
}

type refMessage struct {
	start   []string // the three parts of the start line; a response may have two
	headers []*refHeader
	end     []string // lines behind the last header
	body    string
}

// opEnsureLength is EnsureContentLength, which an Edit keeps as a flag.
const opEnsureLength = opBody + 1

type refOp struct {
	kind  opKind
	id    HeaderID
	name  string
	value string
}

func refKey(name string) string {
	name = strings.ToLower(strings.Trim(name, " \t"))
	for id := HdrOther + 1; id < numHeaders; id++ {
		if strings.ToLower(headers[id].name) == name || headers[id].compact != 0 && string(headers[id].compact) == name {
			return headers[id].name
		}
	}
	return name
}

func refParse(msg string) *refMessage {
	head, body, _ := strings.Cut(msg, "\r\n\r\n")
	first, rest, more := strings.Cut(head, "\r\n")
	r := &refMessage{start: strings.SplitN(first, " ", 3), body: body}
	if !more {
		return r
	}
	for _, line := range strings.Split(rest, "\r\n") {
		if line == "" || line[0] == ' ' || line[0] == '\t' {
			last := r.headers[len(r.headers)-1]
			last.raw += line + "\r\n"
			continue
		}
		name, _, _ := strings.Cut(line, ":")
		r.headers = append(r.headers, &refHeader{key: refKey(name), raw: line + "\r\n"})
	}
	for _, h := range r.headers {
		h.value = strings.IndexByte(h.raw, ':') + 1
		h.value += len(h.raw[h.value:]) - len(strings.TrimLeft(h.raw[h.value:], " \t\r\n"))
	}
	return r
}

// refValues splits a header value at its commas; every part keeps its white space.
func refValues(s string) (parts []string) {
	var cur strings.Builder
	quoted, escaped, bracket := false, false, false
	for _, c := range []byte(s) {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case quoted:
			quoted = c != '"'
		case bracket:
			bracket = c != '>'
		case c == '"':
			quoted = true
		case c == '<':
			bracket = true
		case c == ',':
			parts = append(parts, cur.String())
			cur.Reset()
			continue
		}
		cur.WriteByte(c)
	}
	return append(parts, cur.String())
}

func (r *refMessage) each(key string, do func(*refHeader)) {
	for _, h := range r.headers {
		if h.key == key {
			do(h)
		}
	}
}

func (r *refMessage) set(id HeaderID, value string) {
	line := headers[id].name + ": " + value + "\r\n"
	first := true
	r.each(headers[id].name, func(h *refHeader) {
		if h.gone = true; first {
			h.set, first = line, false
		}
	})
	if first {
		r.end = append(r.end, line)
	}
}

// cut rewrites the values of id: n are dropped from the front, the next one becomes replacement unless that is nil.
func (r *refMessage) cut(id HeaderID, n int, replacement *string) {
	r.each(headers[id].name, func(h *refHeader) {
		value := strings.TrimRight(h.raw[h.value:], " \t\r\n")
		tail := h.raw[h.value+len(value):]
		if !isList(id) {
			switch {
			case value == "": // nothing there to drop or replace
				n--
				h.gone = h.gone || n >= 0
			case n > 0:
				n--
				h.gone = true
			case replacement != nil:
				h.raw, replacement = h.raw[:h.value]+*replacement+tail, nil
			}
			return
		}
		parts := refValues(value)
		dropped := 0
		for len(parts) > 0 && (n > 0 || strings.Trim(parts[0], " \t\r\n") == "") && n+dropped > 0 {
			if strings.Trim(parts[0], " \t\r\n") != "" {
				n--
			}
			parts, dropped = parts[1:], dropped+1
		}
		if len(parts) == 0 {
			h.gone = true
			return
		}
		parts[0] = strings.TrimLeft(parts[0], " \t\r\n")
		if replacement != nil {
			for i, p := range parts {
				if t := strings.Trim(p, " \t\r\n"); t != "" {
					parts[i] = strings.Replace(p, t, *replacement, 1)
					replacement = nil
					break
				}
			}
		}
		h.raw = h.raw[:h.value] + strings.Join(parts, ",") + tail
	})
}

// refEdit applies ops the way the documentation of Edit says.
func refEdit(msg string, request bool, ops []refOp) string {
	r := refParse(msg)
	var body *refOp
	ensure := false
	for i, o := range ops {
		switch o.kind {
		case opBody:
			body = &ops[i]
		case opEnsureLength:
			ensure = !slices.ContainsFunc(r.headers, func(h *refHeader) bool { return h.key == "Content-Length" })
		}
	}
	ops = slices.DeleteFunc(slices.Clone(ops), func(o refOp) bool {
		return o.kind == opSet && (o.id == HdrContentLength && (body != nil || ensure) ||
			o.id == HdrContentType && body != nil && body.name != "" && body.value != "")
	})
	drop := map[HeaderID]int{}
	replace := map[HeaderID]string{}
	for i, o := range ops {
		superseded := slices.ContainsFunc(ops[i+1:], func(n refOp) bool { return n.kind == o.kind && n.id == o.id })
		key := headers[o.id].name
		switch o.kind {
		case opRequestURI:
			if request {
				r.start[1] = o.value
			}
		case opStatusLine:
			if !request {
				code, phrase, _ := strings.Cut(o.value, " ")
				r.start = []string{r.start[0], code, phrase}
			}
		case opPrepend:
			at := slices.IndexFunc(r.headers, func(h *refHeader) bool { return h.key == key })
			h := r.headers[max(at, 0)]
			h.pre = append([]string{key + ": " + o.value + "\r\n"}, h.pre...)
		case opAdd:
			r.end = append(r.end, o.name+": "+o.value+"\r\n")
		case opSet:
			if !superseded {
				r.set(o.id, o.value)
			}
		case opRemoveAll:
			r.each(key, func(h *refHeader) { h.gone = true })
		case opRemoveName:
			r.each(refKey(o.name), func(h *refHeader) { h.gone = true })
		case opRemoveFirstValue:
			drop[o.id]++
		case opReplaceFirstValue:
			replace[o.id] = o.value
		}
	}
	for id := HdrOther + 1; id < numHeaders; id++ {
		var with *string
		if v, ok := replace[id]; ok {
			with = &v
		}
		if n := drop[id]; n > 0 || with != nil {
			r.cut(id, n, with)
		}
	}
	switch {
	case body == nil && ensure:
		r.set(HdrContentLength, fmt.Sprint(len(r.body)))
	case body != nil:
		switch {
		case body.value == "":
			r.each("Content-Type", func(h *refHeader) { h.gone = true })
		case body.name != "":
			r.set(HdrContentType, body.name)
		}
		r.set(HdrContentLength, fmt.Sprint(len(body.value)))
		r.body = body.value
	}
	return r.String()
}

func (r *refMessage) String() string {
	var s strings.Builder
	s.WriteString(strings.Join(r.start, " ") + "\r\n")
	for _, h := range r.headers {
		s.WriteString(strings.Join(h.pre, "") + h.set)
		if !h.gone {
			s.WriteString(h.raw)
		}
	}
	return s.String() + strings.Join(r.end, "") + "\r\n" + r.body
}
