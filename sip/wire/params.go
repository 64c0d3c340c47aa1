package wire

import "iter"

// Params are the raw parameters of a value or URI, from the first ";" on. Names are compared without regard to
// case, white space and folds around ";" and "=" are not part of names and values.
type Params []byte

// Get is the value of the first parameter with this name: quoted strings with their quotes, nil for a parameter
// without value.
func (p Params) Get(name string) (value []byte, ok bool) {
	var q param
	for i := 0; i < len(p); {
		var found bool
		if i, found = p.next(i, &q); found && EqualFold(q.name.of(p), name) {
			return q.value.of(p), true
		}
	}
	return nil, false
}

// Has reports whether a parameter with this name is there.
func (p Params) Has(name string) bool {
	_, ok := p.Get(name)
	return ok
}

// All yields every parameter: name as spelled, value like Get.
func (p Params) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		var q param
		for i := 0; i < len(p); {
			var found bool
			if i, found = p.next(i, &q); found && !yield(q.name.of(p), q.value.of(p)) {
				return
			}
		}
	}
}

// next reads the parameter at i. Input that no scanner has checked is tolerated: a faulty parameter is passed over.
func (p Params) next(i int, q *param) (next int, ok bool) {
	if p[i] != ';' {
		if i = skipLWS(p, i); i == len(p) {
			return i, false
		}
	}
	if p[i] != ';' {
		return i + 1, false
	}
	var r Reason
	*q, next, r = scanTightParam(p, i+1, clToken|clURIParam) // those of a URI have more letters
	return max(next, i+1), r == ReasonNone
}
