package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	call    = `{"format":"class5-rating/1","fee":{"price":"0.10/60","interval":60},"timeline":[{"id":"c","call":{"to":"43","duration":61},"expect":{"price":"0.20"}}]}`
	wrong   = `{"format":"class5-rating/1","fee":{"price":"0.10/60","interval":60},"timeline":[{"call":{"to":"43","duration":61},"expect":{"price":"0.21"}}]}`
	noFee   = `{"format":"class5-rating/1","fee":{"destination":"1","price":"0.10"},"timeline":[{"call":{"to":"43","duration":61}}]}`
	deck    = "destination,zone,follow_price,follow_interval\n,World,0.10/60,60\n43,Austria,0.05/60,60\n"
	dearer  = "destination,zone,follow_price,follow_interval\n,World,0.10/60,60\n43,Austria,0.07/60,60\n"
	holes   = "destination,follow_price,follow_interval\n43,0.00166666667,0\n"
	broken  = "destination,follow_price,follow_interval\n43,0.05/60,60\n44,cheap,60\n"
	ngcp    = ".,^431,out,Austria,,0.1,60,0.1,30,0.05,60,0.05,30,1,regex_longest_pattern\n"
	records = `{"key":"00000000000000000000000000000001","revision":1,"generation":1,"call_id":"1","from_tag":"","leg":0,"type":"call","status":"ok","caller":{"account":"acme","number":"1"},"callee":{"number":"431"},"init":1780000000000,"start":1780000000000,"end":1780000061000,"duration_ms":61000,"flags":[]}
{"key":"00000000000000000000000000000002","revision":1,"generation":1,"call_id":"2","from_tag":"","leg":0,"type":"call","status":"ok","caller":{"account":"acme","number":"1"},"callee":{"number":"491"},"init":1780000000000,"start":1780000000000,"end":1780000061000,"duration_ms":61000,"flags":[]}
`
)

