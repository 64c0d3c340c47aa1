//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// natConfig is of a baresip with RFC 5626 behind a NAT.
const natConfig = `poll_method epoll
sip_listen 192.168.77.2:%d
call_max_calls 4
audio_player aufile,none
audio_source aufile,%s
audio_alert ausine,none
audio_srate 8000
audio_channels 1
rtp_ports 20000-20100
rtcp_mux no
net_interface 192.168.77.2
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module ausine.so
module uuid.so
module_app account.so
module_app menu.so
`

const linphoneConfig = `[sip]
sip_port=-1
sip_tcp_port=-1
sip_tls_port=-1
verify_server_certs=0
verify_server_cn=0
default_proxy=0

[net]
mtu=1300

[sound]
playback_dev_id=none
ringer_dev_id=none
capture_dev_id=none

[auth_info_0]
username=%[1]s
passwd=%[2]s
realm=%[3]s

[proxy_0]
reg_proxy=<sip:%[3]s:%[4]d;transport=tcp>
reg_route=<sip:%[3]s:%[4]d;transport=tcp;lr>
reg_identity=<sip:%[1]s@%[3]s>
reg_expires=600
reg_sendregister=1
publish=0
`

// TestNAT: phones behind a symmetric NAT whose bindings end after 30 s without
// a packet (of TCP after 150 s, a little more than the 120 s after which RFC
// 5626 has phones ping, and far less than RFC 5382 wants of a NAT) are still
// reached after a long time in which nobody calls: baresip
// over UDP, TCP and TLS, linphone with outbound over TCP. CLASS5_IDLE says how
// long that is, 40 s by default.
func TestNAT(t *testing.T) {
	t.Parallel() // it waits for most of its time
	idle, err := time.ParseDuration(os.Getenv("CLASS5_IDLE"))
	if err != nil {
		idle = 40 * time.Second
	}
	behindNAT(t)
	c := newCarrier(t)
	c.domain = "10.77.6.0"
	c.run(t, "--demo", "--address", c.domain)
	accounts := c.provision(t, 4)
	inside := func(name string, args ...string) *process {
		return start(t, t.TempDir(), "ip", append([]string{"netns", "exec", "c5phone", name}, args...)...)
	}
	phones := map[string]*process{}
	for i, transport := range []string{"udp", "tcp", "tls"} {
		dir, port := t.TempDir(), c.sip
		if transport == "tls" {
			port = c.tls
		}
		for name, text := range map[string]string{
			"config":   fmt.Sprintf(natConfig, 5070+2*i, filepath.Join(dir, "tone.wav")),
			"contacts": "",
			"accounts": fmt.Sprintf("<sip:%s@%s:%d;transport=%s>;auth_pass=%s;audio_codecs=PCMA/8000/1;answermode=auto;regint=600;sipnat=outbound;outbound=\"sip:%s:%d;transport=%s\"\n",
				accounts[i].user, c.domain, port, transport, accounts[i].password, c.domain, port, transport),
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		writeTone(t, filepath.Join(dir, "tone.wav"), 440, 10*time.Second)
		phones["baresip over "+transport] = inside("baresip", "-f", dir)
	}
	rc := filepath.Join(t.TempDir(), "linphonerc")
	if err := os.WriteFile(rc, fmt.Appendf(nil, linphoneConfig, accounts[3].user, accounts[3].password, c.domain, c.sip), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(filepath.Dir(rc), ".local", "share", "linphone"), 0o755); err != nil {
		t.Fatal(err)
	}
	// linphonec ends with its input, so that is a pipe that stays open.
	phones["linphone over tcp"] = inside("sh", "-c", "cd "+filepath.Dir(rc)+" && mkfifo in && exec 3<>in && HOME=$PWD exec linphonec -a -c linphonerc <&3")

	registered := func() (n int, all string) {
		var list struct {
			Items []struct{ AoR, Contact, Path, Source, Transport, Instance string } `json:"items"`
		}
		c.api(t, "GET", "/api/v1/registrations", nil, &list)
		for _, r := range list.Items {
			all += fmt.Sprintf("%+v\n", r)
			if strings.HasPrefix(r.Source, "10.77.6.1:") {
				n++
			}
		}
		return n, all
	}
	eventually(t, 20*time.Second, func() error {
		if n, all := registered(); n != len(accounts) {
			return fmt.Errorf("%d phones behind the NAT\n%s\n%s", n, all, outputs(phones))
		}
		return nil
	})
	_, all := registered()
	t.Logf("registered:\n%s", all)
	time.Sleep(idle)
	caller := newAgent(t, "udp", c.sip, c.domain, c.alice)
	for _, a := range accounts {
		reached(t, caller, a, outputs(phones))
	}
}

func outputs(phones map[string]*process) string {
	var b strings.Builder
	for name, p := range phones {
		fmt.Fprintf(&b, "%s:\n%s\n", name, tail(p.output()))
	}
	return b.String()
}

// reached calls a phone that answers by itself, and hangs up.
func reached(t *testing.T, caller *agent, who account, logs string) {
	t.Helper()
	caller.fresh()
	uri := "sip:" + who.user + "@" + caller.domain
	body := fmt.Sprintf("v=0\r\no=a 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio 29000 RTP/AVP 8 0\r\n", caller.domain)
	offer := func(msg []byte) []byte {
		return []byte(strings.Replace(string(msg), "Content-Length: 0\r\n\r\n",
			fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(body), body), 1))
	}
	_, m := caller.ask(offer(caller.request("INVITE", uri, uri)))
	if m == nil || m.Status() != 407 {
		t.Fatalf("no challenge: %v", m)
	}
	caller.challenged(m)
	caller.send(offer(caller.request("INVITE", uri, uri, caller.credentials(407, "INVITE", uri))))
	begin := time.Now()
	ok := caller.final(10 * time.Second)
	if ok == nil || ok.Status() != 200 {
		status := 0
		if ok != nil {
			status = ok.Status()
		}
		t.Errorf("%s was not reached: status %d\n%s", who.user, status, logs)
		return
	}
	t.Logf("%s answered after %v", who.user, time.Since(begin).Round(time.Millisecond))
	to, _ := ok.First(wire.HdrTo)
	remote, _ := ok.First(wire.HdrContact)
	target, err := wire.ParseNameAddr(remote.Value)
	if err != nil {
		t.Fatal(err)
	}
	var routes []string
	for v := ok.Values(wire.HdrRecordRoute); v.Next(); {
		routes = append([]string{string(v.Value())}, routes...)
	}
	in := func(method string) []byte {
		msg := string(caller.request(method, string(target.URI), uri, "Route: "+strings.Join(routes, ", ")))
		return []byte(strings.Replace(msg, "\r\nTo: <"+uri+">", "\r\nTo: "+string(to.Value), 1))
	}
	caller.cseq--
	caller.send(in("ACK"))
	time.Sleep(300 * time.Millisecond)
	if status, _ := caller.ask(in("BYE")); status != 200 {
		t.Errorf("BYE to %s: status %d", who.user, status)
	}
}

