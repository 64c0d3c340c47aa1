package ng

import (
	"fmt"
	"strings"
)

// expand takes the unparsed flag string of newer clients (rtpp-flags) apart
// and adds what is in it to the dictionary, as if the client had done so:
//
//	replace-origin via-branch=auto codec=[transcode=[PCMA PCMU] strip=[EVS]]
//
// A bare word goes to flags, word=value to a key, brackets make lists and, when
// every element is word=value, dictionaries.
func expand(d *Dict) error {
	v, ok := d.Value("rtpp-flags")
	if !ok {
		return nil
	}
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("%w: rtpp-flags is no string", ErrSyntax)
	}
	f := flagParser{s: s}
	items, err := f.items(0)
	if err != nil {
		return err
	}
	if f.pos != len(f.s) {
		return fmt.Errorf("%w: bracket without beginning in rtpp-flags", ErrSyntax)
	}
	var flags List
	if old, ok := d.Value("flags"); ok {
		for _, w := range words(old) {
			flags = append(flags, w)
		}
	}
	for _, i := range items {
		if i.key == "" {
			flags = append(flags, i.value)
		} else {
			d.Set(i.key, i.value)
		}
	}
	if len(flags) > 0 {
		d.Set("flags", flags)
	}
	return nil
}

type flagItem struct {
	key   string
	value any
}

type flagParser struct {
	s     string
	pos   int
	count int
}

// items reads up to the closing bracket, or to the end of the string.
func (f *flagParser) items(depth int) ([]flagItem, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: rtpp-flags nested too deeply", ErrSyntax)
	}
	var out []flagItem
	for {
		for f.pos < len(f.s) && f.s[f.pos] == ' ' {
			f.pos++
		}
		if f.pos == len(f.s) || f.s[f.pos] == ']' {
			return out, nil
		}
		if f.count++; f.count > maxValues {
			return nil, fmt.Errorf("%w: too many rtpp-flags", ErrSyntax)
		}
		i, err := f.item(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
}

func (f *flagParser) item(depth int) (flagItem, error) {
	word := f.until(" =[]")
	if f.pos == len(f.s) || f.s[f.pos] != '=' {
		if word == "" {
			return flagItem{}, fmt.Errorf("%w: bracket without name in rtpp-flags", ErrSyntax)
		}
		return flagItem{value: word}, nil
	}
	f.pos++
	if f.pos < len(f.s) && f.s[f.pos] == '[' {
		f.pos++
		items, err := f.items(depth + 1)
		if err != nil {
			return flagItem{}, err
		}
		if f.pos == len(f.s) {
			return flagItem{}, fmt.Errorf("%w: bracket without end in rtpp-flags", ErrSyntax)
		}
		f.pos++
		return flagItem{word, collect(items)}, nil
	}
	return flagItem{word, f.until(" ]")}, nil
}

// until reads up to one of the octets given, or to the end.
func (f *flagParser) until(stop string) string {
	from := f.pos
	for f.pos < len(f.s) && !strings.ContainsRune(stop, rune(f.s[f.pos])) {
		f.pos++
	}
	return f.s[from:f.pos]
}

// collect makes a dictionary of items that all have keys, else a list in which
// keyed ones are written as they came.
func collect(items []flagItem) any {
	keyed := len(items) > 0
	for _, i := range items {
		keyed = keyed && i.key != ""
	}
	if keyed {
		var d Dict
		for _, i := range items {
			d.Set(i.key, i.value)
		}
		return d
	}
	l := List{}
	for _, i := range items {
		if i.key != "" {
			l = append(l, i.key+"="+text(i.value))
		} else {
			l = append(l, i.value)
		}
	}
	return l
}
