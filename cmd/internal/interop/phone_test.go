//go:build interop

package interop

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// baresip is a foreign phone that sends a tone of its own and records what it
// sends and hears.
type baresip struct {
	*process
	t    *testing.T
	dir  string
	name string
	tone float64
	sip  int
	rtp  int // first of its ports for media
	ctl  net.Conn

	mu     sync.Mutex
	events []phoneEvent
	seen   int // events that were waited for
}

type phoneEvent struct {
	at    time.Time
	Event bool   `json:"event"`
	Type  string `json:"type"`
	ID    string `json:"id"` // Call-ID
	Param string `json:"param"`
	Data  string `json:"data"`
}

const phoneConfig = `poll_method epoll
sip_listen 127.0.0.1:%d
call_max_calls 4
audio_player aufile,none
audio_source aufile,%s
audio_alert ausine,none
audio_channels 1
audio_srate 8000
ausrc_srate 8000
auplay_srate 8000
audio_buffer 20-160
audio_telev_pt 101
rtp_ports %d-%d
rtcp_mux no
snd_path %s
net_interface 127.0.0.1
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module sndfile.so
module ausine.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:%d
`

// phonePorts is how many ports a phone has for media.
const phonePorts = 10

// newBaresip starts a phone and waits until it is registered.
func newBaresip(t *testing.T, c *carrier, who phone, transport string, tone float64) *baresip {
	t.Helper()
	b := startBaresipAt(t, c.domain, who.user, tone, fmt.Sprintf("<sip:%s@%s:%d;transport=%s>;auth_pass=%s;audio_codecs=PCMA/8000/1;answermode=manual;regint=600\n",
		who.user, c.domain, c.sip, transport, who.password))
	eventually(t, 10*time.Second, func() error {
		if !strings.Contains(b.output(), "200 OK") {
			return fmt.Errorf("%s is not registered\n%s", b.name, b.output())
		}
		return nil
	})
	return b
}

// startBaresip starts a phone with an account.
func startBaresip(t *testing.T, name string, tone float64, account string, modules ...string) *baresip {
	t.Helper()
	return startBaresipAt(t, "127.0.0.1", name, tone, account, modules...)
}

// startBaresipAt is startBaresip for a phone with another address.
func startBaresipAt(t *testing.T, ip, name string, tone float64, account string, modules ...string) *baresip {
	t.Helper()
	port := freePorts(t, 14)
	b := &baresip{t: t, dir: t.TempDir(), name: name, tone: tone, sip: port, rtp: port + 4}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf(strings.NewReplacer("sip_listen 127.0.0.1", "sip_listen "+ip, "net_interface 127.0.0.1", "net_interface "+ip).Replace(phoneConfig), port, filepath.Join(b.dir, "tone.wav"), b.rtp, b.rtp+phonePorts-1, b.dir, port+2)
	for _, m := range modules {
		config += "module " + m + "\n"
	}
	write("config", config)
	write("accounts", account)
	write("contacts", "")
	writeTone(t, filepath.Join(b.dir, "tone.wav"), tone, time.Minute)
	b.process = start(t, b.dir, "baresip", "-f", b.dir)
	eventually(t, 10*time.Second, func() error {
		var err error
		if b.ctl, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port+2)); err != nil {
			return fmt.Errorf("%w\n%s", err, b.output())
		}
		return nil
	})
	t.Cleanup(func() { _ = b.ctl.Close() })
	go b.read()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s:\n%s", b.name, tail(b.output()))
		}
	})
	return b
}

// read keeps what the phone tells: netstrings of JSON.
func (b *baresip) read() {
	for r := bufio.NewReader(b.ctl); ; {
		length, err := r.ReadString(':')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
		if err != nil {
			return
		}
		text := make([]byte, n+1) // and the comma
		if _, err := io.ReadFull(r, text); err != nil {
			return
		}
		e := phoneEvent{at: time.Now()}
		if json.Unmarshal(text[:n], &e) != nil {
			continue
		}
		b.mu.Lock()
		b.events = append(b.events, e)
		b.mu.Unlock()
	}
}

// do sends a command of baresip's menu.
func (b *baresip) do(command, params string) {
	b.t.Helper()
	text, err := json.Marshal(map[string]string{"command": command, "params": params, "token": command})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(b.ctl, "%d:%s,", len(text), text); err != nil {
		b.t.Fatalf("%s: %s: %v", b.name, command, err)
	}
}

// await waits for an event behind those awaited before.
func (b *baresip) await(kind, param string) phoneEvent {
	b.t.Helper()
	var found phoneEvent
	eventually(b.t, 8*time.Second, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		var types []string
		for i, e := range b.events[b.seen:] {
			if e.Type == kind && (param == "" || e.Param == param) {
				found = e
				b.seen += i + 1
				return nil
			}
			types = append(types, e.Type+" "+e.Param)
		}
		return fmt.Errorf("%s: no %s %s: %q", b.name, kind, param, types)
	})
	return found
}

// recording is the newest file of what was sent ("enc") or heard ("dec").
// baresip 1.0 stops recording what it hears at the first re-INVITE.
func (b *baresip) recording(kind string) []float64 {
	b.t.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "dump-*-"+kind+".wav"))
	if err != nil || len(files) == 0 {
		b.t.Fatalf("%s recorded nothing: %v", b.name, err)
	}
	slices.Sort(files)
	raw, err := os.ReadFile(files[len(files)-1])
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 12; i+8 <= len(raw); {
		size := int(binary.LittleEndian.Uint32(raw[i+4:]))
		if string(raw[i:i+4]) == "data" {
			raw = raw[i+8 : min(len(raw), i+8+size)]
			break
		}
		i += 8 + size + size%2
	}
	pcm := make([]float64, len(raw)/2)
	for i := range pcm {
		pcm[i] = float64(int16(binary.LittleEndian.Uint16(raw[2*i:])))
	}
	return pcm
}

// writeTone writes 16-bit samples at 8 kHz, a quarter of the full level.
func writeTone(t *testing.T, file string, hertz float64, length time.Duration) {
	t.Helper()
	n := int(length.Seconds() * 8000)
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00")
	binary.LittleEndian.PutUint32(b[4:], uint32(36+2*n))
	binary.LittleEndian.PutUint32(b[40:], uint32(2*n))
	for i := range n {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(8192*math.Sin(2*math.Pi*hertz*float64(i)/8000))))
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// level is the mean power of samples in dB of the full scale.
func level(pcm []float64) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += v * v
	}
	return 10 * math.Log10(sum/float64(max(len(pcm), 1))/(32768*32768)+1e-12)
}

// share is the part of the power that lies at a frequency, by Goertzel's
// algorithm over windows of 100 ms: a jump of phase spoils one window only.
func share(pcm []float64, hertz float64) float64 {
	const window = 800
	k := 2 * math.Cos(2*math.Pi*hertz/8000)
	tone, all := 0.0, 1e-9
	for ; len(pcm) >= window; pcm = pcm[window:] {
		var s1, s2 float64
		for _, v := range pcm[:window] {
			s1, s2 = v+k*s1-s2, s1
			all += v * v
		}
		tone += 2 * (s1*s1 + s2*s2 - k*s1*s2) / window
	}
	return tone / all
}

// middle cuts both ends: calls begin and end inside a packet.
func middle(pcm []float64, cut time.Duration) []float64 {
	n := int(cut.Seconds() * 8000)
	if len(pcm) <= 2*n {
		return nil
	}
	return pcm[n : len(pcm)-n]
}
