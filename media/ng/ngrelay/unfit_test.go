package ngrelay

import (
	"strings"
	"testing"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// TestUnfitAnswers: an answer that is none to the offer is an error with a reason,
// or loses the media that do not fit, with a warning, while the rest works; the
// offerer is told as many m= lines as it wrote, and no port is left behind.
func TestUnfitAnswers(t *testing.T) {
	n := newNode(t, relay.Config{})
	c := n.client(t)
	const (
		head  = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
		audio = "m=audio 4000 RTP/AVP 8 0\r\n"
		video = "m=video 4004 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
		key   = " inline:Opr7g+J9VgQnRkCFNmL/0LP/dcF1Exu43qwiE0So\r\n"
		sha80 = "AES_CM_128_HMAC_SHA1_80" + key
		keyed = "m=audio 4000 RTP/SAVP 8\r\na=crypto:1 " + sha80
		open  = "m=audio 4000 RTP/AVP 8\r\na=crypto:1 " + sha80
		good  = "m=audio 4002 RTP/AVP 8\r\n"
	)
	for name, x := range map[string]struct {
		offer, answer, reason, warning string
		media                          []string // beginnings of the m= lines told
	}{
		"a protocol that nobody knows":  {audio, "m=audio 4002 FOO/BAR 8\r\n", `protocol "FOO/BAR" where "RTP/AVP" was offered`, "", nil},
		"fax for audio":                 {audio, "m=audio 4002 udptl t38\r\n", `protocol "udptl" where`, "", nil},
		"fax beside what is good":       {audio + video, good + "m=video 4004 FOO/BAR 96\r\n", "", `m= line 2 of the answer is rejected: protocol "FOO/BAR"`, []string{"m=audio 3", "m=video 0 RTP/AVP 96"}},
		"another profile":               {audio, "m=audio 4002 RTP/AVPF 8\r\n", "", "", []string{"m=audio 3"}},
		"a secure profile without keys": {audio, "m=audio 4002 RTP/SAVP 8\r\n", `protocol "RTP/SAVP" where "RTP/AVP" was offered`, "", nil},
		"keys where none were offered":  {audio, "m=audio 4002 RTP/SAVP 8\r\na=crypto:1 " + sha80, `protocol "RTP/SAVP" where "RTP/AVP" was offered`, "", nil},
		"opportunistic, without keys":   {open, "m=audio 4002 RTP/SAVP 8\r\n", `protocol "RTP/SAVP" where "RTP/AVP" was offered`, "", nil},
		"opportunistic, with keys":      {open, "m=audio 4002 RTP/SAVP 8\r\na=crypto:1 " + sha80, "", "", []string{"m=audio 3"}},
		"another media type":            {audio + video, good + "m=audio 4004 RTP/AVP 8\r\n", "", `"audio" where "video" was offered`, []string{"m=audio 3", "m="}},
		"another media type, alone":     {audio, video, `"video" where "audio" was offered`, "", nil},
		"more m= lines":                 {audio, good + video, "relay: description does not fit the session: answer has 2 media, offer 1", "", nil},
		"fewer m= lines":                {audio + video, good, "", "m= line 2 of the answer is rejected: it is missing", []string{"m=audio 3", "m=video 0 RTP/AVP 96"}},
		"no m= line":                    {audio, "", "m= line 1 of the answer: it is missing", "", nil},
		"rejected, with attributes":     {audio, "m=audio 0 RTP/AVP 8\r\na=sendrecv\r\na=rtcp:4003\r\na=ice-ufrag:abcd\r\na=candidate:1 1 UDP 1 127.0.0.2 4000 typ host\r\n", "", "", []string{"m=audio 0 RTP/AVP 8\r\n"}},
		"a codec that can be made one":  {audio, "m=audio 4002 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n", "", "", []string{"m=audio 3"}},
		"a codec beside an offered one": {audio, "m=audio 4002 RTP/AVP 97 8\r\na=rtpmap:97 x/8000\r\n", "", "", []string{"m=audio 3"}},
		"no common codec":               {audio, "m=audio 4002 RTP/AVP 97\r\na=rtpmap:97 x/8000\r\n", "no common codec: m= line 1", "", nil},
		"no codec":                      {audio, "m=audio 4002 RTP/AVP\r\n", "no common codec: m= line 1", "", nil},
		"no common codec of one":        {audio + video, good + "m=video 4004 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n", "", "m= line 2 of the answer is rejected: no codec", []string{"m=audio 3", "m=video 0 RTP/AVP 96"}},
		"no keys":                       {keyed, "m=audio 4002 RTP/SAVP 8\r\n", "no common crypto suite: m= line 1", "", nil},
		"keys that are none":            {keyed, "m=audio 4002 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xx\r\n", "no common crypto suite: m= line 1", "", nil},
		"keys under another tag":        {keyed, "m=audio 4002 RTP/SAVP 8\r\na=crypto:70 " + sha80, "no common crypto suite: m= line 1 of the answer: keys for 70 AES_CM_128_HMAC_SHA1_80, which was not offered", "", nil},
		"keys of another's tag":         {keyed, "m=audio 4002 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_32" + key, "keys for 1 AES_CM_128_HMAC_SHA1_32, which was not offered", "", nil},
		"the same, in a plain profile":  {keyed, "m=audio 4002 RTP/AVP 8\r\na=crypto:70 " + sha80, "which was not offered", "", nil},
		"the same, beside what is good": {keyed + keyed, "m=audio 4002 RTP/SAVP 8\r\na=crypto:1 " + sha80 + "m=audio 4004 RTP/SAVP 8\r\na=crypto:70 " + sha80, "", "m= line 2 of the answer is rejected: keys for 70", []string{"m=audio 3", "m=audio 0 RTP/SAVP 8"}},
		"keys beside those chosen":      {keyed, "m=audio 4002 RTP/SAVP 8\r\na=crypto:70 " + sha80 + "a=crypto:1 " + sha80, "", "", []string{"m=audio 3"}},
		"no description":                {audio, "hello", "syntax error", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			free := n.Totals().PortsFree["127.0.0.1"]
			do := func(pairs ...any) (ng.Dict, string) {
				reply, err := c.Do(t.Context(), ng.Of(append(pairs, "call-id", "x", "from-tag", "a")...))
				if err != nil {
					return reply, err.Error()
				}
				return reply, ""
			}
			if _, err := do("command", "offer", "sdp", head+x.offer); err != "" {
				t.Fatal(err)
			}
			answer := head + x.answer
			if x.answer == "hello" {
				answer = x.answer
			}
			reply, err := do("command", "answer", "to-tag", "b", "sdp", answer)
			if w := reply.Str("warning"); !strings.Contains(err, x.reason) || (err == "") != (x.reason == "") || !strings.Contains(w, x.warning) || (w == "") != (x.warning == "") {
				t.Errorf("reason %q, warning %q", err, w)
			}
			var told []string
			for l := range strings.Lines(reply.Str("sdp")) {
				if strings.HasPrefix(l, "m=") {
					told = append(told, l)
				}
			}
			if len(told) != len(x.media) {
				t.Fatalf("%q", told)
			}
			for i, l := range told {
				if !strings.HasPrefix(l, strings.TrimSuffix(x.media[i], "3")) || strings.HasSuffix(x.media[i], "3") && strings.HasPrefix(l, "m=audio 0") {
					t.Errorf("%q, want %q", l, x.media[i])
				}
			}
			if strings.HasPrefix(name, "rejected") && strings.Contains(reply.Str("sdp"), "a=") {
				t.Errorf("attributes of what is not there: %s", reply.Str("sdp"))
			}
			// A good answer afterwards is taken.
			if x.reason != "" && !strings.Contains(x.offer, "SAVP") {
				if _, err := do("command", "answer", "to-tag", "b", "sdp", head+good); err != "" {
					t.Error(err)
				}
			}
			if _, err := do("command", "delete", "delete-delay", 0); err != "" {
				t.Error(err)
			}
			if now := n.Totals().PortsFree["127.0.0.1"]; now != free || n.Count() != 0 {
				t.Errorf("%d of %d ports free", now, free)
			}
		})
	}
}
