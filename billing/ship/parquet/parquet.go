package parquet

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
)

// Format is a ship.Format. The fields of a stream are the columns.
type Format struct{}

// Suffix implements ship.Format.
func (Format) Suffix() string { return ".parquet" }

// digits is what a 64-bit integer holds of a decimal.
const digits = 18

func node(k ship.FieldKind) parquet.Node {
	switch k {
	case ship.Whole:
		return parquet.Int(64)
	case ship.Instant:
		return parquet.Optional(parquet.Timestamp(parquet.Millisecond))
	case ship.Span:
		return parquet.Decimal(3, digits, parquet.Int64Type)
	case ship.Money:
		return parquet.Decimal(6, digits, parquet.Int64Type)
	}
	return parquet.String()
}

// schema makes the schema, and the field of each column: columns are in the
// order of their names.
func schema(fields []ship.Field) (*parquet.Schema, []*ship.Field, error) {
	group := parquet.Group{}
	byName := map[string]*ship.Field{}
	for i := range fields {
		name := fields[i].Name
		if byName[name] != nil {
			return nil, nil, fmt.Errorf("parquet: two columns are called %.60q", name)
		}
		byName[name] = &fields[i]
		group[name] = node(fields[i].Kind)
	}
	s := parquet.NewSchema("cdr", group)
	columns := make([]*ship.Field, 0, len(fields))
	for _, path := range s.Columns() {
		columns = append(columns, byName[path[0]])
	}
	return s, columns, nil
}

// Encode implements ship.Format.
func (Format) Encode(dst *bytes.Buffer, fields []ship.Field, records []*billing.CDR) error {
	s, columns, err := schema(fields)
	if err != nil {
		return err
	}
	w := parquet.NewGenericWriter[any](dst, s, parquet.CreatedBy("class5", "1", ""), parquet.Compression(&parquet.Snappy))
	for _, c := range records {
		row := make(parquet.Row, len(columns))
		for i, f := range columns {
			row[i] = value(f, c, i)
		}
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			return fmt.Errorf("parquet: record %s: %w", c.Key, err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	return nil
}

func value(f *ship.Field, c *billing.CDR, column int) parquet.Value {
	switch f.Kind {
	case ship.Text:
		return parquet.ByteArrayValue([]byte(strings.ToValidUTF8(f.Text(c), "\uFFFD"))).Level(0, 0, column)
	case ship.Instant:
		v := f.Int(c)
		if v == 0 {
			return parquet.NullValue().Level(0, 0, column)
		}
		return parquet.Int64Value(v).Level(0, 1, column)
	}
	return parquet.Int64Value(f.Int(c)).Level(0, 0, column)
}
