package bridge

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"

	"github.com/class5-go/class5/media/sdp"
)

// origin writes the o= line. What the options take control of stays the same
// for a party from its first description on.
func (w *work) origin(l string, mine []*pair) string {
	f := strings.Fields(l[2:])
	if len(f) != 6 {
		return l
	}
	t, r := &w.o.to.Told, w.o.options.Replace
	if r.Username || r.OriginFull {
		keep(&t.Username, &f[0])
	}
	if r.OriginFull {
		keep(&t.SessionID, &f[1])
	}
	if r.Origin || r.OriginFull {
		p := (*pair)(nil)
		if len(mine) > 0 {
			p = mine[0]
		}
		copy(f[3:], strings.Fields(network(w.where(p))))
		if r.OriginFull {
			addr := strings.Join(f[3:], " ")
			keep(&t.Addr, &addr)
			copy(f[3:], strings.Fields(addr))
		}
	}
	return "o=" + strings.Join(f, " ")
}

// keep makes now what was told first.
func keep(before, now *string) {
	if *before == "" {
		*before = *now
	}
	*now = *before
}

func (w *work) sessionName(l string) string {
	if !w.o.options.Replace.SessionName {
		return l
	}
	name := l[2:]
	keep(&w.o.to.Told.SessionName, &name)
	return "s=" + name
}

// version takes control of the version in o=: it is that of the first
// description, and one more for each description that differs from the last.
func (w *work) version(ds []*sdp.Description) {
	t, r := &w.o.to.Told, w.o.options.Replace
	if !r.Version && !r.ForceVersion {
		return
	}
	first := ""
	for i, d := range ds {
		if v := setVersion(d, "-"); i == 0 {
			first = v
		}
	}
	sum := sha256.Sum256(joined(ds))
	hash := hex.EncodeToString(sum[:16])
	switch {
	case t.Version == "":
		t.Version = first
	case r.ForceVersion || t.Hash != hash:
		t.Version = next(t.Version)
	}
	t.Hash = hash
	for _, d := range ds {
		setVersion(d, t.Version)
	}
}

// setVersion replaces the version of o= and returns what stood there.
func setVersion(d *sdp.Description, v string) (before string) {
	lines := d.Lines()
	for i, l := range lines {
		if !strings.HasPrefix(l, "o=") {
			continue
		}
		f := strings.Fields(l[2:])
		if len(f) == 6 {
			before, f[2] = f[2], v
			lines[i] = "o=" + strings.Join(f, " ")
			d.SetLines(lines)
		}
		return before
	}
	return ""
}

// next is a version plus one. Senders use more digits than fit 64 bits.
func next(v string) string {
	n, ok := new(big.Int).SetString(v, 10)
	if !ok || len(v) > 64 {
		return "1"
	}
	return n.Add(n, big.NewInt(1)).String()
}
