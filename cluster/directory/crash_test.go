package directory_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/internal/peer"
	"github.com/jmoiron/sqlx"
)

// crashEnv names the database that this process, started by a test to be
// killed, writes calls to.
const crashEnv = "CLASS5_TEST_CRASH_DSN"

const crashBatch = 20

// crashChild stores calls from the checkpoint on until it is killed, and says
// each offset that is stored.
func crashChild() bool {
	dsn := os.Getenv(crashEnv)
	if dsn == "" {
		return false
	}
	ctx := context.Background()
	s, err := directory.Open(ctx, directory.Config{DSN: dsn})
	if err != nil {
		fmt.Println(err)
		return true
	}
	records := s.Records(sqlstore.Options{})
	done, err := records.Position(ctx, "spool")
	if err != nil {
		fmt.Println(err)
		return true
	}
	for offset := int(done.Offset); ; offset++ {
		b := batchOf("spool", int64(offset+1), calls(offset*crashBatch, (offset+1)*crashBatch)...)
		if err := records.Store(ctx, b); err != nil {
			fmt.Println(err)
			return true
		}
		fmt.Println(offset + 1)
	}
}

// runChild starts a child, lets it store some batches, and kills what kill
// says. It returns the last offset that the child knew to be stored.
func runChild(t *testing.T, dsn string, batches int, kill func(*exec.Cmd)) int64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashEnv+"="+dsn)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last int64
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if _, err := fmt.Sscan(lines.Text(), &last); err != nil && n < batches {
			t.Fatalf("the child says %q", lines.Text())
		}
		if n == batches {
			kill(cmd)
		}
	}
	_ = cmd.Wait()
	return last
}

// checkCalls: all batches up to the checkpoint are there once and complete,
// and none beyond; what was told to be stored is.
func checkCalls(t *testing.T, dsn string, told int64) {
	t.Helper()
	s, _ := newStore(t, dsn)
	defer s.Close()
	p := must(s.Records(sqlstore.Options{}).Position(t.Context(), "spool"))(t)
	at := int64(p.Offset)
	if at < told {
		t.Errorf("stored up to %d, but %d was told", at, told)
	}
	if n := must(s.CDRs().Count(t.Context(), directory.CDRFilter{Superseded: true}))(t); n != at*crashBatch {
		t.Errorf("%d calls in %d batches", n, at)
	}
	db := sqlx.MustConnect(directory.DriverSource(dsn))
	defer db.Close()
	var parties int64
	if err := db.Get(&parties, "SELECT COUNT(*) FROM acct_cdr_parties"); err != nil || parties != at*crashBatch*2 {
		t.Errorf("%d parties in %d batches, %v", parties, at, err)
	}
	if db.DriverName() == "sqlite" {
		var verdict string
		if err := db.Get(&verdict, "PRAGMA integrity_check"); err != nil || verdict != "ok" {
			t.Errorf("the file is damaged: %s, %v", verdict, err)
		}
	}
}

func TestKilledWhileStoring(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			dsn := e.dsn(t)
			s, _ := newStore(t, dsn)
			s.Close()
			for round := range 5 {
				told := runChild(t, dsn, 3+2*round, func(c *exec.Cmd) { _ = c.Process.Kill() })
				checkCalls(t, dsn, told)
			}
		})
	}
}

func TestServerKilledWhileStoring(t *testing.T) {
	own, err := peer.StartMariaDB(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Stop()
	if err := own.Create(t.Context(), "class5"); err != nil {
		t.Fatal(err)
	}
	dsn := "mysql:" + own.DSN("class5")
	s, _ := newStore(t, dsn)
	s.Close()
	for range 2 {
		told := runChild(t, dsn, 5, func(*exec.Cmd) { own.Kill() })
		if err := own.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkCalls(t, dsn, told)
	}
}

// TestDiskFull: a full disk refuses writes, and reads go on.
func TestDiskFull(t *testing.T) {
	file := filepath.Join(t.TempDir(), "class5.db")
	s, _ := newStore(t, "sqlite:"+file)
	w := newWorld(t, s)
	directory.LimitPages(t, s)
	records := s.Records(sqlstore.Options{})
	var err error
	stored := int64(0)
	for ; stored < 1000; stored++ {
		n := int(stored)
		if err = records.Store(t.Context(), batchOf("p1", stored+1, calls(n*100, n*100+100)...)); err != nil {
			break
		}
	}
	if err == nil {
		t.Fatal("the disk is not full")
	}
	must(s.Domains().Find(t.Context(), w.domain.ID))(t)
	n := must(s.CDRs().Count(t.Context(), directory.CDRFilter{}))(t)
	if p := must(records.Position(t.Context(), "p1"))(t); n != stored*100 || int64(p.Offset) != stored {
		t.Errorf("%d calls, position %d, stored %d times", n, p.Offset, stored)
	}
}
