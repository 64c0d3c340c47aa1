//go:build interop

package interop

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

// securePhone is a baresip of the carrier that encrypts in one way.
func securePhone(t *testing.T, c *carrier, who phone, transport, security string, tone float64) *baresip {
	t.Helper()
	port := c.sip
	if transport == "tls" {
		port = c.tls
	}
	account := fmt.Sprintf("<sip:%s@%s:%d;transport=%s>;auth_pass=%s;audio_codecs=PCMA/8000/1;answermode=manual;regint=600", who.user, c.domain, port, transport, who.password)
	if security != "" {
		account += ";mediaenc=" + security
	}
	b := startBaresip(t, who.user, tone, account+"\n", "srtp.so", "dtls_srtp.so")
	eventually(t, 10*time.Second, func() error {
		if !strings.Contains(b.output(), "200 OK") {
			return fmt.Errorf("%s is not registered\n%s", b.name, b.output())
		}
		return nil
	})
	return b
}

// profilesOf are the profiles of the descriptions that the platform sent in
// INVITEs and in their answers, the first of each.
func (c *carrier) profilesOf(t *testing.T, callID string) (offered, answered string) {
	t.Helper()
	var ladder struct {
		Items []struct{ Node, From, Data string } `json:"items"`
	}
	if code := c.api(t, "GET", "/api/v1/active-calls/ladder?call_id="+url.QueryEscape(callID), nil, &ladder); code != 200 {
		t.Fatalf("ladder: status %d", code)
	}
	for _, m := range ladder.Items {
		_, line, ok := strings.Cut(m.Data, "\r\nm=audio ")
		if f := strings.Fields(line); ok && !strings.HasPrefix(m.From, "127.0.0.1:") || ok && strings.HasSuffix(m.From, fmt.Sprintf(":%d", c.sip)) || ok && strings.HasSuffix(m.From, fmt.Sprintf(":%d", c.tls)) {
			if f[1] += " "; strings.Contains(m.Data, "\r\na=crypto:") {
				f[1] += "crypto"
			}
			switch {
			case offered == "" && strings.HasPrefix(m.Data, "INVITE "):
				offered = strings.TrimSpace(f[1])
			case answered == "" && strings.HasPrefix(m.Data, "SIP/2.0 200"):
				answered = strings.TrimSpace(f[1])
			}
		}
	}
	return offered, answered
}

// TestCarrierSecurePhones: phones with SDES and DTLS-SRTP call a phone that knows
// plain RTP only, and are called by it, through the relay of the carrier itself.
// What each is offered follows from the subscriber or from how it registered.
func TestCarrierSecurePhones(t *testing.T) {
	for _, p := range []struct {
		name, profiles, transport, security, offered, answered string
		length                                                 time.Duration
	}{
		{"SDES", "bob@127.0.0.1=savp", "udp", "srtp-mand", "RTP/SAVP crypto", "RTP/SAVP crypto", 2 * time.Second},
		// bob begins the handshake when it answers, often before the relay knows of that.
		{"DTLS", "bob@127.0.0.1=dtls", "tcp", "dtls_srtp", "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVPF", 2 * time.Second},
		{"OSRTP over TLS", "", "tls", "srtp", "RTP/AVP crypto", "RTP/AVP crypto", 2 * time.Second},
	} {
		t.Run(p.name, func(t *testing.T) {
			c := newCarrier(t).run(t, "--demo", "--media-profiles", p.profiles)
			alice := newBaresip(t, c, c.alice, "udp", 440)
			bob := securePhone(t, c, c.bob, p.transport, p.security, 1000)
			for _, call := range []struct {
				from, to          *baresip
				number            string
				offered, answered string
			}{{alice, bob, c.bob.number, p.offered, "RTP/AVP"}, {bob, alice, c.alice.number, "RTP/AVP", p.answered}} {
				id, answered := call.from.call(call.number, call.to)
				time.Sleep(p.length)
				offered, answer := c.profilesOf(t, id)
				if offered != call.offered || answer != call.answered {
					t.Errorf("%s calls: offered %q, answered %q", call.from.name, offered, answer)
				}
				ended := call.from.hangUp(call.to)
				alice.hears(bob)
				bob.hears(alice)
				c.recorded(t, id, ended.Sub(answered))
			}
		})
	}
}

// TestCarrierBrowser: Chromium with JsSIP on WSS calls a phone with plain RTP and
// G.711, and is called by it, through the relay of the carrier itself; and it
// calls the test number.
func TestCarrierBrowser(t *testing.T) {
	const near, far = "10.77.33.0", "10.77.33.1" // browsers use no loopback for media
	link(t, "c5webphone", netip.MustParsePrefix(near+"/31"), netip.MustParsePrefix(far+"/31"))
	c := newCarrier(t)
	c.domain = near
	c.run(t, "--demo", "--address", near)
	w := newCapture(t, "udp and host "+near+" and not port "+fmt.Sprint(c.sip))
	browser := browse(t, "webphone.mjs", "BUNDLE="+jssipBundle(t), fmt.Sprintf("SOCKET=wss://%s:%d/", near, c.ws+1),
		fmt.Sprintf("URI=sip:%s@%s", c.alice.user, near), "PASSWORD="+c.alice.password, "HZ=1000")
	browser.until("registered")
	bob := newBaresip(t, c, c.bob, "udp", 440)

	said := func(word string) string {
		b, err := base64.StdEncoding.DecodeString(browser.seen[word])
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	talk := func(way, word string) {
		browser.until("confirmed")
		if s := said(word); !strings.Contains(s, "UDP/TLS/RTP/SAVPF") || !strings.Contains(s, "a=ice-lite") || !strings.Contains(s, "a=rtcp-mux") || !strings.Contains(s, "a=fingerprint") {
			t.Errorf("%s: the browser is told\n%s", way, s)
		}
		time.Sleep(2 * time.Second)
		first := browser.stats("webphone")
		time.Sleep(2 * time.Second)
		second := browser.stats("webphone")
		if second.State != "connected" || second.Sent-first.Sent < 60 || second.Received-first.Received < 60 || second.Lost > 5 || math.Abs(second.Peak-440) > 10 {
			t.Errorf("%s: the browser says %+v, then %+v", way, first, second)
		}
		t.Logf("%s: %+v", way, second)
	}
	heard := func(way string) {
		pcm := middle(bob.recording("dec"), 400*time.Millisecond)
		if len(pcm) < 16000 || share(pcm[len(pcm)-16000:], 1000) < 0.95 {
			t.Errorf("%s: the phone hears %d samples, %.3f of the last at 1,000 Hz", way, len(pcm), share(pcm[max(0, len(pcm)-16000):], 1000))
		}
	}

	browser.say("dial " + c.bob.number)
	bob.await("CALL_INCOMING", "")
	bob.do("accept", "")
	talk("browser calls", "remoteanswer")
	bob.do("hangup", "")
	browser.until("ended")
	heard("browser calls")

	bob.do("dial", c.alice.number)
	talk("phone calls", "remoteoffer")
	browser.say("hangup")
	browser.until("ended")
	bob.await("CALL_CLOSED", "")
	bob.await("CALL_CLOSED", "")
	heard("phone calls")

	browser.say("dial 9999")
	browser.until("confirmed")
	time.Sleep(2 * time.Second)
	if s := browser.stats("webphone"); s.Received < 50 {
		t.Errorf("of the test number the browser heard %+v", s)
	}
	browser.say("hangup")
	browser.until("ended")
	w.end(t)
	securelyFormed(t, w, near)
}
