package scenario_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/billing/scenario"
	"github.com/class5-go/class5/billing/tariff"
)

// TestBadFiles: each mistake is an error that says where it is, with the error
// of the package that knows why.
func TestBadFiles(t *testing.T) {
	const head = `{"format":"class5-rating/1",`
	for _, c := range []struct {
		name, text string
		path       string
		is         error
	}{
		{"nothing", ``, "", scenario.ErrFile},
		{"no object", `[]`, "", scenario.ErrFile},
		{"another format", `{"format":"class5-rating/2"}`, "/format", scenario.ErrFile},
		{"no format", `{}`, "/format", scenario.ErrFile},
		{"bytes behind the end", head + `"title":"x"} {}`, "", scenario.ErrFile},
		{"cut", head + `"title":`, "/title", scenario.ErrFile},
		{"unknown member", head + `"fees":[]}`, "/fees", scenario.ErrFile},
		{"unknown member of a fee", head + `"fee":{"rate":"1"}}`, "/fee/rate", scenario.ErrFile},
		{"wrong case", head + `"Title":"x"}`, "/Title", scenario.ErrFile},
		{"a member twice", head + `"title":"x","title":"y"}`, "/title", scenario.ErrFile},
		{"null", head + `"title":null}`, "/title", scenario.ErrFile},
		{"a number for a decimal", head + `"fee":{"price":0.10}}`, "/fee/price", scenario.ErrFile},
		{"no integer", head + `"fee":{"price":"1","interval":1.5}}`, "/fee/interval", scenario.ErrFile},
		{"an exponent", head + `"fee":{"price":"1","interval":1e2}}`, "/fee/interval", scenario.ErrFile},
		{"a price that is none", head + `"fee":{"price":"1,5"}}`, "/fee/price", billing.ErrSyntax},
		{"too many places", head + `"fee":{"price":"0.1234567890123"}}`, "/fee/price", billing.ErrPrecision},
		{"too many places of a hundredth", head + `"amounts":"hundredths","fee":{"price":"0.12345678901"}}`, "/fee/price", billing.ErrPrecision},
		{"too many places of money", head + `"fee":{"connect":"0.0000001"}}`, "/fee/connect", billing.ErrPrecision},
		{"money with a currency", head + `"fee":{"connect":"1 EUR"}}`, "/fee/connect", billing.ErrSyntax},
		{"overflow", head + `"fee":{"price":"99999999"}}`, "/fee/price", billing.ErrOverflow},
		{"a bad tier", head + `"fee":{"tiers":[{"from":60,"price":"x"}]}}`, "/fee/tiers/0/price", billing.ErrSyntax},
		{"tiers out of order", head + `"fee":{"tiers":[{"from":60},{"from":30}]}}`, "/fee", tariff.ErrFee},
		{"a bad further rate", head + `"fee":{"rates":{"off/peak":{"price":"x"}}}}`, "/fee/rates/off~1peak/price", billing.ErrSyntax},
		{"a bad expression", head + `"fee":{"mode":"regex-match","destination":"("}}`, "/fee", tariff.ErrFee},
		{"no such mode", head + `"fee":{"mode":"longest"}}`, "/fee/mode", billing.ErrSyntax},
		{"a bad window", head + `"fee":{},"calendar":{"windows":["off 18:00-24:00"]}}`, "/calendar/windows/0", tariff.ErrWindow},
		{"two fees for the same calls", head + `"profiles":{"p":{"fees":[{"price":"1"},{"price":"2"}]}}}`, "/profiles/p/fees", tariff.ErrDuplicate},
		{"windows of two rates overlap", head + `"profiles":{"p":{"fees":[{}],"calendar":{"windows":["a mon-fri 08:00-18:00","b fri 17:00-19:00"]}}}}`, "/profiles/p/calendar", tariff.ErrOverlap},
		{"no such calendar", head + `"profiles":{"p":{"calendar":"office"}}}`, "", nil},
		{"no such calendar for fees", head + `"profiles":{"p":{"fees":[{}],"calendar":"office"}}}`, "/profiles/p/calendar", scenario.ErrName},
		{"no time zone", head + `"zone":"Mars/Olympus"}`, "/zone", scenario.ErrZone},
		{"no time zone of a calendar", head + `"fee":{},"calendar":{"zone":"Vienna"}}`, "/calendar/zone", scenario.ErrZone},
		{"no time zone of a customer", head + `"accounts":{"a":{"zone":"../etc"}}}`, "/accounts/a/zone", scenario.ErrZone},
		{"a currency that is none", head + `"currency":"Euro"}`, "/currency", billing.ErrCurrency},
		{"currencies mixed in a deck", head + `"profiles":{"p":{"deck":{"text":"destination,follow_price,connect\n43,0.1,0.05 USD\n"}}}}`, "/profiles/p/deck/text", billing.ErrCurrency},
		{"a broken deck", head + `"profiles":{"p":{"deck":{"text":"destination,follow_price\n43,x\n"}}}}`, "/profiles/p/deck/text", billing.ErrSyntax},
		{"a fee and a profile named default", head + `"fee":{},"profiles":{"default":{}}}`, "/fee", scenario.ErrFile},
		{"a calendar alone", head + `"calendar":{}}`, "/calendar", scenario.ErrFile},
		{"no block of addresses", head + `"networks":{"n":["10.0.0.0/33"]}}`, "/networks/n/0", billing.ErrSyntax},
		{"no such profile", head + `"accounts":{"a":{"profile":"p"}}}`, "/accounts/a/profile", scenario.ErrName},
		{"no such network", head + `"profiles":{"p":{}},"parties":{"c":{"assignments":[{"profile":"p","network":"n"}]}}}`, "/parties/c/assignments/0/network", scenario.ErrName},
		{"no such parent", head + `"parties":{"c":{"parent":"r"}}}`, "/parties/c/parent", scenario.ErrName},
		{"no such role", head + `"parties":{"c":{"role":"king"}}}`, "/parties/c/role", scenario.ErrFile},
		{"no such package", head + `"accounts":{"a":{"package":"k"}}}`, "/accounts/a/package", scenario.ErrName},
		{"no such start mode", head + `"packages":{"k":{"interval":{"start":"never"}}}}`, "/packages/k", balance.ErrTerms},
		{"a timely package without a time", head + `"packages":{"k":{"carry_over":"carry_over_timely"}}}`, "/packages/k", balance.ErrTerms},
		{"a lock level of 6", head + `"packages":{"k":{"lock_below":"1","lock_level":6}}}`, "/packages/k", balance.ErrTerms},
		{"a wallet named cash", head + `"accounts":{"a":{"wallets":[{"id":"cash","unit":"cash","value":"1"}]}}}`, "/accounts/a", balance.ErrTerms},
		{"a wallet of half a message", head + `"accounts":{"a":{"wallets":[{"id":"w","unit":"sms","value":"1.5"}]}}}`, "/accounts/a/wallets/0/value", billing.ErrSyntax},
		{"a limit of nothing", head + `"limits":{"day":{"limit":"0"}}}`, "/limits", fraud.ErrLimits},
		{"no such voucher", head + `"accounts":{"a":{}},"timeline":[{"voucher":{"account":"a","code":"X"}}]}`, "/timeline/0/voucher/code", scenario.ErrName},
		{"no such account", head + `"timeline":[{"topup":{"account":"a","amount":"1"}}]}`, "/timeline/0/topup/account", scenario.ErrName},
		{"a step without an action", head + `"timeline":[{"at":"+1"}]}`, "/timeline/0", scenario.ErrFile},
		{"a step with two", head + `"timeline":[{"advance":{},"restart":{}}]}`, "/timeline/0", scenario.ErrFile},
		{"an id twice", head + `"timeline":[{"id":"x","advance":{}},{"id":"x","advance":{}}]}`, "/timeline/1/id", scenario.ErrFile},
		{"a call of nobody", head + `"timeline":[{"call":{"duration":1}}]}`, "/timeline/0/call", scenario.ErrName},
		{"a duration that is none", head + `"fee":{},"timeline":[{"call":{"duration":"long"}}]}`, "/timeline/0/call/duration", billing.ErrSyntax},
		{"a time that is none", head + `"fee":{},"timeline":[{"at":"noon","call":{"duration":1}}]}`, "/timeline/0/at", billing.ErrSyntax},
		{"before 1970", head + `"origin":"1969-12-31"}`, "/origin", billing.ErrSyntax},
		{"an address that is none", head + `"fee":{},"timeline":[{"call":{"duration":1,"ip":"10.0.0"}}]}`, "/timeline/0/call/ip", billing.ErrSyntax},
		{"a status that is none", head + `"fee":{},"timeline":[{"call":{"duration":1,"status":"fine"}}]}`, "/timeline/0/call/status", scenario.ErrFile},
		{"a debit of nothing", head + `"accounts":{"a":{}},"timeline":[{"debit":{"account":"a"}}]}`, "/timeline/0/debit", scenario.ErrFile},
		{"advance in parallel", head + `"timeline":[{"parallel":{"steps":[{"advance":{}}]}}]}`, "/timeline/0/parallel/steps/0/advance", scenario.ErrFile},
		{"a time in parallel", head + `"fee":{},"timeline":[{"parallel":{"steps":[{"at":"+1","call":{"duration":1}}]}}]}`, "/timeline/0/parallel/steps/0", scenario.ErrFile},
		{"a cap without an amount", head + `"fee":{"cap":{"action":"free"}}}`, "/fee/cap/amount", scenario.ErrFile},
		{"a re-rating by no profile", head + `"fee":{},"timeline":[{"rerate":{"profiles":{"default":"none"}}}]}`, "/timeline/0/rerate/profiles/default", scenario.ErrName},
		{"a text too long", head + `"title":"` + strings.Repeat("x", 5000) + `"}`, "/title", scenario.ErrLimit},
		{"nested too deep", head + `"expect":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "", scenario.ErrLimit},
		{"parallel without end", head + `"fee":{},"timeline":[{"parallel":{"n":1000000,"steps":[{"call":{"duration":1}}]}}]}`, "/timeline/0/parallel", scenario.ErrLimit},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := scenario.Parse([]byte(c.text))
			if err == nil {
				err = f.Check()
				if _, rerr := scenario.Run(t.Context(), f); (rerr == nil) != (err == nil) && err == nil {
					err = rerr
				}
			}
			if c.is == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var where *scenario.Error
			if !errors.As(err, &where) || !errors.Is(err, c.is) {
				t.Fatalf("%v, want %v", err, c.is)
			}
			if c.path != "" && where.Path != c.path {
				t.Errorf("at %q, want %q: %v", where.Path, c.path, err)
			}
			if !strings.Contains(err.Error(), where.Path) {
				t.Errorf("%v does not say %q", err, where.Path)
			}
		})
	}
}

// TestLines: errors of the JSON itself know their line.
func TestLines(t *testing.T) {
	for text, line := range map[string]int{
		"{\n\"format\": \"class5-rating/1\",\n\"fees\": []\n}":                  3,
		"{\n\"format\": \"class5-rating/1\",\n\"fee\": {\n\"price\": 0.1\n}\n}": 4,
		"{\n\"format\": \"class5-rating/1\",\n\"title\": null\n}":               3,
		"{\n\"format\" \"class5-rating/1\"\n}":                                  2,
	} {
		_, err := scenario.Parse([]byte(text))
		var where *scenario.Error
		if !errors.As(err, &where) || where.Line != line {
			t.Errorf("%q: %v in line %d, want %d", text, err, where.Line, line)
		}
	}
}
