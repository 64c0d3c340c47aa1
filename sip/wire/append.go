package wire

import (
	"math/bits"
	"strconv"
)

// patch is one change at a place of the message: octets replaced by a text, or a header line inserted.
type patch struct {
	lo, hi uint32 // octets replaced; lo == hi for an inserted line
	order  int32  // among lines inserted at the same place: ascending
	line   int32  // index of the header line that a replacement lies in, -1 for the start line and insertions
	text   span
}

// removed marks header lines by index.
type removed [maxHeaders / 64]uint64

func (r *removed) set(i int)      { r[i>>6] |= 1 << (i & 63) }
func (r *removed) has(i int) bool { return r[i>>6]&(1<<(i&63)) != 0 }

// next is the first marked index at or behind i, maxHeaders when there is none.
func (r *removed) next(i int) int {
	for w := i >> 6; w < len(r); w++ {
		if rest := r[w] >> (i & 63); rest != 0 {
			return i + bits.TrailingZeros64(rest)
		}
		i = (w + 1) << 6
	}
	return maxHeaders
}

// Append appends the message with the changes of e to dst. Octets that no operation touches come out as they came
// in; an empty plan gives m.Bytes(). On error dst is returned as it was. m must hold a message that Parse accepted.
func (m *Message) Append(dst []byte, e *Edit) ([]byte, error) {
	if e == nil || len(e.ops) == 0 && !e.ensure && e.err == ReasonNone {
		return append(dst, m.b...), nil
	}
	if e.err != ReasonNone {
		return dst, &Error{Reason: e.err}
	}
	p := planner{m: m, e: e}
	arena := len(e.arena)
	p.plan()
	dst = p.write(dst)
	e.arena = e.arena[:arena]
	return dst, nil
}

// planner turns the operations of an Edit into patches for one message.
type planner struct {
	m      *Message
	e      *Edit
	body   *op
	ensure bool
	anyRm  bool
	above  int32 // order of the latest Prepend
	rm     removed
}

func (p *planner) plan() {
	e := p.e
	e.patches = e.patches[:0]
	if e.body > 0 {
		p.body = &e.ops[e.body-1]
	}
	p.ensure = e.ensure && p.m.contentLen < 0
	for i := range e.ops {
		if o := &e.ops[i]; !o.dead {
			p.apply(o)
		}
	}
	switch {
	case p.body != nil:
		p.planBody()
	case p.ensure:
		p.insertLength(len(p.m.b) - int(p.m.bodyAt))
	}
	// Few patches, mostly in order already; insertion sort keeps equal ones as they were planned.
	for i := 1; i < len(e.patches); i++ {
		if !before(&e.patches[i], &e.patches[i-1]) {
			continue
		}
		c, j := e.patches[i], i
		for ; j > 0 && before(&c, &e.patches[j-1]); j-- {
			e.patches[j] = e.patches[j-1]
		}
		e.patches[j] = c
	}
}

func before(a, b *patch) bool { return a.lo < b.lo || a.lo == b.lo && a.order < b.order }

func (p *planner) apply(o *op) {
	m := p.m
	switch o.kind {
	case opRequestURI:
		if m.request {
			p.replace(m.target.lo, m.target.hi, -1, o.text)
		}
	case opStatusLine:
		if !m.request {
			p.replace(uint32(len("SIP/2.0 ")), m.headersAt-2, -1, o.text)
		}
	case opPrepend:
		p.above--
		p.insert(p.place(o.id, m.headersAt), p.above, o.text)
	case opAdd:
		p.insert(m.headersEnd, 0, o.text)
	case opSet:
		if !p.bodySets(o.id) {
			p.set(o.id, o.text)
		}
	case opRemoveAll:
		p.removeAll(o.id)
	case opRemoveName:
		p.removeName(o.name.of(p.e.arena))
	case opRemoveFirstValue:
		p.removeValues(o.id, int(o.n))
	case opReplaceFirstValue:
		n := 0
		if p.e.seen[opRemoveFirstValue].has(o.id) {
			n = int(p.e.find(opRemoveFirstValue, o.id).n)
		}
		p.replaceValue(o.id, n, o.text)
	}
}

// bodySets reports whether SetBody or EnsureContentLength writes header id, so that a Set of it does not count.
func (p *planner) bodySets(id HeaderID) bool {
	switch id {
	case HdrContentLength:
		return p.body != nil || p.ensure
	case HdrContentType:
		return p.body != nil && p.body.name.lo != p.body.name.hi && p.body.text.lo != p.body.text.hi
	}
	return false
}

// place is where the first line of id starts, or absent.
func (p *planner) place(id HeaderID, absent uint32) uint32 {
	if i := p.m.chains[id].first; i != 0 {
		return p.m.lines[i-1].at
	}
	return absent
}

func (p *planner) replace(lo, hi uint32, line int32, text span) {
	c := p.add()
	c.lo, c.hi, c.order, c.line, c.text = lo, hi, 0, line, text
}

func (p *planner) insert(at uint32, order int32, text span) {
	c := p.add()
	c.lo, c.hi, c.order, c.line, c.text = at, at, order, -1, text
}

// add appends a patch, to be filled in.
func (p *planner) add() *patch {
	e := p.e
	n := len(e.patches)
	if n == cap(e.patches) {
		e.patches = append(e.patches, patch{})
	}
	e.patches = e.patches[:n+1]
	return &e.patches[n]
}

