package memstore_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/registrar/memstore"
	"github.com/class5-go/class5/sip/registrar/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) registrar.Store { return memstore.New() })
}

func TestJournalled(t *testing.T) {
	storetest.Run(t, func(t *testing.T) registrar.Store {
		s, _ := open(t, memstore.Config{Dir: t.TempDir()})
		return s
	})
}

// open opens a store and closes it with the test.
func open(t testing.TB, cfg memstore.Config) (*memstore.Store, memstore.Recovery) {
	t.Helper()
	s, rec, err := memstore.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, rec
}