// behindNAT makes two network namespaces: one with phones, and between it and
// us a NAT that takes another port for every destination.
func behindNAT(t *testing.T) {
	t.Helper()
	link(t, "c5nat", netip.MustParsePrefix("10.77.6.0/31"), netip.MustParsePrefix("10.77.6.1/31"))
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", "c5phone").Run() })
	for _, line := range []string{
		"ip netns add c5phone",
		"ip -n c5nat link add c5phone0 type veth peer name c5phone1 netns c5phone",
		"ip -n c5nat addr add 192.168.77.1/24 dev c5phone0",
		"ip -n c5nat link set c5phone0 up",
		"ip -n c5phone addr add 192.168.77.2/24 dev c5phone1",
		"ip -n c5phone link set c5phone1 up",
		"ip -n c5phone link set lo up",
		"ip -n c5phone route add default via 192.168.77.1",
		"ip netns exec c5nat sysctl -qw net.ipv4.ip_forward=1",
		"ip netns exec c5nat iptables -t nat -A POSTROUTING -s 192.168.77.0/24 -j MASQUERADE --random",
		"ip netns exec c5nat sysctl -qw net.netfilter.nf_conntrack_udp_timeout=30",
		"ip netns exec c5nat sysctl -qw net.netfilter.nf_conntrack_udp_timeout_stream=30",
		"ip netns exec c5nat sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=150",
	} {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
}
