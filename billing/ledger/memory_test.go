package ledger_test

import (
	"testing"

	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ledger/ledgertest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledgertest.Store { return ledger.NewMemory() })
}
