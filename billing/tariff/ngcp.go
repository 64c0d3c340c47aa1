package tariff

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/class5-go/class5/billing"
)

// ngcpOrder is the order of columns of a fee list of Sipwise NGCP that names
// none.
var ngcpOrder = [...]string{
	"source", "destination", "direction", "zone", "zone_detail",
	"onpeak_init_rate", "onpeak_init_interval", "onpeak_follow_rate", "onpeak_follow_interval",
	"offpeak_init_rate", "offpeak_init_interval", "offpeak_follow_rate", "offpeak_follow_interval",
	"use_free_time", "match_mode",
	"onpeak_extra_rate", "onpeak_extra_second", "offpeak_extra_rate", "offpeak_extra_second",
}

// ngcpLeast is how many of them a row has at least: up to the length of the
// further intervals at peak time. One that is cut off before would be free.
const ngcpLeast = 9

// ngcpMore are columns that a list has only when its first line names them.
var ngcpMore = [...]string{"type", "onpeak_use_free_time", "offpeak_use_free_time", "aoc_pulse_amount_per_message", "id"}

var ngcpModes = map[string]Mode{
	"": RegexPattern, "regex_longest_pattern": RegexPattern, "regex_longest_match": RegexMatch, "prefix": Prefix, "exact_destination": Exact,
}

// offPeak is the rate that NGCP's windows bring into force; outside of them the
// fee's own is, which is that of peak time.
const offPeak = "offpeak"

// ReadNGCP adds the fees of a list in the layout of Sipwise NGCP, all of them
// or none. Its prices are hundredths of a unit per second. The first line may
// name the columns; otherwise they are those of NGCP's own lists, and those
// behind the peak rates may be missing. Rates of off-peak time become the rate "offpeak". Errors
// are as those of ReadCSV.
func (b *Builder) ReadNGCP(r io.Reader) error {
	in := newReader(r)
	in.FieldsPerRecord = -1
	first, err := in.Read()
	if err != nil {
		return deckError(1, err)
	}
	at := map[string]int{}
	named := false
	for i, h := range first {
		h = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))
		at[h] = i
		named = named || h == "destination"
	}
	least, most := ngcpLeast, len(ngcpOrder)
	take := func(record []string, line int) error {
		if n := len(record); n < least || n > most {
			return &LineError{Err: fmt.Errorf("%w: %d columns; %d to %d are possible", ErrDeck, n, least, most)}
		}
		return b.ngcp(at, record, line)
	}
	if named {
		least, most = len(first), len(first)
		if err := ngcpHeader(at, len(first)); err != nil {
			return err
		}
		return b.readRows(in, take)
	}
	at = map[string]int{}
	for i, n := range ngcpOrder {
		at[n] = i
	}
	had := len(b.rows)
	line, _ := in.FieldPos(0)
	start := take(first, line)
	err = b.readRows(in, take)
	if start != nil {
		b.rows = b.rows[:had]
		return errors.Join(atLine(line, start), err)
	}
	if err != nil {
		b.rows = b.rows[:had]
	}
	return err
}

func ngcpHeader(at map[string]int, columns int) error {
	known := 0
	for _, list := range [...][]string{ngcpOrder[:], ngcpMore[:]} {
		for _, n := range list {
			if _, ok := at[n]; ok {
				known++
			}
		}
	}
	if known != columns {
		return &LineError{Line: 1, Err: fmt.Errorf("%w: a column is unknown or comes twice", ErrDeck)}
	}
	return nil
}

