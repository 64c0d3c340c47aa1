package tariff

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/class5-go/class5/billing"
)

// compiledMark begins a compiled deck; its last byte is the version.
const compiledMark = "c5deck\x00\x01"

// maxCompiled bounds what ReadCompiled takes.
const maxCompiled = 1 << 30

// WriteCompiled writes configuration and fees in a binary form that holds each
// different rate once and the hash of the snapshot that Build makes of them. It
// reads back without a decimal being parsed, and to that very snapshot or not at
// all.
func (b *Builder) WriteCompiled(w io.Writer) error {
	s, err := b.Build()
	if err != nil {
		return err
	}
	out := append([]byte{}, compiledMark...)
	out = b.appendConfig(out)
	out = appendTexts(out, b.zones.names)
	out = appendTexts(out, b.rates.names)
	out = appendInt(out, int64(len(b.rated)))
	for i := range b.rated {
		out = appendRate(out, &b.rated[i])
	}
	out = appendInt(out, int64(len(b.plans)))
	for i := range b.plans {
		p := &b.plans[i]
		out = appendTerms(out, &p.terms)
		out = appendInt(appendInt(out, int64(p.own)), int64(len(p.named)))
		var names []uint16
		for n := range p.named {
			names = append(names, n)
		}
		slices.Sort(names)
		for _, n := range names {
			out = appendInt(appendInt(out, int64(n)), int64(p.named[n]))
		}
	}
	out = appendInt(out, int64(len(b.rows)))
	for i := range b.rows {
		r := &b.rows[i]
		out = appendText(appendText(appendText(out, r.id), r.dest), r.source)
		out = appendInt(appendInt(out, int64(r.plan)), int64(r.zone))
		out = append(out, byte(r.dir), byte(r.service), byte(r.mode))
	}
	hash := s.Hash()
	if _, err = w.Write(append(out, hash[:]...)); err != nil {
		return fmt.Errorf("tariff: compiled deck: %w", err)
	}
	return nil
}

func (b *Builder) appendConfig(out []byte) []byte {
	c := &b.cfg
	for _, s := range []string{c.Name, c.Currency.String(), c.Location.String(), c.Rounding.String()} {
		out = appendText(out, s)
	}
	out = append(out, flag(c.CustomerZone), flag(c.InclusiveEnds), flag(c.IgnoreDomain), byte(c.Counting), byte(c.Crossing))
	out = appendInt(out, int64(len(c.Windows)))
	for _, w := range c.Windows {
		out = append(appendText(out, w.Rate), byte(w.Days))
		out = appendInt(appendInt(out, int64(w.From)), int64(w.To))
	}
	out = appendInt(out, int64(len(c.Specials)))
	for _, v := range c.Specials {
		out = appendInt(appendInt(appendText(out, v.Rate), int64(v.From)), int64(v.To))
	}
	return out
}

func appendTexts(out []byte, list []string) []byte {
	out = appendInt(out, int64(len(list)))
	for _, s := range list {
		out = appendText(out, s)
	}
	return out
}

// ReadCompiled makes a builder of what WriteCompiled wrote. Damage, and a time
// zone database by which the deck means something else, are ErrDeck.
func ReadCompiled(r io.Reader) (*Builder, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxCompiled+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDeck, err)
	}
	if len(data) > maxCompiled {
		return nil, fmt.Errorf("%w: a compiled deck of more than %d bytes", ErrLimit, maxCompiled)
	}
	body, ok := bytes.CutPrefix(data, []byte(compiledMark))
	var hash billing.Hash
	if !ok || len(body) < len(hash) {
		return nil, fmt.Errorf("%w: not a compiled deck of this version", ErrDeck)
	}
	copy(hash[:], body[len(body)-len(hash):])
	d := &decoder{b: body[:len(body)-len(hash)]}
	b, err := d.deck()
	if err != nil {
		return nil, err
	}
	s, err := b.Build()
	if err != nil {
		return nil, err
	}
	if s.Hash() != hash {
		return nil, fmt.Errorf("%w: it does not come to the tariff that was compiled", ErrDeck)
	}
	return b, nil
}

// decoder reads a compiled deck. The first error sticks.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: compiled deck: %s", ErrDeck, what)
	}
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail("it ends too early")
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads how many things follow, of at least a byte each.
func (d *decoder) count() int {
	n := d.int()
	if n < 0 || n > int64(len(d.b)) {
		d.fail("a count that cannot be")
		return 0
	}
	return int(n)
}

