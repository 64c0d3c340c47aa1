//go:build interop

package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/class5-go/class5/internal/peer"
	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/relay/redisrelay"
)

// stateStore is a Redis in which relays keep their sessions.
type stateStore struct {
	*peer.Redis
	client *redis.Client
}

func newStateStore(t *testing.T, options ...string) *stateStore {
	t.Helper()
	r, err := peer.StartRedis(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: r.Socket()})
	t.Cleanup(func() { _ = c.Close(); _ = r.Stop() })
	return &stateStore{r, c}
}

// url is how it is configured.
func (s *stateStore) url() string { return "unix://" + s.Socket() }

// kept reads what a relay keeps.
func (s *stateStore) kept(name string) (list []relay.State, err error) {
	store, err := redisrelay.New(s.client, redisrelay.Config{Name: name})
	if err != nil {
		return nil, err
	}
	for k, err := range store.All(context.Background()) {
		var st relay.State
		if err = errors.Join(err, json.Unmarshal(k.State, &st)); err != nil {
			return nil, err
		}
		list = append(list, st)
	}
	return list, nil
}

// change changes the states of sessions as nobody should.
func (s *stateStore) change(t *testing.T, name string, to func(callID, state string) string) {
	t.Helper()
	ctx := t.Context()
	for i := range 256 {
		key := fmt.Sprintf("media:{%s}:%02x", name, i)
		all, err := s.client.HGetAll(ctx, key).Result()
		for id, state := range all {
			err = errors.Join(err, s.client.HSet(ctx, key, id, to(id, state)).Err())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// secrets are the keys in what is kept.
func secrets(kept []relay.State) (list []string) {
	for _, st := range kept {
		var b struct {
			Legs []json.RawMessage `json:"legs"`
		}
		_ = json.Unmarshal(st.Bridge, &b)
		for _, part := range strings.FieldsFunc(string(st.Bridge), func(r rune) bool { return r == '"' }) {
			if len(part) >= 20 && !strings.ContainsAny(part, " :{}[],\\") {
				list = append(list, part)
			}
		}
	}
	return list
}

// totals are those of the relay.
func (n *relayNode) totals(t *testing.T) (totals relay.Totals) {
	t.Helper()
	if err := n.admin("/media/totals", &totals); err != nil {
		t.Fatal(err)
	}
	return totals
}

// secureCall is a call of which b speaks SRTP, both from before a wrap.
func secureCall(t *testing.T, c *ng.Client, id, near string) *rtpCall {
	t.Helper()
	call := &rtpCall{id: id, c: c, a: newRTPParty(t, near), b: newRTPParty(t, near)}
	call.a.seq, call.b.seq = 65400, 65400
	call.offer(t, call.a.sdp(), "transport-protocol", "RTP/SAVP", "SDES", ng.List{"only-AES_CM_128_HMAC_SHA1_80", "pad"})
	call.answerWith(t, call.secured(t))
	return call
}

// TestRelayKilledRedis: calls in the kernel and calls with SRTP, whose sequence
// numbers wrap, go on when cmd/media is killed and started again and their states
// are in a Redis, which is killed, started empty and flushed meanwhile. What the
// kernel forwards is not lost, figures are exact, every packet can be opened.
func TestRelayKilledRedis(t *testing.T) {
	t.Parallel() // it waits for most of its time
	const ns, near, far, size = "c5redis", "10.77.41.0", "10.77.41.1", 10
	inside := link(t, ns, netip.MustParsePrefix(near+"/31"), netip.MustParsePrefix(far+"/31"))
	s := newStateStore(t)
	n := &relayNode{ip: far, host: far, inside: inside, near: near}
	n.configure(t, "state: "+s.url(), pinnedOffload(t, ns+"1", "redis"))
	n.run(t)
	c := n.client(t)
	var plain, secure []*rtpCall
	for i := range size {
		plain = append(plain, newRTPCall(t, c, fmt.Sprintf("plain-%d", i), newRTPParty(t, near), newRTPParty(t, near)))
		secure = append(secure, secureCall(t, c, fmt.Sprintf("secure-%d", i), near))
	}
	all := append(append([]*rtpCall(nil), plain...), secure...)
	// safe: all that has to be known is in the store, and the wrap is over.
	safe := func() error {
		kept, err := s.kept("media")
		var offloaded []relay.State
		for _, st := range kept {
			if strings.HasPrefix(st.CallID, "plain") {
				offloaded = append(offloaded, st)
			}
		}
		if err != nil || len(kept) != 2*size || len(offloaded) != size {
			return fmt.Errorf("%d of %d calls are kept (%v)", len(kept), 2*size, err)
		}
		if err := n.settled(kept, 2*size, false); err != nil {
			return err
		}
		var totals relay.Totals
		if err := n.admin("/media/totals", &totals); err != nil || totals.StoreWaiting > 0 || totals.StoreLag > 2*time.Second {
			return fmt.Errorf("%d wait, all was current %v ago (%v)", totals.StoreWaiting, totals.StoreLag, err)
		}
		for _, st := range offloaded {
			for _, l := range st.Legs {
				if !l.Streams[0].Offloaded.IsValid() {
					return fmt.Errorf("%s is not kept as forwarded in the kernel", st.CallID)
				}
			}
		}
		return nil
	}
	stop := talkOn(all)
	defer func() { stop() }()
	eventually(t, time.Minute, func() error {
		for _, call := range plain {
			if !kernelized(ordered(t, c, "command", "query", "call-id", call.id)) {
				return fmt.Errorf("%s is not forwarded in the kernel", call.id)
			}
		}
		return nil
	})
	silence := func() { // what user space has counted is in the store then
		stop()
		sent := 0
		for _, call := range secure {
			sent += call.a.sent + call.b.sent
		}
		eventually(t, 20*time.Second, func() error {
			kept, err := s.kept("media")
			counted := 0
			for _, st := range kept {
				for _, l := range st.Legs {
					for _, x := range l.Streams {
						if strings.HasPrefix(st.CallID, "secure") {
							counted += int(x.Figures.Packets)
						}
					}
				}
			}
			if err != nil || counted != sent {
				return fmt.Errorf("%d packets are in the figures of %d (%v)", counted, sent, err)
			}
			return nil
		})
		time.Sleep(2 * time.Second) // two looks at the sessions that the kernel forwards
		eventually(t, 20*time.Second, safe)
	}
	again := func(what string) {
		t.Helper()
		killed := time.Now()
		n.kill()
		time.Sleep(500 * time.Millisecond)
		n.run(t)
		away := time.Since(killed).Round(time.Millisecond)
		if totals := n.totals(t); totals.Restored != 2*size || totals.Unrestored != 0 {
			t.Fatalf("%s: %d calls go on, %d do not", what, totals.Restored, totals.Unrestored)
		}
		c = n.client(t)
		t.Logf("%s: the process was away for %v", what, away)
	}

	eventually(t, time.Minute, safe)
	silence()
	again("killed")
	stop = talkOn(all)
	goOn(t, all)

	s.Kill()
	began := time.Now()
	extra := newRTPCall(t, c, "extra", newRTPParty(t, near), newRTPParty(t, near))
	if d := time.Since(began); d > time.Second {
		t.Errorf("signalling without the store took %v", d)
	}
	extra.end(t)
	eventually(t, 20*time.Second, func() error {
		if n.totals(t).StoreErrors == 0 {
			return errors.New("no failure is counted")
		}
		return nil
	})
	goOn(t, all)
	if err := s.Start(t.Context()); err != nil { // empty
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, safe)
	if err := s.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, safe)
	goOn(t, all)
	silence()
	again("killed after the store was lost twice")
	stop = talkOn(all)
	goOn(t, all)
	stop()

	eventually(t, 10*time.Second, func() error {
		if sent, lost, _ := sumUp(t, all); lost != 0 {
			return fmt.Errorf("%d of %d packets lost", lost, sent)
		}
		return nil
	})
	kept, err := s.kept("media")
	if err != nil {
		t.Fatal(err)
	}
	keys := secrets(kept)
	if len(keys) < size {
		t.Fatalf("%d keys in what is kept", len(keys))
	}
	sent, received := 0, 0
	for _, call := range all {
		for _, p := range []*rtpParty{call.a, call.b} {
			sent += p.sent
			if p.shut > 0 {
				t.Errorf("%s: %d packets cannot be opened", call.id, p.shut)
			}
		}
		call.c = c
		received += call.end(t)
	}
	if received != sent {
		t.Errorf("%d packets sent, %d counted", sent, received)
	}
	eventually(t, 10*time.Second, func() error {
		if kept, err := s.kept("media"); err != nil || len(kept) > 0 {
			return fmt.Errorf("%d ended calls are kept (%v)", len(kept), err)
		}
		return nil
	})
	if d := n.totals(t).Dropped; d["auth"]+d["replay"] > 0 {
		t.Errorf("dropped %v", d)
	}
	for _, k := range keys {
		if strings.Contains(n.output(), k) {
			t.Fatal("a key is in the log")
		}
	}
	t.Logf("%d calls, %d packets sent, %d counted", 2*size, sent, received)
}

// refusedStart starts a relay that has to refuse its configuration in one line.
func (n *relayNode) refusedStart(t *testing.T, words ...string) {
	t.Helper()
	p := start(t, filepath.Dir(n.file), built.path(t, "cmd/media"), "-config", n.file)
	if err := p.wait(20 * time.Second); err == nil {
		t.Errorf("%v: it ended without an error", words)
	}
	for _, w := range words {
		if !strings.Contains(p.output(), w) {
			t.Errorf("%q is not in %q", w, tail(p.output()))
		}
	}
	for _, w := range []string{"wrong-password", statesPassword} {
		if strings.Contains(p.output(), w) {
			t.Error("a password is in the log")
		}
	}
}

const statesPassword = "sixteen-letters-of-a-password"

// TestRelayKilledRedisTLS: calls with SRTP go on when cmd/media is killed and
// their states are in a Redis that takes TLS only, from a user that may do no more
// than it has to. Another authority, a name that is not in the certificate, a wrong
// password, a user who may not: each is a clear error at the start. A Redis that is
// away is none.
func TestRelayKilledRedisTLS(t *testing.T) {
	dir, port := t.TempDir(), freePorts(t, 1)
	authority(t, dir, "redis")
	other := t.TempDir()
	authority(t, other, "redis")
	write := func(name, content string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	password, wrong := write("password", statesPassword), write("wrong", "a-wrong-password")
	s := newStateStore(t, "--bind", "127.0.0.1", "--tls-port", fmt.Sprint(port), "--tls-cert-file", dir+"/redis.pem", "--tls-key-file", dir+"/redis.key",
		"--tls-ca-cert-file", dir+"/ca.pem", "--tls-auth-clients", "no",
		"--user", "media", "on", ">"+statesPassword, "~media:*", "-@all", "+@hash", "+@scripting", "+@connection", "+pexpire", "+del", "+type", "+time")
	url := func(ca, more, password string) string {
		return fmt.Sprintf("state: rediss://media@127.0.0.1:%d/0?ca=%s&password_file=%s%s", port, ca, password, more)
	}
	bad := &relayNode{ip: loopbackOfItsOwn()}
	for line, words := range map[string][]string{
		url(other+"/ca.pem", "", password):                                             {"media: state", "certificate", "unknown authority"},
		url(dir+"/ca.pem", "&server_name=redis.example", password):                     {"media: state", "certificate", "redis.example"},
		url(dir+"/ca.pem", "", wrong):                                                  {"media: state", "password", "WRONGPASS"},
		fmt.Sprintf("state: rediss://media@127.0.0.1:%d/0?ca=%s", port, dir+"/ca.pem"): {"media: state", "password", "NOPERM"},
	} {
		if strings.Contains(strings.Join(words, " "), "NOPERM") {
			// Without a password the default user is who asks: it may do anything here.
			if err := s.client.Do(t.Context(), "ACL", "SETUSER", "default", "-ping").Err(); err != nil {
				t.Fatal(err)
			}
		}
		bad.configure(t, line)
		bad.refusedStart(t, words...)
	}
	n := newRelayNode(t, url(dir+"/ca.pem", "", password))
	c := n.client(t)
	var calls []*rtpCall
	for i := range 5 {
		calls = append(calls, secureCall(t, c, fmt.Sprintf("secure-%d", i), "127.0.0.1"))
	}
	stop := talkOn(calls)
	eventually(t, time.Minute, func() error {
		kept, err := s.kept("media")
		return errors.Join(err, n.settled(kept, len(calls), false))
	})
	time.Sleep(4 * time.Second) // over the wrap
	goOn(t, calls)
	n.kill()
	time.Sleep(300 * time.Millisecond)
	n.run(t)
	if totals := n.totals(t); totals.Restored != uint64(len(calls)) || totals.Unrestored != 0 || totals.StoreErrors != 0 {
		t.Errorf("%d go on, %d do not, %d errors", totals.Restored, totals.Unrestored, totals.StoreErrors)
	}
	goOn(t, calls)
	stop()
	for _, call := range calls {
		for _, p := range []*rtpParty{call.a, call.b} {
			if p.shut > 0 {
				t.Errorf("%s: %d packets cannot be opened", call.id, p.shut)
			}
		}
		call.c = n.client(t)
		call.end(t)
	}
	eventually(t, 10*time.Second, func() error {
		if kept, err := s.kept("media"); err != nil || len(kept) > 0 {
			return fmt.Errorf("%d ended calls are kept (%v)", len(kept), err)
		}
		return nil
	})
	n.kill()
	s.Kill()
	n.run(t) // as it may be back any time
	if strings.Contains(n.output(), statesPassword) {
		t.Error("the password is in the log")
	}
}

// TestRelayStatesDamaged: of states that are damaged, of another version or too
// old, one line tells, they are counted, and the other calls go on.
func TestRelayStatesDamaged(t *testing.T) {
	s := newStateStore(t)
	n := newRelayNode(t, "state: "+s.url())
	c := n.client(t)
	var calls []*rtpCall
	for i := range 6 {
		call := newRTPCall(t, c, fmt.Sprintf("call-%d", i), newRTPParty(t, "127.0.0.1"), newRTPParty(t, "127.0.0.1"))
		calls = append(calls, call)
	}
	calls = append(calls, secureCall(t, c, "secure-6", "127.0.0.1"))
	stop := talkOn(calls)
	defer stop()
	eventually(t, 20*time.Second, func() error {
		kept, err := s.kept("media")
		return errors.Join(err, n.settled(kept, len(calls), false))
	})
	n.kill()
	s.change(t, "media", func(id, state string) string {
		switch id {
		case "call-0":
			return "}" + state
		case "call-1":
			return strings.Replace(state, `"version":2`, `"version":99`, 1)
		case "call-2":
			return strings.Replace(state, `"bridge":`, `"bridge":null,"was":`, 1)
		case "call-3":
			return strings.Replace(state, `"version":2`, `"version":1`, 1)
		}
		return state
	})
	// The last sign of life is older than what a wrap may take.
	key := "media:{media}:owner"
	asof, err := s.client.HGet(t.Context(), key, "asof").Int64()
	if err = errors.Join(err, s.client.HSet(t.Context(), key, "asof", asof-20_000).Err()); err != nil {
		t.Fatal(err)
	}
	n.run(t)
	if totals := n.totals(t); totals.Restored != 3 || totals.Unrestored != 4 {
		t.Errorf("%d go on, %d do not", totals.Restored, totals.Unrestored)
	}
	if lines := strings.Count(n.output(), "could not be taken over"); lines != 1 || !strings.Contains(n.output(), "4 states not taken over") {
		t.Errorf("%d lines\n%s", lines, n.output())
	}
	if strings.Contains(n.output(), "a=crypto") || strings.Contains(n.output(), "inline") {
		t.Error("the log quotes a state")
	}
	goOn(t, calls[3:6])
	stop()
	kept, err := s.kept("media")
	if err != nil || len(kept) != 3 {
		t.Errorf("%d kept, %v", len(kept), err)
	}
}

// metric is the sum of a counter or gauge of a command of ours, by a part of its
// line.
func metric(admin int, part string) (sum float64) {
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", admin))
	if err != nil {
		return -1
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	for line := range strings.Lines(string(b)) {
		var v float64
		if i := strings.LastIndexByte(line, ' '); strings.HasPrefix(line, part) && i > 0 {
			if _, err := fmt.Sscan(line[i+1:], &v); err == nil {
				sum += v
			}
		}
	}
	return sum
}

// survives waits until the media of calls go on in a new process.
func survives(t *testing.T, admin, calls int) {
	t.Helper()
	eventually(t, 10*time.Second, func() error { // it answers before
		if n := metric(admin, `class5_media_restored_sessions_total{result="ok"}`); n != float64(calls) {
			return fmt.Errorf("the media of %v of %d calls go on", n, calls)
		}
		return nil
	})
	before := metric(admin, "class5_media_forwarded_packets_total")
	eventually(t, 10*time.Second, func() error {
		if now := metric(admin, "class5_media_forwarded_packets_total"); now < before+float64(50*calls) {
			return fmt.Errorf("%v packets forwarded, %v before", now, before)
		}
		return nil
	})
}

// ended waits until no media are left.
func ended(t *testing.T, admin int) {
	t.Helper()
	eventually(t, 20*time.Second, func() error {
		if n := metric(admin, "class5_media_sessions "); n != 0 {
			return fmt.Errorf("%v media sessions", n)
		}
		return nil
	})
}

// TestCarrierMediaSurvive: the carrier is killed and started again. The media of
// its calls go on, with SRTP too, their BYE reaches the other side and ends them.
func TestCarrierMediaSurvive(t *testing.T) {
	t.Parallel() // it waits for most of its time
	s := newStateStore(t)
	flags := []string{"--demo", "--media-state", s.url(), "--media-profiles", "bob@127.0.0.1=savp"}
	c := newCarrier(t).run(t, flags...)
	const calls = 10
	p := c.registerPairs(t, calls)
	alice := newBaresip(t, c, c.alice, "udp", 440)
	bob := securePhone(t, c, c.bob, "udp", "srtp-mand", 1000)
	uac := c.background(t, p, p.dial(t, calls, 10, 20*time.Second)...)
	alice.call(c.bob.number, bob)
	c.running(t, calls+1)
	time.Sleep(time.Second)
	c.kill()
	c.client = nil
	c.run(t, flags...)
	survives(t, c.adm, calls+1)
	if n := metric(c.adm, `class5_media_dropped_packets_total{cause="auth"`); n != 0 {
		t.Errorf("%v packets cannot be opened", n)
	}
	time.Sleep(2 * time.Second)
	alice.hangUp(bob)
	alice.hears(bob)
	bob.hears(alice)
	if err := uac.wait(30 * time.Second); err != nil {
		t.Errorf("sipp: %v\n%s", err, tail(uac.output()))
	}
	ended(t, c.adm)
	if kept, err := s.kept("carrier"); err != nil || len(kept) > 0 {
		t.Errorf("%d ended calls are kept (%v)", len(kept), err)
	}
}

// TestProxyMediaSurvive: so it is with cmd/proxy and the Redis of its store.
func TestProxyMediaSurvive(t *testing.T) {
	t.Parallel() // it waits for most of its time
	n := newThreeNodes(t).run(t)
	const calls = 10
	s := &shop{threeNodes: n, dir: t.TempDir(), port: freePorts(t, 9)}
	_, phones := n.tariffed(t, "survive", map[string]any{"prepaid": false, "free_seconds": 20, "start": "create"}, 2)
	s.callee = phones[1]
	s.register(t)
	alawTone(t, s.dir)
	running := s.dial(t, phones[0], newFlow().dial().answered().talk(15_000, 15_000).bye(), 1, calls, "10")
	eventually(t, 20*time.Second, func() error {
		if have := metric(n.proxyAdm, "class5_media_sessions "); have != calls {
			return fmt.Errorf("%v media sessions", have)
		}
		return nil
	})
	time.Sleep(2 * time.Second)
	n.proxy.kill()
	n.proxy = n.node(t, "proxy", n.proxyAdm)
	eventually(t, 10*time.Second, func() error { // it answers before
		if have := metric(n.proxyAdm, `class5_media_restored_sessions_total{result="ok"}`); have != calls {
			return fmt.Errorf("the media of %v of %d calls go on", have, calls)
		}
		return nil
	})
	s.done(t, "calls across the death of their proxy", running)
	ended(t, n.proxyAdm)
}
