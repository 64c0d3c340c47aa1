package spool_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing/spool"
)

// filled makes a disk with three segments of three records of 27 bytes and a
// fourth that has one.
func filled(t testing.TB) *disk {
	d := newDisk(1)
	l := open(t, spool.Config{FS: d, SegmentSize: 60})
	for i := range 10 {
		add(t, l, fmt.Sprintf("r%d.", i))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDamage(t *testing.T) {
	const second, last = "0000000000000051.spool", "00000000000000f3.spool"
	for _, c := range []struct {
		name   string
		damage func(d *disk)
		want   string
	}{
		{"a bit in data", func(d *disk) { d.files[second].now[36+24] ^= 1 }, "r0. r1. r2. ! r4. r5. r6. r7. r8. r9."},
		{"a bit in a length", func(d *disk) { d.files[second].now[36+27+6] ^= 1 }, "r0. r1. r2. r3. ! r5. r6. r7. r8. r9."},
		{"a header", func(d *disk) { d.files[second].now[0] ^= 1 }, "r0. r1. r2. r3. r4. r5. r6. r7. r8. r9."},
		{"a record of another place", func(d *disk) {
			f := d.files[second].now
			copy(f[36:], f[36+27:36+54])
		}, "r0. r1. r2. ! r4. r5. r6. r7. r8. r9."},
		{"a short segment", func(d *disk) { d.files[second].now = d.files[second].now[:36+27+5] }, "r0. r1. r2. r3. ! ! r6. r7. r8. r9."},
		{"a missing segment", func(d *disk) { delete(d.files, second) }, "r0. r1. r2. ! r6. r7. r8. r9."},
		{"zeros", func(d *disk) { clear(d.files[second].now[36:]) }, "r0. r1. r2. ! r6. r7. r8. r9."},
		{"a torn end", func(d *disk) { d.files[last].now = d.files[last].now[:36+26] }, "r0. r1. r2. r3. r4. r5. r6. r7. r8."},
		{"garbage behind the end", func(d *disk) { d.files[last].now = append(d.files[last].now, strings.Repeat("\x07\x00", 40)...) }, "r0. r1. r2. r3. r4. r5. r6. r7. r8. r9."},
		{"a torn header at the end", func(d *disk) { d.files[last].now = d.files[last].now[:20] }, "r0. r1. r2. r3. r4. r5. r6. r7. r8."},
		{"a bad header before a good record", func(d *disk) { d.files[last].now[3] ^= 1 }, "r0. r1. r2. r3. r4. r5. r6. r7. r8. r9."},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := filled(t)
			c.damage(d)
			l := open(t, spool.Config{FS: d, SegmentSize: 60})
			got, _ := read(t, l, 0)
			want(t, got, c.want)
			add(t, l, "new")
			got, _ = read(t, l, 0)
			want(t, got, c.want+" new")
			if s := l.Stats(); strings.Contains(c.want, "!") != (s.Damaged > 0) {
				t.Errorf("damaged %d", s.Damaged)
			}
		})
	}
}

// TestDamageError: the error tells where.
func TestDamageError(t *testing.T) {
	d := filled(t)
	d.files["0000000000000051.spool"].now[36] ^= 1
	l := open(t, spool.Config{FS: d})
	for e, err := range l.Read(t.Context(), 81) {
		var damage *spool.DamageError
		if !errors.As(err, &damage) || *damage != (spool.DamageError{From: 81, To: 108}) || e.Next != 108 || damage.Error() == "" {
			t.Errorf("%+v, %v", e, err)
		}
		break
	}
}

// TestAllHeadersBad: a log whose identity cannot be read gets a new one and
// keeps its records.
func TestAllHeadersBad(t *testing.T) {
	d := filled(t)
	for _, f := range d.files {
		f.now[0] ^= 1
	}
	l := open(t, spool.Config{FS: d})
	got, _ := read(t, l, 0)
	want(t, got, "r0. r1. r2. r3. r4. r5. r6. r7. r8. r9.")
	if l.ID() == (spool.ID{}) {
		t.Error("no identity")
	}
}

// FuzzSegment opens a log whose last segment is any bytes: no panic, nothing
// but whole records of before, and it can be appended to.
func FuzzSegment(f *testing.F) {
	d := newDisk(1)
	l, err := spool.Open(spool.Config{FS: d})
	if err != nil {
		f.Fatal(err)
	}
	known := map[string]bool{}
	for i := range 4 {
		s := fmt.Sprintf("record %d", i)
		known[s] = true
		if _, err := l.Append(f.Context(), spool.Key{}, []byte(s)); err != nil {
			f.Fatal(err)
		}
	}
	l.Close()
	good := d.files["0000000000000000.spool"].now
	f.Add(good, true)
	f.Add(good[:len(good)-3], true)
	f.Add(append(append([]byte{}, good[:60]...), good[40:]...), true)
	f.Add([]byte("c5spool1"), false)
	f.Fuzz(func(t *testing.T, b []byte, last bool) {
		d := newDisk(1)
		d.files["0000000000000000.spool"] = &simFile{now: append([]byte{}, b...)}
		if !last {
			d.files[fmt.Sprintf("%016x.spool", 4096)] = &simFile{now: append([]byte{}, good...)}
		}
		l, err := spool.Open(spool.Config{FS: d})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		add(t, l, "new")
		got, _ := read(t, l, 0)
		for i, s := range got {
			// Without collisions of the checksum only what was written passes.
			if s != "!" && !known[s] && (i != len(got)-1 || s != "new") {
				t.Fatalf("%q", got)
			}
		}
		if got[len(got)-1] != "new" {
			t.Fatalf("%q", got)
		}
	})
}
