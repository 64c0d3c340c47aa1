package directory

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/class5-go/class5/billing/ledger/sqlledger"
	"github.com/class5-go/class5/billing/ship/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// step is one migration: a file of this package, or of a library that keeps
// its tables in this database.
type step struct {
	from fs.FS
	name string
}

// history is all migrations in the order in which databases have them: the
// place of a step is the version it leads to. Nothing may be put in between,
// taken out or changed; what is new comes at the end.
type history []step

func steps() (history, error) {
	own, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	records, accounts := sqlstore.Migrations(), sqlledger.Migrations()
	return history{
		{own, "00001_provisioning.sql"},
		{records, "00001_cdrs.sql"},
		{records, "00002_outbox.sql"},
		{accounts, "00001_ledger.sql"},
		{own, "00005_contracts.sql"},
		{own, "00006_prepaid.sql"},
		{own, "00007_accounts.sql"},
		{records, "00003_interims.sql"},
		{own, "00009_reratings.sql"},
		{own, "00010_peering.sql"},
	}, nil
}

// name is how goose knows a step: its version before what it is about.
func (h history) name(i int) string {
	_, about, _ := strings.Cut(h[i].name, "_")
	return fmt.Sprintf("%05d_%s", i+1, about)
}

// Open implements fs.FS.
func (h history) Open(name string) (fs.File, error) {
	for i := range h {
		if h.name(i) == name {
			return h[i].from.Open(h[i].name)
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// Glob implements fs.GlobFS, by which goose looks for its files.
func (h history) Glob(pattern string) ([]string, error) {
	var out []string
	for i := range h {
		switch ok, err := path.Match(pattern, h.name(i)); {
		case err != nil:
			return nil, err
		case ok:
			out = append(out, h.name(i))
		}
	}
	return out, nil
}
