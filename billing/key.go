package billing

import (
	"crypto/sha256"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// LegKey names one leg of one call for ever and everywhere. It is made of
// what the call record holds and of nothing that belongs to a node, so a
// standby that took the call over writes the same key.
type LegKey [16]byte

// EventID names one event: the same happening reported twice has one EventID.
type EventID [16]byte

// NewLegKey hashes the Call-ID, the From tag, the index of the leg within the
// call, its type, and the instant at which its INVITE was taken on. The
// instant is there because the rest is chosen by the caller, who could use it
// for a second call and would get that one for nothing.
func NewLegKey(callID, fromTag string, leg int, t CallType, init Millis) LegKey {
	var buf [256]byte
	b := appendText(buf[:0], callID)
	b = appendText(b, fromTag)
	b = binary.AppendVarint(b, int64(leg))
	b = append(b, byte(t))
	b = binary.AppendVarint(b, int64(init))
	sum := sha256.Sum256(b)
	return LegKey(sum[:16])
}

func (k LegKey) eventID(kind EventKind, seq uint32) EventID {
	b := append(make([]byte, 0, 32), k[:]...)
	b = append(b, byte(kind))
	b = binary.AppendUvarint(b, uint64(seq))
	sum := sha256.Sum256(b)
	return EventID(sum[:16])
}

// String returns 32 hexadecimal digits.
func (k LegKey) String() string { return hex.EncodeToString(k[:]) }

// MarshalText returns String.
func (k LegKey) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

// UnmarshalText reads 32 hexadecimal digits.
func (k *LegKey) UnmarshalText(b []byte) error { return readHex(k[:], b) }

// Value implements driver.Valuer for a CHAR(32) column.
func (k LegKey) Value() (driver.Value, error) { return k.String(), nil }

// Scan implements sql.Scanner.
func (k *LegKey) Scan(src any) error { return scanHex(k[:], src) }

// String returns 32 hexadecimal digits.
func (id EventID) String() string { return hex.EncodeToString(id[:]) }

// Hash is the SHA-256 of a tariff in its canonical form; it pins a price to
// the very tariff that made it.
type Hash [sha256.Size]byte

// IsZero reports whether no tariff is named.
func (h Hash) IsZero() bool { return h == Hash{} }

// String returns 64 hexadecimal digits, or "" for the zero Hash.
func (h Hash) String() string {
	if h.IsZero() {
		return ""
	}
	return hex.EncodeToString(h[:])
}

// MarshalText returns String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what String wrote.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*h = Hash{}
		return nil
	}
	return readHex(h[:], b)
}

// Value implements driver.Valuer for a VARCHAR(64) column.
func (h Hash) Value() (driver.Value, error) { return h.String(), nil }

// Scan implements sql.Scanner.
func (h *Hash) Scan(src any) error {
	if s, ok := src.(string); ok && s == "" {
		*h = Hash{}
		return nil
	}
	if b, ok := src.([]byte); ok && len(b) == 0 {
		*h = Hash{}
		return nil
	}
	return scanHex(h[:], src)
}

func readHex(dst, text []byte) error {
	if hex.DecodedLen(len(text)) != len(dst) || len(text)%2 != 0 {
		return fmt.Errorf("%w: %q is not %d hexadecimal digits", ErrSyntax, clip(string(text)), 2*len(dst))
	}
	if _, err := hex.Decode(dst, text); err != nil {
		return fmt.Errorf("%w: %q is not hexadecimal", ErrSyntax, clip(string(text)))
	}
	return nil
}

func scanHex(dst []byte, src any) error {
	switch v := src.(type) {
	case string:
		return readHex(dst, []byte(v))
	case []byte:
		return readHex(dst, v)
	}
	return fmt.Errorf("%w: key from a column of type %T", ErrSyntax, src)
}
