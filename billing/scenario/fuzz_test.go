package scenario_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/class5-go/class5/billing/scenario"
)

// FuzzParse: whatever is read, nothing panics, and what is read is written and
// read again as the same.
func FuzzParse(f *testing.F) {
	for _, path := range files(f) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 3000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := scenario.Parse(data)
		if err != nil {
			return
		}
		good := file.Check() == nil
		var first, second bytes.Buffer
		if err := file.Write(&first); err != nil {
			t.Fatal(err)
		}
		again, err := scenario.Parse(first.Bytes())
		if err != nil {
			t.Fatalf("%v\n%s", err, first.String())
		}
		if err := again.Write(&second); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("%s\n%s", first.String(), second.String())
		}
		if good != (again.Check() == nil) {
			t.Fatalf("good %v, written and read not so\n%s", good, first.String())
		}
	})
}
