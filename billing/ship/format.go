package ship

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/class5-go/class5/billing"
)

// Format writes the records of one file. The same records give the same bytes.
type Format interface {
	// Encode appends a whole file to dst.
	Encode(dst *bytes.Buffer, fields []Field, records []*billing.CDR) error
	// Suffix is the end of the file's name, with its dot.
	Suffix() string
}

// CSV is text with a separator. The zero CSV is that of RFC 4180: commas,
// double quotes where they are needed, a line with the names, CRLF.
type CSV struct {
	Separator rune // ',' when 0
	Quote     rune // '"' when 0; doubled within a value
	QuoteAll  bool // also where it is not needed
	NoNames   bool // no line with the names of the fields
	LF        bool // lines end in LF only
	// Version begins a file with a line "version,lines", the number of lines
	// with four digits at least. Empty: no such line.
	Version string
	// MD5 ends a file with a line that is the MD5 sum of all lines before it.
	// It finds bytes that were lost, and protects from nobody.
	MD5 bool
	End string // the end of the file's name, ".csv" when empty
}

// Suffix implements Format.
func (f CSV) Suffix() string {
	if f.End == "" {
		return ".csv"
	}
	return f.End
}

// Encode implements Format.
func (f CSV) Encode(dst *bytes.Buffer, fields []Field, records []*billing.CDR) error {
	if f.Separator == 0 {
		f.Separator = ','
	}
	if f.Quote == 0 {
		f.Quote = '"'
	}
	end := "\r\n"
	if f.LF {
		end = "\n"
	}
	begin := dst.Len()
	if f.Version != "" {
		fmt.Fprintf(dst, "%s,%04d%s", f.Version, len(records), end)
	}
	if !f.NoNames {
		for i := range fields {
			f.value(dst, i, fields[i].Name)
		}
		dst.WriteString(end)
	}
	for _, c := range records {
		for i := range fields {
			f.value(dst, i, fields[i].Show(c))
		}
		dst.WriteString(end)
	}
	if f.MD5 {
		sum := md5.Sum(dst.Bytes()[begin:])
		dst.WriteString(hex.EncodeToString(sum[:]) + end)
	}
	return nil
}

func (f CSV) value(dst *bytes.Buffer, i int, v string) {
	if i > 0 {
		dst.WriteRune(f.Separator)
	}
	if !f.QuoteAll && !strings.ContainsAny(v, "\r\n"+string(f.Separator)+string(f.Quote)) {
		dst.WriteString(v)
		return
	}
	q := string(f.Quote)
	dst.WriteString(q + strings.ReplaceAll(v, q, q+q) + q)
}

// JSONLines is one JSON object a line. Without fields it is the whole record;
// with fields, each by its name, integers as numbers and decimals as texts.
type JSONLines struct{}

// Suffix implements Format.
func (JSONLines) Suffix() string { return ".jsonl" }

// Encode implements Format.
func (JSONLines) Encode(dst *bytes.Buffer, fields []Field, records []*billing.CDR) error {
	for _, c := range records {
		if len(fields) == 0 {
			b, err := json.Marshal(c)
			if err != nil {
				return fmt.Errorf("ship: record %s: %w", c.Key, err)
			}
			dst.Write(b)
			dst.WriteByte('\n')
			continue
		}
		for i := range fields {
			dst.WriteByte("{,"[min(i, 1)])
			name, err := json.Marshal(fields[i].Name)
			if err != nil {
				return fmt.Errorf("ship: field %q: %w", fields[i].Name, err)
			}
			value := []byte(fields[i].Show(c))
			if fields[i].Kind != Whole {
				if value, err = json.Marshal(string(value)); err != nil {
					return fmt.Errorf("ship: record %s: %w", c.Key, err)
				}
			}
			dst.Write(name)
			dst.WriteByte(':')
			dst.Write(value)
		}
		dst.WriteString("}\n")
	}
	return nil
}

// Gzip compresses the files of another format.
type Gzip struct{ Format }

// Suffix implements Format.
func (g Gzip) Suffix() string { return g.Format.Suffix() + ".gz" }

// Encode implements Format.
func (g Gzip) Encode(dst *bytes.Buffer, fields []Field, records []*billing.CDR) error {
	var plain bytes.Buffer
	if err := g.Format.Encode(&plain, fields, records); err != nil {
		return err
	}
	w := gzip.NewWriter(dst) // without a time, so that the bytes are always the same
	if _, err := w.Write(plain.Bytes()); err != nil {
		return fmt.Errorf("ship: gzip: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("ship: gzip: %w", err)
	}
	return nil
}