// write makes files in a directory of the test and returns their paths by name.
func write(t *testing.T, files map[string]string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

func TestRun(t *testing.T) {
	in := write(t, map[string]string{
		"call.json": call, "wrong.json": wrong, "nofee.json": noFee, "deck.csv": deck, "dearer.csv": dearer, "holes.csv": holes, "broken.csv": broken,
		"ngcp.csv": ngcp, "cdrs.jsonl": records, "badcdrs.jsonl": records + `{"key":1}` + "\n", "narrow.csv": "destination,follow_price\n43,0.01\n",
		"lines.jsonl":              call + "\n" + `{"format":"class5-rating/1","fee":{},"timeline":[{"call":{"duration":"x"}}]}` + "\n" + call + "\n",
		"wallet.json":              `{"format":"class5-rating/1","profiles":{"p":{"fees":[{"price":"0.10/60","interval":60}]}},"accounts":{"a":{"profile":"p","wallets":[{"id":"w","unit":"cash","value":"0.3"}]}},"timeline":[{"call":{"account":"a","duration":61}}]}`,
		"unknown.json":             "{\n  \"format\": \"class5-rating/1\",\n  \"fees\": []\n}\n",
		"type.json":                "{\n  \"format\": \"class5-rating/1\",\n  \"fee\": {\n    \"price\": 0.1\n  }\n}\n",
		"cut.json":                 "{\n  \"format\": \"class5-rating/1\",\n",
		"zone.json":                `{"format":"class5-rating/1","zone":"Mars/Olympus"}`,
		"windows.json":             `{"format":"class5-rating/1","profiles":{"p":{"calendar":{"windows":["a mon-fri 08:00-18:00","b fri 17:00-19:00"]},"fees":[{"price":"0.1"}]}}}`,
		"currency.json":            `{"format":"class5-rating/1","profiles":{"p":{"deck":{"text":"destination,follow_price,connect\n43,0.1,0.05 USD\n"}}}}`,
		"overflow.json":            `{"format":"class5-rating/1","fee":{"price":"99999999"}}`,
		"cgr/Destinations.csv":     "#Id,Prefix\nDST,43\n",
		"cgr/Rates.csv":            "#Id,ConnectFee,Rate,RateUnit,RateIncrement,GroupIntervalStart\nRT,0,0.1,60s,60s,0s\n",
		"cgr/Timings.csv":          "#Tag,Years,Months,MonthDays,WeekDays,Time\n",
		"cgr/DestinationRates.csv": "#Id,DestinationId,RatesTag,RoundingMethod,RoundingDecimals\nDR,DST,RT,*up,4\n",
		"cgr/RatingPlans.csv":      "#Id,DestinationRatesId,TimingTag,Weight\nRP,DR,*any,10\n",
	})
	for _, c := range []struct {
		name       string
		args       []string
		stdin      string
		code       int
		out, diags string // parts of them
	}{
		{"rate a file", []string{"rate", in("call.json")}, "", 0, `"price": "0.2"`, ""},
		{"rate a file on standard input", []string{"rate"}, "{\n" + call[1:], 0, `"price": "0.2"`, ""},
		{"rate a file of JSON lines", []string{"rate", in("lines.jsonl")}, "", 2, `"price":"0.2"`, "lines.jsonl: line 2: /timeline/0/call/duration"},
		{"explain what wallets paid", []string{"explain", in("wallet.json")}, "", 0, "Wallet w of a: 0.3 before, 0.1 after", ""},
		{"rate JSON lines", []string{"rate"}, call + "\n\n" + call + "\n", 0, `"price":"0.2"`, ""},
		{"a bad line, others go on", []string{"rate"}, call + "\n" + `{"format":"class5-rating/1","fee":{},"timeline":[{"call":{"duration":"x"}}]}` + "\n" + call + "\n", 2, `"price":"0.2"`, "standard input: line 2: /timeline/0/call/duration"},
		{"an answer that was not expected", []string{"rate", in("wrong.json")}, "", 1, `"price": "0.2"`, `/timeline/0/price: "0.2", expected "0.21"`},
		{"lines with one", []string{"rate"}, call + "\n" + wrong + "\n", 1, "", "in 1 of 2 lines"},
		{"an unknown member", []string{"rate", in("unknown.json")}, "", 2, "", "unknown.json: line 3: /fees: scenario: bad file: no such member"},
		{"a decimal that is no string", []string{"rate", in("type.json")}, "", 2, "", "line 4: /fee/price"},
		{"a file that was cut", []string{"rate", in("cut.json")}, "", 2, "", "cut.json: line"},
		{"no time zone", []string{"rate", in("zone.json")}, "", 2, "", "/zone: scenario: unknown time zone"},
		{"windows that overlap", []string{"rate", in("windows.json")}, "", 2, "", "/profiles/p/calendar: tariff: windows of two rates overlap"},
		{"a mix of currencies", []string{"rate", in("currency.json")}, "", 2, "", "/profiles/p/deck/text: line 2"},
		{"a price too large", []string{"rate", in("overflow.json")}, "", 2, "", "/fee/price: billing: overflow"},
		{"no such file", []string{"rate", in("none.json")}, "", 2, "", "none.json"},
		{"explain", []string{"explain", in("call.json")}, "", 0, "First 1:00 at 0.1 EUR/min: 0.10 EUR", ""},
		{"explain what failed", []string{"explain", in("nofee.json")}, "", 1, "no_fee", "1 steps"},
		{"explain a bad file", []string{"explain", in("type.json")}, "", 2, "", "line 4: /fee/price"},
		{"lint a good deck", []string{"lint", in("deck.csv")}, "", 0, "", ""},
		{"lint holes", []string{"lint", in("holes.csv")}, "", 1, "hole:", "findings"},
		{"an interval of 0", []string{"lint", in("holes.csv")}, "", 1, "an interval of 0 seconds counts as 1", ""},
		{"lint margins", []string{"lint", "-carrier", in("dearer.csv"), in("deck.csv")}, "", 1, "margin:", ""},
		{"lint a broken deck", []string{"lint", in("broken.csv")}, "", 2, "", "broken.csv: line 3, follow_price"},
		{"lint two, one broken", []string{"lint", in("holes.csv"), in("broken.csv")}, "", 2, "hole:", "line 3"},
		{"lint a scenario's profile", []string{"lint", in("call.json")}, "", 0, "", ""},
		{"what if", []string{"whatif", "-old", in("deck.csv"), "-new", in("dearer.csv"), in("cdrs.jsonl")}, "", 0, "0.30 EUR  0.34 EUR    0.04 EUR", ""},
		{"what if on standard input", []string{"whatif", "-old", in("deck.csv"), "-new", in("dearer.csv")}, records, 0, "acme        2        1", ""},
		{"what if there is no fee", []string{"whatif", "-old", in("deck.csv"), "-new", in("narrow.csv"), in("cdrs.jsonl")}, "", 1, "no fee matches", "1 none by the new one"},
		{"bad records", []string{"whatif", "-old", in("deck.csv"), "-new", in("deck.csv"), in("badcdrs.jsonl")}, "", 2, "", "badcdrs.jsonl: line 3"},
		{"what if of a broken deck", []string{"whatif", "-old", in("deck.csv"), "-new", in("broken.csv"), in("cdrs.jsonl")}, "", 2, "", "line 3, follow_price"},
		{"own to NGCP", []string{"convert", "-to", "ngcp", in("narrow.csv")}, "", 0, ",43,out,,,1,1,1,1", ""},
		{"NGCP to own", []string{"convert", "-layout", "ngcp", "-to", "own", in("ngcp.csv")}, "", 0, "^431", ""},
		{"CGRateS to own", []string{"convert", "-profile", "RP", "-currency", "EUR", "-to", "own", in("cgr")}, "", 0, "0.1/60,60", ""},
		{"own to JSON", []string{"convert", "-to", "json", in("deck.csv")}, "", 0, `"price": "0.05/60"`, ""},
		{"what NGCP has no room for", []string{"convert", "-to", "ngcp", in("deck.csv")}, "", 2, "", `fee "" for "": tariff: bad fee: price 0.1/60`},
		{"no such layout", []string{"convert", "-to", "xml", in("deck.csv")}, "", 2, "", `no layout "xml"`},
		{"convert a broken deck", []string{"convert", "-to", "json", in("broken.csv")}, "", 2, "", "line 3, follow_price"},
		{"a plan that is not there", []string{"convert", "-profile", "X", "-currency", "EUR", "-to", "own", in("cgr")}, "", 2, "", "RatingPlans.csv"},
		{"a bad flag", []string{"lint", "-window", "late", in("deck.csv")}, "", 2, "", "-window"},
		{"an unknown flag", []string{"lint", "-x", in("deck.csv")}, "", 2, "", "not defined"},
		{"schema", []string{"schema"}, "", 0, `"title": "class5-rating/1"`, ""},
		{"no command", nil, "", 2, "", "ratetool rate"},
		{"an unknown command", []string{"price"}, "", 2, "", `no command "price"`},
		{"help", []string{"help"}, "", 0, "ratetool convert", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, diag bytes.Buffer
			code := run(t.Context(), c.args, strings.NewReader(c.stdin), &out, &diag)
			if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(diag.String(), c.diags) {
				t.Errorf("exit %d, want %d\n%s\n%s\nwant %q and %q", code, c.code, out.String(), diag.String(), c.out, c.diags)
			}
		})
	}
}

