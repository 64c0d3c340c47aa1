package guard_test

import (
	"github.com/class5-go/class5/sip/guard"
	"github.com/class5-go/class5/sip/relay"
)

// A guard is what a relay asks.
var _ relay.Guard = (*guard.Guard)(nil)