// ngcp takes one row.
func (b *Builder) ngcp(at map[string]int, record []string, line int) error {
	get := func(name string) string {
		if i, ok := at[name]; ok && i < len(record) {
			return strings.TrimSpace(record[i])
		}
		return ""
	}
	f := Fee{ID: get("id"), Source: get("source"), Destination: get("destination"), Zone: get("zone")}
	if d := get("zone_detail"); d != "" {
		f.Zone = strings.TrimSpace(f.Zone + " " + d)
	}
	var ok bool
	if f.Mode, ok = ngcpModes[get("match_mode")]; !ok {
		return &LineError{Column: "match_mode", Err: fmt.Errorf("%w: %.40q", billing.ErrSyntax, get("match_mode"))}
	}
	if f.Mode < RegexMatch && anySource[f.Source] {
		f.Source = ""
	}
	if _, _, lnp := isLNP(f.Destination); lnp {
		f.Mode = Exact
	}
	if d := get("direction"); d != "" {
		if err := f.Direction.UnmarshalText([]byte(d)); err != nil {
			return &LineError{Column: "direction", Err: err}
		}
	}
	if err := f.Service.UnmarshalText([]byte(get("type"))); err != nil {
		return &LineError{Column: "type", Err: err}
	}
	if get("onpeak_init_rate") == "" && get("onpeak_follow_rate") == "" {
		return &LineError{Column: "onpeak_init_rate", Err: fmt.Errorf("%w: no price", ErrDeck)}
	}
	var err error
	if f.Rate, err = ngcpRate(get, "onpeak_"); err != nil {
		return err
	}
	var further []named
	if get("offpeak_init_rate") != "" || get("offpeak_follow_rate") != "" {
		r, err := ngcpRate(get, "offpeak_")
		if err != nil {
			return err
		}
		further = append(further, named{offPeak, r})
	}
	return b.add(&f, further, line)
}

// anySource are the expressions that NGCP writes for any source; as a prefix
// there is none.
var anySource = map[string]bool{".": true, ".*": true, "^.*$": true, "^.+$": true, ".+": true}

// ngcpRate reads the columns of peak or off-peak time.
func ngcpRate(get func(string) string, peak string) (r Rate, err error) {
	price := func(column string, to *billing.Price) {
		text := get(column)
		if text == "" || err != nil {
			return
		}
		if *to, err = cents(text); err != nil {
			err = &LineError{Column: column, Err: err}
		}
	}
	seconds := func(column string, to *int) {
		text := get(column)
		if text == "" || err != nil {
			return
		}
		if *to, err = parseSeconds(text); err != nil {
			err = &LineError{Column: column, Err: err}
		}
	}
	price(peak+"init_rate", &r.Init.Price)
	seconds(peak+"init_interval", &r.Init.Seconds)
	price(peak+"follow_rate", &r.Follow.Price)
	seconds(peak+"follow_interval", &r.Follow.Seconds)
	price(peak+"extra_rate", &r.Extra.Price)
	seconds(peak+"extra_second", &r.Extra.Second)
	for _, column := range [...]string{"use_free_time", peak + "use_free_time"} {
		if err == nil && get(column) != "" {
			if r.FreeTime, err = parseFlag(get(column)); err != nil {
				err = &LineError{Column: column, Err: err}
			}
		}
	}
	return r, err
}

// cents reads a decimal of hundredths of a unit, with up to ten places.
func cents(s string) (billing.Price, error) {
	neg := strings.HasPrefix(s, "-")
	whole, frac, _ := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if whole == "" || strings.Trim(whole+frac, "0123456789") != "" {
		return billing.Price{}, fmt.Errorf("%w: %.40q is no decimal", billing.ErrSyntax, s)
	}
	for len(whole) < 3 {
		whole = "0" + whole
	}
	text := whole[:len(whole)-2] + "." + whole[len(whole)-2:] + frac
	if neg {
		text = "-" + text
	}
	return billing.ParsePrice(text)
}

// Cents returns a price as NGCP writes it: hundredths of a unit per second. ok
// is false when that has no decimal of ten places.
func Cents(p billing.Price) (text string, ok bool) {
	pico, per := p.Pico(), p.Per()
	if pico%per != 0 {
		return "", false
	}
	pico /= per
	sign := ""
	if pico < 0 {
		sign, pico = "-", -pico
	}
	whole, frac := pico/1e10, strings.TrimRight(fmt.Sprintf("%010d", pico%1e10), "0")
	text = sign + strconv.FormatInt(whole, 10)
	if frac != "" {
		text += "." + frac
	}
	return text, true
}
