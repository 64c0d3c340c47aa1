package sipgen

const hexDigits = "0123456789abcdef"

// ID names an operation in a Call-ID.
type ID struct {
	Lane uint8
	Slot uint16
	N    uint32
}

const (
	idLen    = 2 + 4 + 8
	maxSlots = 1 << 16
)

// Append writes the 14 hexadecimal digits of the ID.
func (id ID) Append(dst []byte) []byte {
	dst = appendHex(dst, uint64(id.Lane), 2)
	dst = appendHex(dst, uint64(id.Slot), 4)
	return appendHex(dst, uint64(id.N), 8)
}

// ParseID reads an ID at the beginning of a Call-ID.
func ParseID(callID []byte) (ID, bool) {
	if len(callID) < idLen {
		return ID{}, false
	}
	var v uint64
	for _, c := range callID[:idLen] {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return ID{}, false
		}
	}
	return ID{Lane: uint8(v >> 48), Slot: uint16(v >> 32), N: uint32(v)}, true
}

func appendHex(dst []byte, v uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, hexDigits[v>>(4*i)&15])
	}
	return dst
}

// template is a message with places for the ID of the operation.
type template struct {
	text   []byte
	places []int
}

// here stands for the ID in the text of a template.
const here = "##ID##########"

// newTemplate finds the places.
func newTemplate(text string) *template {
	t := &template{text: []byte(text)}
	for i := 0; i+len(here) <= len(text); i++ {
		if text[i:i+len(here)] == here {
			t.places = append(t.places, i)
		}
	}
	return t
}

// fill writes the ID into all places and returns the message, which is valid
// until the next fill.
func (t *template) fill(id ID) []byte {
	for _, p := range t.places {
		id.Append(t.text[:p])
	}
	return t.text
}
