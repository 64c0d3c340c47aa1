package directions

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/class5-go/class5/"

// room is the part of an import path that decides who may import whom.
func room(path string) (top, rest string) {
	path = strings.TrimPrefix(path, module)
	top, rest, _ = strings.Cut(path, "/")
	return top, rest
}

// neutral are the cluster packages that know none of the four libraries.
func neutral(rest string) bool {
	first, _, _ := strings.Cut(rest, "/")
	switch first {
	case "lease", "pair", "vip", "state", "counter", "ring", "topology", "dnszone", "sqlrepl":
		return true
	}
	return false
}

func library(top string) bool {
	switch top {
	case "sip", "media", "billing", "xmpp":
		return true
	}
	return false
}

// forbidden says why package from may not import package to, or "".
func forbidden(from, to string) string {
	ftop, frest := room(from)
	ttop, trest := room(to)
	switch {
	case ttop == "cmd" && ftop != "cmd":
		return "nothing imports cmd"
	case ttop == "examples" && ftop != "examples":
		return "nothing imports examples"
	case library(ftop) && ttop == "cluster" && !neutral(trest):
		return "no library imports the provisioning half of cluster"
	case library(ftop) && ttop == "cluster":
		return "a library asks for what it needs by an interface of its own"
	case ftop == "sip" && strings.HasPrefix(frest, "app/") && ttop == "media":
		return ""
	case ftop == "xmpp" && strings.HasPrefix(frest, "gateway") && ttop == "sip":
		return ""
	case library(ftop) && library(ttop) && ftop != ttop:
		return "sip, media, billing and xmpp do not import each other"
	case ftop == "cluster" && neutral(frest) && library(ttop):
		return "the neutral half of cluster imports none of the four libraries"
	case ftop == "internal" && (library(ttop) || ttop == "cluster" || ttop == "cmd"):
		return "internal is below the libraries"
	}
	return ""
}

// standardOnly lists packages that an importer must get without any
// dependency: their non-test files import the standard library and each other.
var standardOnly = []string{
	"sip/wire", "sip/token", "sip/digest", "sip/dialog", "sip/capture", "sip/routing", "sip/overload",
	"cluster/ring", "internal/rendezvous",
	"media/sdp", "media/rtpwire", "media/latch", "media/ice", "media/t38", "media/srtp",
	"media/srtp/sdes",
	"billing", "billing/mediate", "billing/tariff", "billing/rate", "billing/chain", "billing/balance", "billing/fraud",
}

func imports(t *testing.T, visit func(file, pkg, imported string)) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "node_modules" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			visit(path, module+filepath.ToSlash(rel), imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImportDirections(t *testing.T) {
	seen := 0
	imports(t, func(file, pkg, imported string) {
		if !strings.HasPrefix(imported, module) {
			return
		}
		seen++
		if why := forbidden(pkg, imported); why != "" && !strings.HasSuffix(file, "_test.go") {
			t.Errorf("%s imports %s: %s", strings.TrimPrefix(pkg, module), strings.TrimPrefix(imported, module), why)
		}
	})
	if seen == 0 {
		t.Fatal("no import inside the module was seen: the walk is broken")
	}
}

func TestStandardLibraryOnly(t *testing.T) {
	only := map[string]bool{}
	for _, p := range standardOnly {
		only[module+p] = true
	}
	imports(t, func(file, pkg, imported string) {
		if !only[pkg] || strings.HasSuffix(file, "_test.go") || only[imported] {
			return
		}
		if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
			t.Errorf("%s imports %s, but promises the standard library only", strings.TrimPrefix(pkg, module), imported)
		}
	})
}

// TestForbidden shows that the rules bite.
func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"sip/relay", "sip/wire", true},
		{"sip/proxy", "media/relay", false},
		{"sip/app/announce", "media/relay", true},
		{"billing/rate", "cluster/directory", false},
		{"sip/registrar", "cluster/ring", false},
		{"cluster/directory", "billing", true},
		{"cluster/state", "sip/dialog", false},
		{"media/relay", "cmd/internal/node", false},
		{"cmd/carrier", "cluster/api", true},
		{"internal/peer", "sip/wire", false},
		{"xmpp/gateway", "sip/wire", true},
		{"xmpp/c2s", "sip/wire", false},
	} {
		if got := forbidden(module+c.from, module+c.to) == ""; got != c.ok {
			t.Errorf("%s -> %s: allowed %v, want %v", c.from, c.to, got, c.ok)
		}
	}
}
