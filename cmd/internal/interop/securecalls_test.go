//go:build interop

package interop

import (
	"fmt"
	"testing"
	"time"
)

// TestSecurePhones: baresip with SRTP, by SDES and by DTLS, and baresip without,
// through our relay that Kamailio drives. Each hears the other's tone. No AEAD is
// offered to baresip 1.0: what it takes of it, it cannot decrypt, from rtpengine
// neither.
func TestSecurePhones(t *testing.T) {
	n := newRelayNode(t)
	for _, c := range []struct{ name, caller, callee, offer, answer string }{
		{"RTP to SDES", "", "srtp-mand", "transport-protocol=RTP/SAVP SDES-no-AEAD_AES_256_GCM SDES-no-AEAD_AES_128_GCM", "transport-protocol=RTP/AVP"},
		{"SDES to RTP", "srtp-mand", "", "transport-protocol=RTP/AVP", "transport-protocol=RTP/SAVP"},
		{"RTP to DTLS", "", "dtls_srtp", "transport-protocol=UDP/TLS/RTP/SAVPF", "transport-protocol=RTP/AVP"},
		{"DTLS to RTP", "dtls_srtp", "", "transport-protocol=RTP/AVP", "transport-protocol=UDP/TLS/RTP/SAVPF"},
		{"SDES to DTLS", "srtp-mand", "dtls_srtp", "transport-protocol=UDP/TLS/RTP/SAVPF", "transport-protocol=RTP/SAVP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &mediaProxy{port: freePorts(t, 1)}
			account := func(name, security string) string {
				line := fmt.Sprintf("<sip:%s@127.0.0.1:%d>;audio_codecs=PCMU/8000/1;answermode=manual;regint=0", name, m.port)
				if security != "" {
					line += ";mediaenc=" + security
				}
				return line + "\n"
			}
			alice := startBaresip(t, "alice", 440, account("alice", c.caller), "srtp.so", "dtls_srtp.so")
			bob := startBaresip(t, "bob", 1000, account("bob", c.callee), "srtp.so", "dtls_srtp.so")
			m.callee = bob.sip
			m.run(t, c.offer, c.answer, fmt.Sprintf("udp:127.0.0.1:%d", n.udp))
			w := newCapture(t, "udp and host "+n.ip)
			alice.call(fmt.Sprintf("sip:bob@127.0.0.1:%d", m.port), bob)
			time.Sleep(3 * time.Second)
			alice.hangUp(bob)
			alice.hears(bob)
			bob.hears(alice)
			w.end(t)
			securelyFormed(t, w, n.ip)
		})
	}
}
