package geo

import (
	"bytes"
	"errors"
	"mime"
	"regexp"
	"strings"

	"github.com/class5-go/class5/sip/wire"
)

// errForeign: a description could hide in the body and lead media past the
// relay.
var errForeign = errors.New("a body that cannot be looked into")

const sdpType = "application/sdp"

// description is the session description of a message, as a part of its body;
// empty when there is none.
type description struct {
	body   []byte
	lo, hi int
}

func (d description) none() bool { return d.lo == d.hi }

func (d description) text() []byte { return d.body[d.lo:d.hi] }

// replace puts another description in its place.
func (d description) replace(edit *wire.Edit, sdp []byte) {
	if d.lo > 0 || d.hi < len(d.body) {
		sdp = append(append(append([]byte{}, d.body[:d.lo]...), sdp...), d.body[d.hi:]...)
	}
	edit.SetBody("", sdp)
}

// find looks for the description of a message. One in a multipart body must be
// the only one and not be wrapped once more.
func find(m *wire.Message) (d description, err error) {
	body := m.Body()
	if len(body) == 0 {
		return d, nil
	}
	whole := description{body: body, hi: len(body)}
	h, ok := m.First(wire.HdrContentType)
	if !ok {
		return whole, encoded(m) // some send descriptions like this, and some read them
	}
	switch kind := mediaType(h.Value); {
	case kind == sdpType:
		return whole, encoded(m)
	case strings.HasPrefix(kind, "multipart/"):
		_, params, err := mime.ParseMediaType(string(h.Value))
		if err != nil || encoded(m) != nil {
			return d, errForeign
		}
		return part(body, params["boundary"])
	case descriptions.Match(h.Value):
		return d, errForeign
	}
	return d, nil
}

// descriptions and wrappers are mentioned like this, with space where SIP has
// it allowed.
var (
	descriptions = regexp.MustCompile(`(?i)application\s*/\s*sdp`)
	wrappers     = regexp.MustCompile(`(?i)multipart\s*/`)
)

// mediaType is the type in a Content-Type in lower case, without space and
// parameters.
func mediaType(value []byte) string {
	kind, _, _ := bytes.Cut(bytes.ToLower(value), []byte(";"))
	return string(bytes.Join(bytes.Fields(kind), nil))
}

// encoded is an error when the body is not what it says, but compressed.
func encoded(m *wire.Message) error {
	for _, name := range []string{"Content-Encoding", "e"} {
		if h, ok := m.Find(name); ok && !wire.EqualFold(bytes.TrimSpace(h.Value), "identity") {
			return errForeign
		}
	}
	return nil
}

// part finds the description among the parts of a body.
func part(body []byte, boundary string) (d description, err error) {
	mentioned := len(descriptions.FindAll(body, 2))
	if mentioned == 0 && !wrappers.Match(body) {
		return d, nil
	}
	if boundary == "" || mentioned != 1 {
		return d, errForeign
	}
	delimiter := []byte("\r\n--" + boundary)
	at := 0
	if !bytes.HasPrefix(body, delimiter[2:]) {
		if at = bytes.Index(body, delimiter); at < 0 {
			return d, errForeign
		}
		at += 2
	}
	for {
		at += len(delimiter) - 2
		end := bytes.Index(body[at:], delimiter)
		if end < 0 {
			return d, errForeign // the one that is mentioned is in no part
		}
		head, lo, ok := header(body[at : at+end])
		if ok && lo < end && plain(head) {
			return description{body, at + lo, at + end}, nil
		}
		at += end + 2
	}
}

// header cuts the header of a part, of which lo octets are not the content.
func header(part []byte) (head []byte, lo int, ok bool) {
	i := bytes.Index(part, []byte("\r\n\r\n"))
	if i < 0 {
		return nil, 0, false
	}
	return part[:i], i + 4, true
}

// plain tells whether a part is a description that is neither encoded nor
// folded into something else.
func plain(head []byte) bool {
	found := false
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case wire.EqualFold(bytes.TrimSpace(name), "Content-Type"):
			found = mediaType(value) == sdpType
		case wire.EqualFold(bytes.TrimSpace(name), "Content-Encoding"),
			wire.EqualFold(bytes.TrimSpace(name), "Content-Transfer-Encoding"):
			if !wire.EqualFold(value, "binary") && !wire.EqualFold(value, "8bit") && !wire.EqualFold(value, "7bit") && !wire.EqualFold(value, "identity") {
				return false
			}
		}
	}
	return found
}
