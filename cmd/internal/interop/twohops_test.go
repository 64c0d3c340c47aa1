//go:build interop

package interop

import (
	"fmt"
	"strings"
	"testing"
)

// TestKamailioFirst: phones reach our edge through a Kamailio that is their
// first hop, so that each binding has two Paths and each dialog four
// Record-Routes, with lr as well as lr=on. Phones register, call, register
// again and call again, over UDP and over TCP.
func TestKamailioFirst(t *testing.T) {
	for _, lr := range []string{"1", "0"} {
		t.Run("full_lr="+lr, func(t *testing.T) {
			n := newThreeNodes(t).run(t)
			first := freePorts(t, 3)
			access, internal := fmt.Sprint(first), fmt.Sprint(first+1)
			kamailio(t, "kamailio-lb.cfg", first, "ACCESS", access, "INTERNAL", internal, "PROXY", fmt.Sprint(n.port),
				`"enable_full_lr", 1`, `"enable_full_lr", `+lr)
			n.sip = first
			accounts := n.provision(t, 20)
			n.load(t, accounts, 50)
			n.wantRecords(t, 50)
			n.load(t, accounts, 50, "-t", "t1")
			n.wantRecords(t, 100)

			var list struct {
				Items []struct{ AoR, Path string } `json:"items"`
			}
			n.api(t, "GET", "/api/v1/registrations", nil, &list)
			if len(list.Items) == 0 {
				t.Error("no registrations")
			}
			for _, r := range list.Items {
				ours, theirs := strings.Index(r.Path, "@127.0.0.1:"+fmt.Sprint(n.port+2)), strings.Index(r.Path, "127.0.0.1:"+internal)
				if ours < 0 || theirs < ours {
					t.Errorf("Path of %s: %s", r.AoR, r.Path)
				}
			}
		})
	}
}
