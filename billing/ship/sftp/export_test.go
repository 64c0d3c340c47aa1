package sftp_test

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
)

// stored is a database with so many answered calls of two resellers.
func stored(t *testing.T, calls int, now func() time.Time) *sqlstore.Store {
	t.Helper()
	db := sqlx.MustOpen("sqlite", "file:"+filepath.Join(t.TempDir(), "c.db")+"?_txlock=immediate")
	t.Cleanup(func() { db.Close() })
	if err := sqlstore.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	var b ship.Batch
	for n := range calls {
		at := billing.MillisOf(now()) + billing.Millis(n)*1000
		id := fmt.Sprintf("%d@phone.example", n)
		b.Records = append(b.Records, ship.Record{CDR: billing.CDR{
			Key: billing.NewLegKey(id, "f", 0, billing.CallPlain, at), Revision: 1, Generation: 1, CallID: id, FromTag: "f", Status: billing.StatusOK,
			Code: 200, Init: at, Start: at, End: at + 61_000, Duration: 61_000, Parties: []billing.Party{
				{Side: billing.SideCaller, Role: billing.RoleCustomer, Account: "7", Amount: billing.NewAmount(int64(n), billing.MustCurrency("EUR"))},
				{Side: billing.SideCaller, Role: billing.RoleReseller, Depth: 1, Account: fmt.Sprint("r", n%2)},
			},
		}})
	}
	store := sqlstore.New(db, sqlstore.Options{Now: now})
	if err := store.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return store
}

// contents are the files below a directory, in folders for parts, months and
// days.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", "*"))
	out := make(map[string]string, len(paths))
	for _, path := range paths {
		b, ferr := os.ReadFile(path)
		err = cmp.Or(err, ferr)
		out[strings.TrimPrefix(path, dir+"/")] = string(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantFooter holds the last line of a file against the MD5 sum of those before.
func wantFooter(t *testing.T, name, content string) {
	t.Helper()
	cut := strings.LastIndexByte(strings.TrimSuffix(content, "\n"), '\n') + 1
	sum := md5.Sum([]byte(content[:cut]))
	if got := content[cut:]; got != hex.EncodeToString(sum[:])+"\n" {
		t.Errorf("%s ends with %q, its sum is %x", name, got, sum)
	}
}

// TestExportCut exports to sshd over connections that end in the middle of a
// file, with a new exporter each time as after a kill: whatever has a final name
// is whole, and in the end the files are those of an export without troubles,
// footers included.
func TestExportCut(t *testing.T) {
	s := start(t)
	now := func() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }
	store := stored(t, 400, now)
	stream, err := ship.NGCP007()
	if err != nil {
		t.Fatal(err)
	}
	stream.Rows = 150
	exporter := func(name string, to ship.Sink) *ship.Exporter {
		stream.Name = name
		e, err := ship.NewExporter(ship.ExporterConfig{Stream: stream, Store: store, Sink: to, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	calm := t.TempDir()
	if _, err := exporter("calm", ship.Dir(calm)).Export(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := contents(t, calm)
	failed := 0
	for bytes := int64(3_000); ; bytes += 7_000 {
		var left atomic.Int64
		left.Store(bytes)
		_, err := exporter("troubled", s.sink(t, func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return cut{c, &left}, err
		})).Export(t.Context())
		for name, content := range contents(t, s.dir) {
			if !strings.HasPrefix(filepath.Base(name), ".") && content != want[name] {
				t.Fatalf("%s has %d of %d bytes", name, len(content), len(want[name]))
			}
		}
		if err == nil {
			break
		}
		failed++
	}
	if failed < 3 || len(want) < 9 {
		t.Errorf("%d connections were cut, %d files", failed, len(want))
	}
	got := contents(t, s.dir)
	maps.DeleteFunc(got, func(name, _ string) bool { return strings.HasPrefix(filepath.Base(name), ".") })
	if d := gocmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for name, content := range got {
		wantFooter(t, name, content)
	}
	if n, err := exporter("troubled", s.sink(t, nil)).Resend(t.Context(), now().Add(-time.Hour), now().Add(time.Hour)); err != nil || n != len(want) {
		t.Errorf("%d of %d sent again, %v", n, len(want), err)
	}
	if left := len(contents(t, s.dir)) - len(want); left != 0 {
		t.Errorf("%d parts of files are left behind", left)
	}
}
