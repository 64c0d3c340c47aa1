//go:build interop

package interop

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// TestMediaOrders: an operator with class5ctl joins two calls of a running relay,
// mixes a third party in, silences, blocks, plays and records; what cannot be is
// said, with the exit code that scripts look at.
func TestMediaOrders(t *testing.T) {
	recordings := t.TempDir()
	n := newRelayNode(t, fmt.Sprintf("recordings: {dir: %s, pcap: true}", recordings))
	c := n.client(t)
	call := func(id, x, y string) (p, q *rtpParty) {
		p, q = newRTPParty(t, loopbackOfItsOwn()), newRTPParty(t, loopbackOfItsOwn())
		q.to = mediaAddr(t, ordered(t, c, "command", "offer", "call-id", id, "from-tag", x, "label", x, "sdp", p.sdp()).Str("sdp"))
		p.to = mediaAddr(t, ordered(t, c, "command", "answer", "call-id", id, "from-tag", x, "to-tag", y, "sdp", q.sdp()).Str("sdp"))
		return p, q
	}
	a, b := call("one/1", "a", "b")
	x, d := call("two", "c", "d")
	ctl := func(line string) (string, int) {
		args := append([]string{"media"}, strings.Fields(line)...)
		cmd := exec.Command(built.path(t, "cmd/class5ctl"), append(args, "-admin", fmt.Sprintf("http://%s:%d", n.host, n.adm))...) //nolint:gosec // built here
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	good := func(line, want string) {
		t.Helper()
		if out, code := ctl(line); code != 0 || !strings.Contains(out, want) {
			t.Fatalf("%s: %d, %s", line, code, out)
		}
	}
	hears := func(p, q *rtpParty) int { of, _ := p.heardOf(q); return len(of) }
	talkRTP(300*time.Millisecond, a, b, x, d)
	if hears(b, a) == 0 || hears(d, a) != 0 {
		t.Fatalf("%d and %d packets", hears(b, a), hears(d, a))
	}
	good("interfaces", n.ip)
	good("recording start one/1", "the call is recorded")
	good("silence one/1 -label a", "silence")
	good("connect one/1 a d -other-call two", "they talk to each other")
	talkRTP(300*time.Millisecond, a, b, x, d)
	if hears(d, a) == 0 || hears(a, d) == 0 {
		t.Errorf("%d and %d packets after they were connected", hears(d, a), hears(a, d))
	}
	good("unsilence one/1", "passes")
	good("block two -tag d", "do not pass")
	before := hears(a, d)
	talkRTP(300*time.Millisecond, a, d)
	if now := hears(a, d); now > before+1 { // one may have been under way
		t.Errorf("%d packets of a party that is blocked", now-before)
	}
	good("unblock two -tag d", "pass")
	good("dtmf block two -mode silence", "nobody learns")
	good("dtmf unblock two", "pass")
	good("inject start two d b", "hears the source")
	good("inject stop two d b", "not hear")
	good("dtmf play one/1 5 -tag a -duration 100ms", "played")
	good("recording stop one/1", "has ended")
	good("show two", "one/1")
	if files, _ := filepath.Glob(filepath.Join(recordings, "*.pcap")); len(files) == 0 {
		entries, _ := os.ReadDir(recordings)
		t.Errorf("no recording: %v", entries)
	}
	for line, want := range map[string]string{
		"connect three a d":               "class5ctl: 404 Not Found: Unknown call-id",
		"connect two a zz":                "Tag not found",
		"inject stop two d b":             "409 Conflict",
		"recording stop two":              "no recording",
		"play two hello.wav":              "409 Conflict",
		"forwarding start two":            "forwarding is not configured",
		"recording start two -pattern %Q": "409 Conflict",
	} {
		if out, code := ctl(line); code != 1 || !strings.Contains(out, want) {
			t.Errorf("%s: %d, %s", line, code, out)
		}
	}
	// What the listener takes from others than class5ctl.
	for path, want := range map[string]string{"offer": "no command", "stop%20media": ""} {
		if got := n.post(t, "/media/sessions/"+url.PathEscape("one/1")+"/"+path, "d7:command"); want != "" && !strings.Contains(got, want) || !strings.Contains(got, "error") {
			t.Errorf("%s: %s", path, got)
		}
	}
	good("terminate -all", "terminated  1")
	var totals relay.Totals
	if err := n.admin("/media/totals", &totals); err != nil || totals.Sessions != 0 {
		t.Errorf("%d sessions, %v", totals.Sessions, err)
	}
	if list, _ := ordered(t, c, "command", "list").Value("calls"); len(list.(ng.List)) != 0 {
		t.Errorf("%v", list)
	}
}
