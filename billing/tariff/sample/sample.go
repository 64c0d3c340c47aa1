// Package sample makes synthetic decks and calls of the size and shape of
// real ones, the same for the same seed, for benchmarks and tests.
//
// Prefixes lie on the country codes assigned by ITU-T E.164. A third of them
// are North American area and office codes, a fifth subdivide another prefix,
// the rest have two to six national digits.
package sample

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// countryCodes are the geographic country codes assigned by ITU-T E.164.
const countryCodes = `1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66
81 82 84 86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237
238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269
290 291 297 298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 380 381 382 383 385 386 387
389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599 670 672 673 674 675 676 677
678 679 680 681 682 683 685 686 687 688 689 690 691 692 850 852 853 855 856 880 886 960 961 962 963 964 965 966 967 968 970
971 972 973 974 975 976 977 992 993 994 995 996 998`

// Fees returns n fees for outgoing calls with different prefixes, the first
// one the empty prefix. Every one has a rate of its own for "offpeak".
func Fees(n int, seed uint64) []tariff.Fee {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	codes := strings.Fields(countryCodes)
	seen := make(map[string]bool, n)
	fees := make([]tariff.Fee, 0, n)
	for p := ""; len(fees) < n; p = prefix(r, codes, fees) {
		if seen[p] {
			continue
		}
		seen[p] = true
		price := 1 + r.Int64N(200)
		fees = append(fees, tariff.Fee{
			Destination: p, Zone: "zone " + p[:min(len(p), 4)],
			Rate:  rate(price*2, 60, 1+29*r.IntN(2)),
			Named: map[string]tariff.Rate{"offpeak": rate(price, 60, 60)},
		})
	}
	return fees
}

// rate charges tenths of a cent a minute.
func rate(tenths int64, init, follow int) tariff.Rate {
	p, err := billing.NewPrice(tenths*1e9, 60)
	if err != nil {
		panic(err) // sixty seconds are always allowed
	}
	return tariff.Rate{
		Init:   tariff.Interval{Price: p, Seconds: init},
		Follow: tariff.Interval{Price: p, Seconds: follow},
	}
}

func prefix(r *rand.Rand, codes []string, fees []tariff.Fee) string {
	switch k := r.IntN(15); {
	case k < 5: // area and office code: 1 NXX NXX
		return "1" + strconv.Itoa(200+r.IntN(800)) + strconv.Itoa(200+r.IntN(800))
	case k < 8: // part of another prefix
		if p := fees[r.IntN(len(fees))].Destination; len(p) > 1 && len(p) < 9 {
			return p + strconv.Itoa(r.IntN(10))
		}
	}
	return codes[r.IntN(len(codes))] + digits(r, 2+r.IntN(5))
}

func digits(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + r.IntN(10))
	}
	return string(b)
}

// Numbers returns n called numbers of twelve digits below the prefixes of
// fees. Few destinations get most of the calls, as a Zipf law of exponent 1.1
// says.
func Numbers(fees []tariff.Fee, n int, seed uint64) []string {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	// Which fees are popular has nothing to do with their order.
	popular := r.Perm(len(fees))
	z := rand.NewZipf(r, 1.1, 1, uint64(len(fees)-1))
	out := make([]string, n)
	for i := range out {
		p := fees[popular[z.Uint64()]].Destination
		out[i] = p + digits(r, 12-len(p))
	}
	return out
}

// Windows is a calendar that has a border on every evening and morning of a
// working day.
func Windows() []tariff.Window {
	all := make([]tariff.Window, 0, 3)
	for _, s := range []string{"offpeak mon-fri 18:00-24:00", "offpeak mon-fri 00:00-08:00", "offpeak sat,sun 00:00-24:00"} {
		w, err := tariff.ParseWindow(s)
		if err != nil {
			panic(err) // constants
		}
		all = append(all, w)
	}
	return all
}