// below reads the place of something in a list of so many.
func (d *decoder) below(n int) int {
	v := d.int()
	if v < 0 || v >= int64(n) {
		d.fail("a place outside of its list")
		return 0
	}
	return int(v)
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail("it ends too early")
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) text() string {
	n, k := binary.Uvarint(d.b)
	if k <= 0 || n > uint64(len(d.b)-k) {
		d.fail("it ends too early")
		return ""
	}
	s := string(d.b[k : k+int(n)])
	d.b = d.b[k+int(n):]
	return s
}

func (d *decoder) texts() []string {
	var out []string
	for n := d.count(); n > 0 && d.err == nil; n-- {
		out = append(out, d.text())
	}
	return out
}

func (d *decoder) config() (Config, error) {
	c := Config{Name: d.text()}
	var err error
	if c.Currency, err = billing.ParseCurrency(d.text()); err != nil {
		return c, err
	}
	if c.Location, err = time.LoadLocation(d.text()); err != nil {
		return c, fmt.Errorf("%w: %w", ErrDeck, err)
	}
	if c.Rounding, err = billing.ParseRounding(d.text()); err != nil {
		return c, err
	}
	c.CustomerZone, c.InclusiveEnds, c.IgnoreDomain = d.byte() == 1, d.byte() == 1, d.byte() == 1
	c.Counting, c.Crossing = Counting(d.byte()), Crossing(d.byte())
	for range d.count() {
		c.Windows = append(c.Windows, Window{Rate: d.text(), Days: Days(d.byte()), From: int(d.int()), To: int(d.int())})
	}
	for range d.count() {
		c.Specials = append(c.Specials, Special{Rate: d.text(), From: Wall(d.int()), To: Wall(d.int())})
	}
	return c, d.err
}

func (d *decoder) price() billing.Price {
	pico, per := d.int(), d.int()
	if pico == 0 && per == 1 {
		return billing.Price{} // as it is where none is given
	}
	p, err := billing.NewPrice(pico, int(per))
	if err != nil && d.err == nil {
		d.err = fmt.Errorf("%w: %w", ErrDeck, err)
	}
	return p
}

func (d *decoder) interval() Interval { return Interval{Price: d.price(), Seconds: int(d.int())} }

func (d *decoder) rate(cur billing.Currency) Rate {
	r := Rate{Init: d.interval(), Follow: d.interval()}
	r.FreeTime = d.byte() == 1
	for range int(d.byte()) {
		t := Tier{Start: int(d.int()), Connect: billing.NewAmount(d.int(), cur)}
		t.Interval = d.interval()
		r.Tiers = append(r.Tiers, t)
	}
	r.Extra.Second = int(d.int())
	r.Extra.Price = d.price()
	return r
}

// deck adds the fees one by one, as if they came from anywhere else.
func (d *decoder) deck() (*Builder, error) {
	cfg, err := d.config()
	if err != nil {
		return nil, err
	}
	b, err := NewBuilder(cfg)
	if err != nil {
		return nil, err
	}
	zones, names := d.texts(), d.texts()
	var rates []Rate // not made at once: a count is only said
	for n := d.count(); n > 0 && d.err == nil; n-- {
		rates = append(rates, d.rate(cfg.Currency))
	}
	type agreed struct {
		fee     Fee
		further []named
	}
	var plans []agreed
	for n := d.count(); n > 0 && d.err == nil; n-- {
		var p agreed
		p.fee.Connect, p.fee.Cap.Amount = billing.NewAmount(d.int(), cfg.Currency), billing.NewAmount(d.int(), cfg.Currency)
		p.fee.Cap.Action = CapAction(d.byte())
		if own := d.below(len(rates)); d.err == nil {
			p.fee.Rate = rates[own]
		}
		for range d.count() {
			name, rate := d.below(len(names)), d.below(len(rates))
			if d.err == nil {
				p.further = append(p.further, named{names[name], rates[rate]})
			}
		}
		plans = append(plans, p)
	}
	for range d.count() {
		id, dest, source := d.text(), d.text(), d.text()
		plan, zone := d.below(len(plans)), d.below(len(zones))
		dir, service, mode := d.byte(), d.byte(), d.byte()
		if d.err != nil {
			return nil, d.err
		}
		f := plans[plan].fee
		f.ID, f.Destination, f.Source, f.Zone = id, dest, source, zones[zone]
		f.Direction, f.Service, f.Mode = billing.Direction(dir), Service(service), Mode(mode)
		if err := b.add(&f, plans[plan].further, 0); err != nil {
			return nil, err
		}
	}
	if len(d.b) > 0 {
		d.fail("bytes behind its end")
	}
	return b, d.err
}
