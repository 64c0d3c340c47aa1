package billing

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// eventVersion is the version written; older ones stay readable.
const eventVersion = 2

// firstTexts is the number of text fields that version 1 had.
const firstTexts = 17

// AppendBinary appends the binary form to dst. It starts with a version, so
// that a later release reads what an earlier one left in a spool. It fails
// only for an event that Validate refuses.
func (e *Event) AppendBinary(dst []byte) ([]byte, error) {
	if err := e.Validate(); err != nil {
		return dst, err
	}
	dst = append(dst, eventVersion, byte(e.Kind), byte(e.Type))
	dst = binary.AppendUvarint(dst, uint64(e.Seq))
	dst = binary.AppendUvarint(dst, uint64(e.Leg))
	dst = binary.AppendUvarint(dst, uint64(e.Code))
	dst = binary.AppendUvarint(dst, uint64(e.Init))
	dst = binary.AppendUvarint(dst, uint64(e.Start))
	dst = binary.AppendUvarint(dst, uint64(e.At))
	dst = append(dst, byte(e.Source.BitLen()/8))
	dst, err := e.Source.AppendBinary(dst)
	if err != nil {
		return dst, fmt.Errorf("billing: source address: %w", err)
	}
	for _, f := range e.texts() {
		dst = appendText(dst, *f)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.Media)))
	return append(dst, e.Media...), nil
}

// MarshalBinary returns the binary form.
func (e Event) MarshalBinary() ([]byte, error) { return e.AppendBinary(nil) }

// UnmarshalBinary reads the binary form and validates the event. It keeps
// nothing of b. Errors are ErrVersion and ErrEvent.
func (e *Event) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || b[0] == 0 || b[0] > eventVersion {
		return fmt.Errorf("%w: %d bytes starting with % x", ErrVersion, len(b), b[:min(len(b), 1)])
	}
	d := decoder{b: b[1:]}
	var v Event
	v.Kind, v.Type = EventKind(d.byte()), CallType(d.byte())
	v.Seq = uint32(d.uint(1<<32 - 1))
	v.Leg = int(d.uint(maxLeg))
	v.Code = int(d.uint(699))
	v.Init, v.Start, v.At = d.millis(), d.millis(), d.millis()
	if err := v.Source.UnmarshalBinary(d.bytes(netipMost)); err != nil {
		d.bad = true
	}
	for i, f := range v.texts() {
		if b[0] == 1 && i == firstTexts {
			break
		}
		*f = string(d.bytes(maxText))
	}
	if media := d.bytes(maxMedia); len(media) > 0 {
		v.Media = append(json.RawMessage(nil), media...)
	}
	if d.bad || len(d.b) > 0 {
		return fmt.Errorf("%w: %d bytes are not its encoding", ErrEvent, len(b))
	}
	if err := v.Validate(); err != nil {
		return err
	}
	*e = v
	return nil
}

// netipMost is an IPv6 address; a zone name has no meaning on another node.
const netipMost = 16

// eventJSON has the fields of Event without its methods.
type eventJSON Event

// MarshalJSON writes the fields and the version.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Version int `json:"v"`
		*eventJSON
	}{eventVersion, (*eventJSON)(&e)})
}

// UnmarshalJSON reads what MarshalJSON wrote and validates the event.
func (e *Event) UnmarshalJSON(b []byte) error {
	v := struct {
		Version int `json:"v"`
		eventJSON
	}{}
	if err := json.Unmarshal(b, &v); err != nil {
		return fmt.Errorf("%w: %w", ErrEvent, err)
	}
	if v.Version < 1 || v.Version > eventVersion {
		return fmt.Errorf("%w: %d", ErrVersion, v.Version)
	}
	ev := Event(v.eventJSON)
	if err := ev.Validate(); err != nil {
		return err
	}
	*e = ev
	return nil
}

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// decoder reads the parts of a binary event; the first fault makes every
// further reading empty.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uint(most uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	// A last byte of zero is a longer spelling of a shorter number: refused,
	// so that an event has one encoding.
	if n <= 0 || v > most || n > 1 && d.b[n-1] == 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) millis() Millis { return Millis(d.uint(1<<63 - 1)) }

func (d *decoder) bytes(most uint64) []byte {
	n := d.uint(most)
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p
}
