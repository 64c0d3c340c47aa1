package scenario_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain: a run waits for the goroutines of its parallel steps.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
