package ng

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse: what can be read can be written, and reads the same again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"d7:command4:pinge", `{"command":"ping","a":[1,{"b":"\u00fc"}]}`, "d1:ali1e2:xye1:bde1:ci-5ee", "d10:rtpp-flags12:a=[b c=[d]]ee"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, format, err := Parse(b)
		if err != nil {
			return
		}
		again, _, err := Parse(Append(nil, d, format))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, again, dicts); diff != "" {
			t.Fatal(diff)
		}
		_ = expand(&d)
		ParseOptions(d)
	})
}

// FuzzStream: a message in a stream is what it is alone, wherever it is cut.
func FuzzStream(f *testing.F) {
	f.Add([]byte("1 d7:command4:pinge2 {\"a\":\"}\"}"), 3)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		read := func(chunk int) (out [][]byte) {
			sc := bufio.NewScanner(&chunks{string(b), chunk})
			sc.Buffer(nil, MaxMessage)
			sc.Split(scanFrame)
			for sc.Scan() {
				out = append(out, bytes.Clone(sc.Bytes()))
			}
			return out
		}
		if d := cmp.Diff(read(len(b)+1), read(1+max(n, -n)%7)); d != "" {
			t.Fatal(d)
		}
	})
}
