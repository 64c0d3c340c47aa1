package tariff

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"

	"github.com/class5-go/class5/billing"
)

// hashVersion changes when the meaning of anything hashed does.
const hashVersion = "class5 tariff 2"

// sum hashes what can change a price or its explanation: the order in which
// fees were given does not, nor does the name of the tariff.
func (s *Snapshot) sum(rows []row) billing.Hash {
	h := sha256.New()
	w := bufio.NewWriterSize(h, 1<<15)
	var buf [512]byte
	// A hash takes whatever it is given.
	write := func(b []byte) { _, _ = w.Write(b) }
	b := appendText(buf[:0], hashVersion)
	b = appendText(b, s.currency.String())
	b = appendText(b, s.rounding.String())
	b = append(b, byte(s.counting), byte(s.crossing), flag(s.ignoreDomain), flag(s.customerZone))
	write(b)
	// The week and the changes of local time, not the name of the zone: two
	// versions of the zone database may price a call differently.
	for _, e := range s.calendar.week {
		b = appendInt(buf[:0], e.at)
		write(appendText(b, s.rateNames[e.rate]))
	}
	write(appendText(buf[:0], "specials"))
	for _, e := range s.calendar.specials {
		b = appendInt(appendInt(buf[:0], e.from), e.to)
		write(appendText(b, s.rateNames[e.rate]))
	}
	write(appendText(buf[:0], "shifts"))
	for _, e := range s.calendar.zone.shifts {
		write(appendInt(appendInt(buf[:0], e.from), e.offset))
	}
	write(appendText(buf[:0], "fees"))
	used := s.used()
	for i, r := range rows {
		m := Match{s, found{fee: uint32(i)}}
		b = append(buf[:0], byte(r.dir), byte(r.service), byte(r.mode))
		b = appendText(b, r.dest)
		b = appendText(b, r.source)
		b = appendText(b, m.Fee())
		b = appendText(b, m.Zone())
		b = appendTerms(b, m.plan())
		write(b)
		for _, n := range used {
			write(appendRate(buf[:0], s.rate(r.plan, n)))
		}
	}
	_ = w.Flush()
	return billing.Hash(h.Sum(nil))
}

// used lists the numbers of the rates that the calendar can bring into force,
// in the order of the week, then of the special dates.
func (s *Snapshot) used() []int {
	seen := make([]bool, len(s.rateNames))
	var used []int
	for _, e := range s.calendar.week {
		if !seen[e.rate] {
			seen[e.rate] = true
			used = append(used, int(e.rate))
		}
	}
	for _, e := range s.calendar.specials {
		if !seen[e.rate] {
			seen[e.rate] = true
			used = append(used, int(e.rate))
		}
	}
	return used
}

func appendInt(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendTerms(b []byte, t *terms) []byte {
	b = appendInt(appendInt(b, t.connect), t.limit)
	return append(b, byte(t.action))
}

func appendRate(b []byte, r *Rate) []byte {
	b = appendInterval(appendInterval(b, r.Init), r.Follow)
	b = append(b, flag(r.FreeTime), byte(len(r.Tiers)))
	for _, t := range r.Tiers {
		b = appendInt(appendInt(b, int64(t.Start)), t.Connect.Micros())
		b = appendInterval(b, t.Interval)
	}
	b = appendInt(b, int64(r.Extra.Second))
	return appendPrice(b, r.Extra.Price)
}

func appendInterval(b []byte, i Interval) []byte {
	return appendInt(appendPrice(b, i.Price), int64(i.Seconds))
}

func appendPrice(b []byte, p billing.Price) []byte {
	return appendInt(appendInt(b, p.Pico()), p.Per())
}
