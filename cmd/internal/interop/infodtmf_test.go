//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const allKeys = "0123456789*#ABCD"

// TestDigitsByInfo: every digit between INFO and RFC 4733, both ways, spaced and
// as fast as the answers come, by each kind of relay: none missed, none doubled.
// sipp says its digits by INFO, with audio beside and without; baresip sends
// events and hears INFO.
func TestDigitsByInfo(t *testing.T) {
	t.Parallel() // it waits for most of its time
	t.Run("own relay", func(t *testing.T) {
		t.Parallel()
		digitsByInfo(t, []bool{true, false})
	})
	t.Run("cmd/media", func(t *testing.T) {
		t.Parallel()
		n := newRelayNode(t)
		digitsByInfo(t, []bool{true, false}, "--media-relays", fmt.Sprintf("tcp://127.0.0.1:%d", n.tcp), "--dtmf-listen", fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)))
	})
	t.Run("rtpengine", func(t *testing.T) {
		t.Parallel()
		listen := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1))
		f := newForeignRelay(t, "--dtmf-log-dest="+listen)
		// It plays digits into audio only ("No SSRC context present for DTMF injection").
		digitsByInfo(t, []bool{true}, "--media-relays", fmt.Sprintf("udp://127.0.0.1:%d", f.udp), "--dtmf-listen", listen)
	})
}

// digitsByInfo tries a relay, with and without audio of who sends INFO.
func digitsByInfo(t *testing.T, audio []bool, args ...string) {
	c := newCarrier(t)
	c.run(t, append([]string{"--demo", "--dtmf", "alice@" + c.domain + "=info"}, args...)...)
	bob := newBaresip(t, c, c.bob, "tcp", 1000)
	t.Run("from INFO", func(t *testing.T) {
		for _, audio := range audio {
			before := bob.dialled()
			dir := t.TempDir()
			who := []string{c.alice.user, "[authentication username=" + c.alice.user + " password=" + c.alice.password + "]", c.domain, c.bob.number}
			alawTone(t, dir)
			port := freePorts(t, 3)
			p := start(t, dir, "sipp", fmt.Sprintf("127.0.0.1:%d", c.sip), "-i", "127.0.0.1", "-nostdin", "-sf", typist(t, dir, audio),
				"-inf", injection(t, dir, "call.csv", [][]string{who}), "-p", fmt.Sprint(port), "-mp", fmt.Sprint(port+1), "-m", "1", "-trace_err")
			bob.await("CALL_INCOMING", "")
			bob.do("accept", "")
			bob.await("CALL_ESTABLISHED", "")
			if err := p.wait(time.Minute); err != nil {
				t.Errorf("sipp: %v\n%s", err, tail(p.output()))
			}
			bob.await("CALL_CLOSED", "")
			if got, want := bob.dialled(), before+allKeys+allKeys+allKeys; got != want {
				t.Errorf("audio %v: heard %s, want %s", audio, got, want)
			}
		}
	})
	t.Run("to INFO", func(t *testing.T) {
		alice := newBaresip(t, c, c.alice, "udp", 440)
		bob.call(c.alice.number, alice)
		for _, pause := range []time.Duration{300 * time.Millisecond, 120 * time.Millisecond} {
			before := alice.dialled()
			for _, key := range allKeys {
				bob.do("sndcode", string(key))
				time.Sleep(pause)
			}
			eventually(t, 10*time.Second, func() error {
				if got := alice.dialled(); len(got) < len(before)+len(allKeys) {
					return fmt.Errorf("heard %q", got)
				}
				return nil
			})
			time.Sleep(500 * time.Millisecond)
			if got := alice.dialled(); got != before+allKeys {
				t.Errorf("every %v: heard %s, want %s", pause, got, before+allKeys)
			}
		}
		bob.hangUp(alice)
	})
}

// dialled are all keys that the phone has heard.
func (b *baresip) dialled() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var s strings.Builder
	for _, e := range b.events {
		if e.Type == "CALL_DTMF_START" {
			s.WriteString(strings.ToUpper(e.Param))
		}
	}
	return s.String()
}

// typist writes the scenario of a caller that presses all keys by INFO: first
// slowly, then each as soon as the one before is answered, then short ones.
func typist(t *testing.T, dir string, audio bool) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "uac.xml"))
	if err != nil {
		t.Fatal(err)
	}
	stream := "  <nop><action><exec rtp_stream=\"tone.alaw,-1,8\"/></action></nop>\n"
	before, after, ok := strings.Cut(string(text), stream+"  <pause/>\n")
	if !ok {
		t.Fatal("uac.xml is another")
	}
	var b strings.Builder
	b.WriteString(before)
	if audio {
		b.WriteString(stream)
	} else {
		after = strings.Replace(after, "  <nop><action><exec rtp_stream=\"pause\"/></action></nop>\n", "", 1)
	}
	b.WriteString("  <pause milliseconds=\"1500\"/>\n")
	seq := 3
	for _, round := range []struct{ kind, body, pause string }{
		{"application/dtmf-relay", "Signal=%c\nDuration=120\n", "  <pause milliseconds=\"250\"/>\n"},
		{"application/dtmf-relay", "Signal= %c\nDuration= 100\n", ""},
		{"application/dtmf", "%c", ""},
	} {
		for _, key := range allKeys {
			fmt.Fprintf(&b, `  <send retrans="500"><![CDATA[
INFO [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
[routes]
From: <sip:[field0]@[field2]>;tag=[pid]c[call_number]
To: <sip:[field3]@[field2]>[peer_tag_param]
Call-ID: [call_id]
CSeq: %d INFO
Max-Forwards: 70
Content-Type: %s
Content-Length: [len]

`+round.body+`
]]></send>
  <recv response="200"/>
%s`, seq, round.kind, key, round.pause)
			seq++
		}
		b.WriteString("  <pause milliseconds=\"5500\"/>\n")
	}
	b.WriteString(strings.Replace(after, "CSeq: 3 BYE", fmt.Sprintf("CSeq: %d BYE", seq), 1))
	file := filepath.Join(dir, "typist.xml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
