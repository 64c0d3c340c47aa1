package parquet_test

import (
	"bytes"
	"fmt"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/parquet"
)

func encode(t testing.TB, fields []ship.Field, records []*billing.CDR) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (parquet.Format{}).Encode(&b, fields, records); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func calls(n int) []*billing.CDR {
	out := make([]*billing.CDR, n)
	for i := range out {
		out[i] = &billing.CDR{
			CallID: fmt.Sprintf("%d\xff", i), Leg: i, Init: 1_777_900_000_000 + billing.Millis(i), Duration: billing.Millis(i) * 7,
			Parties: []billing.Party{{Side: billing.SideCaller, Role: billing.RoleCustomer, Amount: billing.NewAmount(int64(i)*1_000_003-5, billing.MustCurrency("EUR"))}},
		}
		if i%2 == 0 {
			out[i].Start = out[i].Init + 9
		}
	}
	return out
}

func TestFormat(t *testing.T) {
	fields, err := ship.Fields("call_id", "leg", "init", "start=START_TIME", "duration", "caller.customer.amount=price")
	if err != nil {
		t.Fatal(err)
	}
	list := calls(3000)
	b := encode(t, fields, list)
	if !bytes.Equal(b, encode(t, fields, list)) {
		t.Error("the same records gave other bytes")
	}
	type row struct {
		CallID   string `parquet:"call_id"`
		Leg      int64  `parquet:"leg"`
		Init     *int64 `parquet:"init,optional"`
		Start    *int64 `parquet:"START_TIME,optional"`
		Duration int64  `parquet:"duration"`
		Price    int64  `parquet:"price"`
	}
	rows, err := pq.Read[row](bytes.NewReader(b), int64(len(b)))
	if err != nil || len(rows) != len(list) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, r := range rows {
		c := list[i]
		if r.CallID != fmt.Sprintf("%d\uFFFD", i) || r.Leg != int64(i) || *r.Init != int64(c.Init) || r.Duration != int64(c.Duration) || r.Price != c.Parties[0].Amount.Micros() {
			t.Fatalf("%+v of %+v", r, c)
		}
		if (r.Start == nil) != (c.Start == 0) || r.Start != nil && *r.Start != int64(c.Start) {
			t.Fatalf("start of %d", i)
		}
	}
	f, err := pq.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range f.Metadata().Schema {
		if e.Name == "price" && e.LogicalType.String() != "DECIMAL(18,6)" {
			t.Errorf("%+v", e)
		}
	}
	if _, err := pq.OpenFile(bytes.NewReader(encode(t, fields, nil)), int64(len(encode(t, fields, nil)))); err != nil {
		t.Errorf("an empty file: %v", err)
	}
	var none bytes.Buffer
	if err := (parquet.Format{}).Encode(&none, append(fields, fields[0]), nil); err == nil {
		t.Error("two columns of one name")
	}
}

func ExampleFormat() {
	fields, err := ship.Fields("call_id", "init", "caller.customer.amount=price")
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if err := (parquet.Format{}).Encode(&file, fields, []*billing.CDR{{CallID: "1@phone", Init: 1_777_900_000_000}}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(file.String()[:4])
	// Output: PAR1
}