// TestConvertBack: a deck through the compiled and the JSON form is the same
// deck.
func TestConvertBack(t *testing.T) {
	in := write(t, map[string]string{"deck.csv": deck})
	convert := func(from, to, layout string) {
		t.Helper()
		var diag bytes.Buffer
		if code := run(t.Context(), []string{"convert", "-to", layout, in(from), in(to)}, nil, &diag, &diag); code != 0 {
			t.Fatalf("%s to %s: %s", from, to, diag.String())
		}
	}
	convert("deck.csv", "own.csv", "own")
	convert("deck.csv", "a.c5deck", "compiled")
	convert("a.c5deck", "b.json", "json")
	convert("b.json", "c.c5deck", "compiled")
	convert("c.c5deck", "back.csv", "own")
	want, err := os.ReadFile(in("own.csv"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(in("back.csv"))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s\nwant\n%s\n%v", got, want, err)
	}
}

// TestNothingHalf: an output is not made of a deck that cannot be converted.
func TestNothingHalf(t *testing.T) {
	in := write(t, map[string]string{"broken.csv": broken})
	var out bytes.Buffer
	if code := run(t.Context(), []string{"convert", "-to", "own", in("broken.csv"), in("out.csv")}, nil, &out, &out); code != 2 {
		t.Errorf("exit %d", code)
	}
	if _, err := os.Stat(in("out.csv")); !os.IsNotExist(err) {
		t.Errorf("the output was made: %v", err)
	}
}