func (p *planner) set(id HeaderID, text span) {
	p.insert(p.place(id, p.m.headersEnd), 0, text)
	p.removeAll(id)
}

func (p *planner) remove(i int) {
	p.rm.set(i)
	p.anyRm = true
}

func (p *planner) removeAll(id HeaderID) {
	for i := p.m.chains[id].first; i != 0; i = p.m.lines[i-1].next {
		p.remove(int(i) - 1)
	}
}

func (p *planner) removeName(name []byte) {
	m := p.m
	for i := m.chains[HdrOther].first; i != 0; i = m.lines[i-1].next {
		l := &m.lines[i-1]
		if int(l.nameLen) == len(name) && EqualFold(m.b[l.at:l.at+uint32(l.nameLen)], string(name)) {
			p.remove(int(i) - 1)
		}
	}
}

// removeValues removes the first n values of id: whole lines while all their values go, then the front of a line.
func (p *planner) removeValues(id HeaderID, n int) {
	m := p.m
	for i := m.chains[id].first; i != 0 && n > 0; i = m.lines[i-1].next {
		l := &m.lines[i-1]
		at, left := m.skipValues(id, l, n)
		if n = left; at == int(l.value.hi) {
			p.remove(int(i) - 1)
		} else {
			p.replace(l.value.lo, uint32(at), int32(i)-1, span{})
		}
	}
}

// skipValues passes over up to n values of l and returns where the next one begins and how many of n are left.
func (m *Message) skipValues(id HeaderID, l *line, n int) (at, left int) {
	at, hi := int(l.value.lo), int(l.value.hi)
	if !isList(id) {
		if n == 0 {
			return at, 0
		}
		return hi, n - 1
	}
	if l.row != 0 {
		if n >= int(l.rows) {
			return hi, n - int(l.rows)
		}
		return int(m.values[int(l.row)-1+n].value.lo), 0
	}
	for at < hi && (n > 0 || m.b[at] == ',') {
		end := m.valueEnd(id, at, hi)
		if trimEnd(m.b, at, end) > at {
			n--
		}
		at = skipLWS(m.b[:hi], min(end+1, hi))
	}
	return at, n
}

// valueEnd is the index of the comma that ends the value at m.b[at:hi], or hi. The end of the first Via value, which is
// what gets replaced and popped most, is known from Parse.
func (m *Message) valueEnd(id HeaderID, at, hi int) int {
	if v := m.topVia.value; id == HdrVia && at == int(v.lo) {
		return skipLWS(m.b[:hi], int(v.hi))
	}
	return valueEnd(m.b[:hi], at)
}

// replaceValue replaces the value of id behind the first n.
func (p *planner) replaceValue(id HeaderID, n int, text span) {
	m := p.m
	for i := m.chains[id].first; i != 0; i = m.lines[i-1].next {
		l := &m.lines[i-1]
		at, left := m.skipValues(id, l, n)
		if n = left; at == int(l.value.hi) {
			continue
		}
		end := int(l.value.hi)
		if isList(id) {
			end = trimEnd(m.b, at, m.valueEnd(id, at, end))
		}
		p.replace(uint32(at), uint32(end), int32(i)-1, text)
		return
	}
}

func (p *planner) insertLength(n int) {
	lo := len(p.e.arena)
	a := append(append(p.e.arena, headers[HdrContentLength].name...), ": "...)
	p.e.arena = append(strconv.AppendInt(a, int64(n), 10), "\r\n"...)
	p.set(HdrContentLength, mkspan(lo, len(p.e.arena)))
}

func (p *planner) planBody() {
	o := p.body
	switch {
	case o.text.lo == o.text.hi:
		p.removeAll(HdrContentType)
	case o.name.lo != o.name.hi:
		lo := len(p.e.arena)
		a := append(append(p.e.arena, headers[HdrContentType].name...), ": "...)
		p.e.arena = append(append(a, a[o.name.lo:o.name.hi]...), "\r\n"...)
		p.set(HdrContentType, mkspan(lo, len(p.e.arena)))
	}
	p.insertLength(int(o.text.hi - o.text.lo))
}

func (p *planner) write(dst []byte) []byte {
	m, arena := p.m, p.e.arena
	var at uint32
	next := 0
	for i := range p.e.patches {
		c := &p.e.patches[i]
		if c.line >= 0 && p.rm.has(int(c.line)) {
			continue
		}
		if p.anyRm {
			dst, next = p.copy(dst, at, c.lo, next)
		} else {
			dst = append(dst, m.b[at:c.lo]...)
		}
		at = c.hi
		dst = append(dst, arena[c.text.lo:c.text.hi]...)
	}
	end := uint32(len(m.b))
	if p.body != nil {
		end = m.bodyAt
	}
	dst, _ = p.copy(dst, at, end, next)
	if p.body != nil {
		dst = append(dst, arena[p.body.text.lo:p.body.text.hi]...)
	}
	return dst
}

// copy appends the octets from lo to hi but for removed lines. next is the first line that may be removed and begins
// at lo or behind it.
func (p *planner) copy(dst []byte, lo, hi uint32, next int) ([]byte, int) {
	m := p.m
	for p.anyRm {
		if next = p.rm.next(next); next >= int(m.n) || m.lines[next].at >= hi {
			break
		}
		l := &m.lines[next]
		dst = append(dst, m.b[lo:max(lo, l.at)]...)
		lo = m.lineEnd(l)
		next++
	}
	return append(dst, m.b[min(lo, hi):hi]...), next
}
