package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/token"
)

// ctl runs the command and returns what it wrote and its exit code.
func ctl(env map[string]string, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = run(args, func(k string) string { return env[k] }, &out, &errs)
	return out.String(), errs.String(), code
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"", "class5ctl lb flows", 2},
		{"help", "class5ctl lb flows", 0},
		{"check -h", "class5ctl lb flows", 0},
		{"fly", `no command "fly"`, 2},
		{"token", `no command "token"`, 2},
		{"token explain", "TOKEN is missing", 2},
		{"lb", "ban, bans", 2},
		{"lb fly", `no command "fly"`, 2},
		{"lb flows now", `"now" is too much`, 2},
		{"lb flows -limit 0", "at least 1", 2},
		{"lb flows -limit x", "invalid value", 2},
		{"lb flows -admin localhost:9190", "is no URL", 2},
		{"lb ban", "PREFIX is missing", 2},
		{"lb ban everybody", "no address or prefix", 2},
		{"lb ban 192.0.2.1 -ttl -1s", "above 0", 2},
		{"lb unban 192.0.2.0/40", "no address or prefix", 2},
		{"lb drain 192.0.2.1", "no address with port", 2},
		{"lb stats -admin http://127.0.0.1:1", "refused", 1},
		{"check", "FILE is missing", 2},
		{"check /nowhere.yaml", "no such file", 2},
	} {
		out, errs, code := ctl(nil, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out+errs, c.want) || (code == 0) != (errs == "") {
			t.Errorf("%q: code %d, %q, %q", c.args, code, out, errs)
		}
	}
}

// edge is the admin listener of an lb; it remembers what it was asked last.
type edge struct {
	asked  string
	status int
	answer string
}

func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	e.asked = strings.TrimSpace(r.Method + " " + r.URL.String() + " " + string(b))
	w.WriteHeader(e.status)
	_, _ = io.WriteString(w, e.answer)
}

func TestLB(t *testing.T) {
	e := &edge{}
	s := httptest.NewServer(e)
	defer s.Close()
	env := map[string]string{"CLASS5_ADMIN": s.URL + "/"}
	for _, c := range []struct {
		args   string
		status int
		answer string
		asked  string
		want   string
		code   int
	}{
		{"flows", 200, `[{"remote":"192.0.2.1:5","protocol":"TLS","zone":7},{"protocol":"UDP","remote":""}]`, "GET /lb/flows?limit=100",
			"PROTOCOL  REMOTE       ZONE\nTLS       192.0.2.1:5  7\nUDP       -            -\n", 0},
		{"flows -limit 5", 200, `[]`, "GET /lb/flows?limit=5", "none\n", 0},
		{"flows -json", 200, `[{"generation":7388282828282828282}]`, "GET /lb/flows?limit=100",
			"[\n  {\n    \"generation\": 7388282828282828282\n  }\n]\n", 0},
		{"bans", 200, `[{"prefix":"192.0.2.1/32","reason":"\u001b[2J\u0007x","until":"2026-01-01T00:00:00Z"}]`, "GET /lb/bans",
			"PREFIX        UNTIL                 REASON\n192.0.2.1/32  2026-01-01T00:00:00Z  \uFFFD[2J\uFFFDx\n", 0},
		{"ban 192.0.2.77 -ttl 90m -reason scans", 200, `{}`, `POST /lb/bans {"prefix":"192.0.2.77/32","reason":"scans","ttl":"1h30m0s"}`, "192.0.2.77/32 is banned\n", 0},
		{"ban 2001:db8::1/48", 204, ``, `POST /lb/bans {"prefix":"2001:db8::/48","reason":"operator","ttl":"1h0m0s"}`, "2001:db8::/48 is banned\n", 0},
		{"ban -json 192.0.2.77", 204, ``, `POST /lb/bans {"prefix":"192.0.2.77/32","reason":"operator","ttl":"1h0m0s"}`, "{}\n", 0},
		{"unban 192.0.2.77", 204, ``, "DELETE /lb/bans?prefix=192.0.2.77%2F32", "192.0.2.77/32 is not banned\n", 0},
		{"unban 192.0.2.78", 404, `{"error":"no such ban"}`, "DELETE /lb/bans?prefix=192.0.2.78%2F32", "class5ctl: 404 Not Found: no such ban\n", 1},
		{"targets", 200, `[{"addr":"10.0.0.1:5060","state":"up","tags":["a","b"],"load":{"oc":1}}]`, "GET /lb/targets",
			"ADDR           STATE  LOAD      TAGS\n10.0.0.1:5060  up     {\"oc\":1}  a,b\n", 0},
		{"drain 10.0.0.1:5060", 200, `{}`, `POST /lb/targets/drain {"addr":"10.0.0.1:5060"}`, "draining: takes no new calls\n", 0},
		{"undrain 10.0.0.1:5060", 200, `{}`, `POST /lb/targets/undrain {"addr":"10.0.0.1:5060"}`, "used again\n", 0},
		{"drain 10.0.0.9:5060", 400, `{"error":"no target 10.0.0.9:5060"}`, `POST /lb/targets/drain {"addr":"10.0.0.9:5060"}`,
			"class5ctl: usage: 400 Bad Request: no target 10.0.0.9:5060\n", 2},
		{"media", 200, `[{"number":1,"url":"udp://192.0.2.1:2223","state":"up","weight":1,"offers":3,"answers":2,"deletes":1,"errors":0}]`, "GET /lb/media",
			"NUMBER  URL                   STATE  WEIGHT  OFFERS  ANSWERS  DELETES  ERRORS\n1       udp://192.0.2.1:2223  up     1       3       2        1        0\n", 0},
		{"media", 409, `{"error":"this lb does not anchor media"}`, "GET /lb/media", "class5ctl: 409 Conflict: this lb does not anchor media\n", 1},
		{"stats", 200, `{"relayed":{"in":3,"out":4.5},"ready":true}`, "GET /lb/stats", "ready        true\nrelayed.in   3\nrelayed.out  4.5\n", 0},
		{"stats", 200, `7`, "GET /lb/stats", "7\n", 0},
		{"stats", 200, `<html>`, "GET /lb/stats", "class5ctl: the answer is no JSON: is -admin that of an lb?\n", 1},
		{"stats", 500, `broken`, "GET /lb/stats", "class5ctl: 500 Internal Server Error: broken\n", 1},
	} {
		e.status, e.answer, e.asked = c.status, c.answer, ""
		out, errs, code := ctl(env, append([]string{"lb"}, strings.Fields(c.args)...)...)
		if code != c.code || out+errs != c.want || e.asked != c.asked {
			t.Errorf("lb %s: code %d, asked %q, wrote\n%s%s", c.args, code, e.asked, out, errs)
		}
	}
	e.status, e.answer = 200, "{}"
	if _, errs, code := ctl(map[string]string{"CLASS5_ADMIN": "http://127.0.0.1:1"}, "lb", "-admin", s.URL, "stats"); code == 0 {
		t.Errorf("options before the command: %d, %s", code, errs)
	}
	if _, errs, code := ctl(map[string]string{"CLASS5_ADMIN": "http://127.0.0.1:1"}, "lb", "stats", "-admin", s.URL); code != 0 {
		t.Errorf("-admin against the environment: %d, %s", code, errs)
	}
}

// TestMedia: what the commands for a media relay ask its admin listener.
func TestMedia(t *testing.T) {
	e := &edge{status: 200}
	s := httptest.NewServer(e)
	defer s.Close()
	for _, c := range []struct {
		args, answer, asked, want string
		code                      int
	}{
		{"list", `[{"call_id":"a","created":"2026-01-01T00:00:00Z","legs":2,"packets":7,"path":"user"}]`, "GET /media/sessions?limit=100",
			"CALL_ID  CREATED               LEGS  PACKETS  PATH\na        2026-01-01T00:00:00Z  2     7        user\n", 0},
		{"list -limit 2", `[]`, "GET /media/sessions?limit=2", "none\n", 0},
		{"list -limit 0", ``, "", "class5ctl: usage: -limit is at least 1\n", 2},
		{"show a/b@c", `{"call_id":"a/b@c"}`, "GET /media/sessions/a%2Fb@c", "call_id  a/b@c\n", 0},
		{"terminate a", `{"call_id":"a"}`, "DELETE /media/sessions/a", "call_id  a\n", 0},
		{"terminate", ``, "", "class5ctl: usage: CALL-ID is missing\n", 2},
		{"drain", `{}`, "POST /media/drain", "takes no new sessions\n", 0},
		{"undrain", `{}`, "POST /media/undrain", "takes new sessions\n", 0},
		{"upgrade", `{}`, "POST /media/upgrade", "its successor goes on with all calls\n", 0},
		{"limits", `{"sessions":1,"cpu_limit":0.8}`, "GET /media/limits", "cpu_limit  0.8\nsessions   1\n", 0},
		{"totals", `{"packets":1}`, "GET /media/totals", "packets  1\n", 0},
		{"interfaces", `[{"free":9,"address":"192.0.2.1","name":"a"}]`, "GET /media/interfaces", "NAME  ADDRESS    FREE\na     192.0.2.1  9\n", 0},
		{"terminate -all", `{"terminated":7}`, "DELETE /media/sessions", "terminated  7\n", 0},
		{"terminate -all a b", ``, "", "class5ctl: usage: \"a\" is too much\n", 2},
		{"connect c a d", `{"result":"ok"}`, `POST /media/sessions/c/connect {"from-tag":"a","to-tag":"d"}`, "they talk to each other\n", 0},
		{"connect c a d -other-call e/f", `{"result":"ok"}`, `POST /media/sessions/c/connect {"from-tag":"a","to-call-id":"e/f","to-tag":"d"}`, "they talk to each other\n", 0},
		{"connect -directional -bidirectional c a d", `{"result":"ok"}`, `POST /media/sessions/c/connect {"flags":["directional","bidirectional"],"from-tag":"a","to-tag":"d"}`, "each gets the other's media too\n", 0},
		{"connect c a d -directional", `{"result":"ok"}`, `POST /media/sessions/c/connect {"flags":["directional"],"from-tag":"a","to-tag":"d"}`, "the other gets its media too\n", 0},
		{"connect -bidirectional c a d", ``, "", "class5ctl: usage: -bidirectional is for -directional; without them both hear each other\n", 2},
		{"connect c a", ``, "", "class5ctl: usage: OTHER-TAG is missing\n", 2},
		{"disconnect c a d", `{"result":"ok"}`, `POST /media/sessions/c/unsubscribe {"flags":["directional"],"from-tag":"a","to-tag":"d"}`, "it does not get the other's media any more\n", 0},
		{"disconnect c a d -other-call e", ``, "", "class5ctl: usage: flag provided but not defined: -other-call\n", 2},
		{"inject start c b p -source-call e", `{"result":"ok"}`, `POST /media/sessions/c/inject%20start {"source-call-id":"e","source-tag":"p","to-tag":"b"}`, "it hears the source too\n", 0},
		{"inject stop c b p", `{"result":"ok"}`, `POST /media/sessions/c/inject%20stop {"source-tag":"p","to-tag":"b"}`, "it does not hear the source any more\n", 0},
		{"inject", ``, "", "class5ctl: usage: media: no command \"inject\"\n", 2},
		{"inject stir c b p", ``, "", "class5ctl: usage: media: no command \"inject stir\"\n", 2},
		{"inject start c b", ``, "", "class5ctl: usage: SOURCE-TAG is missing\n", 2},
		{"block c", `{"result":"ok"}`, `POST /media/sessions/c/block%20media`, "their media do not pass\n", 0},
		{"unsilence c -tag a", `{"result":"ok"}`, `POST /media/sessions/c/unsilence%20media {"flags":["directional"],"from-tag":"a"}`, "their audio passes\n", 0},
		{"silence c -label x", `{"result":"ok"}`, `POST /media/sessions/c/silence%20media {"label":"x"}`, "their audio is silence\n", 0},
		{"silence c -label x -tag a", ``, "", "class5ctl: usage: -tag or -label, not both\n", 2},
		{"dtmf block c -mode Tone", `{"result":"ok"}`, `POST /media/sessions/c/block%20DTMF {"DTMF-security":"tone"}`, "nobody learns their digits\n", 0},
		{"dtmf block c -mode off", ``, "", "class5ctl: usage: -mode: \"off\" is none of drop, silence, tone, random, zero\n", 2},
		{"dtmf play c 12# -tag a -duration 100ms", `{"result":"ok"}`, `POST /media/sessions/c/play%20DTMF {"code":"12#","duration":100,"flags":["directional"],"from-tag":"a"}`, "the digits are played\n", 0},
		{"dtmf play c 12x", ``, "", "class5ctl: usage: DIGITS are 0 to 9, *, # and A to D\n", 2},
		{"dtmf play c 1 -pause -1s", ``, "", "class5ctl: usage: -pause is above 0\n", 2},
		{"play c hello.wav -repeat 3 -label x", `{"result":"ok","duration":1500}`, `POST /media/sessions/c/play%20media {"file":"hello.wav","label":"x","repeat-times":3}`, "duration  1500\nresult    ok\n", 0},
		{"stop c", `{"result":"ok"}`, "POST /media/sessions/c/stop%20media", "nothing is played\n", 0},
		{"recording start c -pattern %c -metadata x:y", `{"result":"ok"}`, `POST /media/sessions/c/start%20recording {"metadata":"x:y","recording-pattern":"%c"}`, "the call is recorded\n", 0},
		{"recording pause c", `{"result":"ok"}`, "POST /media/sessions/c/pause%20recording", "the recording pauses\n", 0},
		{"recording stop c", `{"result":"ok"}`, "POST /media/sessions/c/stop%20recording", "the recording has ended\n", 0},
		{"forwarding start c -metadata x:y -tag a", `{"result":"ok"}`, `POST /media/sessions/c/start%20forwarding {"flags":["directional"],"from-tag":"a","metadata":"x:y"}`, "their audio is forwarded\n", 0},
		{"forwarding stop c", `{"result":"ok"}`, "POST /media/sessions/c/stop%20forwarding", "their audio is not forwarded any more\n", 0},
		{"coffee", ``, "", "class5ctl: usage: media: no command \"coffee\"\n", 2},
		{"-h", ``, "", usage, 0},
	} {
		e.answer, e.asked = c.answer, ""
		out, errs, code := ctl(map[string]string{"CLASS5_ADMIN": s.URL}, append([]string{"media"}, strings.Fields(c.args)...)...)
		if code != c.code || out+errs != c.want || e.asked != c.asked {
			t.Errorf("media %s: code %d, asked %q, wrote\n%s%s", c.args, code, e.asked, out, errs)
		}
	}
}

func TestTokenExplain(t *testing.T) {
	secret := "a-secret-of-enough-characters"
	ring, err := token.New(token.Key{ID: 3, Secret: []byte(secret)})
	if err != nil {
		t.Fatal(err)
	}
	flow := token.Flow{Transport: token.TLS, Listener: 2, Remote: netip.MustParseAddrPort("192.0.2.7:40112"), Generation: 0x66f0a1b200000003}
	tok := string(ring.Seal(nil, token.Via, flow, []byte("z9hG4bK1")))
	anchored := string(ring.Seal(nil, token.RecordRoute, flow, relay.BoundTo([]byte("call-1"), []byte("769"))))
	good, bad := write(t, "good.key", "3 "+secret+"\n"), write(t, "bad.key", "3 "+secret+"?\n")
	broken := write(t, "broken.key", "one two three four five six\n")
	for _, c := range []struct {
		name string
		args []string
		want []string
		code int
	}{
		{"without keys", []string{tok}, []string{"192.0.2.7:40112", "not checked"}, 0},
		{"right", []string{tok, "-keys", good, "-bind", "z9hG4bK1"}, []string{"192.0.2.7:40112", "holds"}, 0},
		{"options first", []string{"-keys", good, "-bind", "z9hG4bK1", tok}, []string{"192.0.2.7:40112", "holds"}, 0},
		{"not bound to this", []string{tok, "-keys", good, "-bind", "z9hG4bK2"}, []string{"192.0.2.7:40112"}, 1},
		{"bound to what is not said", []string{tok, "-keys", good}, []string{"bound to the branch of its Via"}, 1},
		{"of a media node", []string{anchored, "-keys", good, "-bind", "call-1", "-mn", "769"}, []string{"192.0.2.7:40112", "holds"}, 0},
		{"of another media node", []string{anchored, "-keys", good, "-bind", "call-1", "-mn", "770"}, []string{"192.0.2.7:40112"}, 1},
		{"without its media node", []string{anchored, "-keys", good, "-bind", "call-1"}, []string{"192.0.2.7:40112"}, 1},
		{"other key", []string{tok, "-keys", bad, "-bind", "z9hG4bK1"}, []string{"192.0.2.7:40112"}, 1},
		{"no key file", []string{tok, "-keys", good + ".not"}, []string{"no such file"}, 2},
		{"no keys in it", []string{tok, "-keys", broken}, []string{"want a number and a secret"}, 2},
		{"no token", []string{"alice"}, []string{"class5ctl: token:"}, 1},
	} {
		out, errs, code := ctl(nil, append([]string{"token", "explain"}, c.args...)...)
		for _, want := range c.want {
			if code != c.code || !strings.Contains(out+errs, want) {
				t.Errorf("%s: code %d\n%s%s", c.name, code, out, errs)
			}
		}
	}
	out, _, code := ctl(nil, "token", "explain", "-json", "-keys", good, "-bind", "z9hG4bK1", tok)
	var m map[string]any
	if err := json.Unmarshal([]byte(out), &m); err != nil || code != 0 || m["holds"] != true || m["remote"] != "192.0.2.7:40112" || m["connection"] != 3.0 {
		t.Errorf("%v, %d: %s", err, code, out)
	}
	hidden, err := ring.SealSecret(nil, []byte("sip:bob@10.0.0.9"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if out, _, code = ctl(nil, "token", "explain", "-json", "-keys", good, string(hidden)); code != 0 || !strings.Contains(out, `"text": "sip:bob@10.0.0.9"`) {
		t.Errorf("a sealed Contact: %d: %s", code, out)
	}
}

func TestCheck(t *testing.T) {
	key := write(t, "edge.key", "a-secret-of-enough-characters\n")
	const lb = "node: edge1\nadmin: 127.0.0.1:9190\nlb:\n  internal: 127.0.0.1:5070\n  proxies: [127.0.0.1:5080]\n  hosts: [sip.example.com]\n" +
		"  listeners:\n    - {protocol: udp, addr: '0.0.0.0:5060'}\n"
	for _, c := range []struct {
		name, text string
		want       []string
		code       int
	}{
		{"good", lb + "keys: " + key + "\n", []string{"lb.listeners[1].protocol", "udp", "lb.hosts[1]", "sip.example.com", "fit for lb"}, 0},
		{"no key file", lb + "keys: /nowhere.key\n", []string{"lb.listeners[1].protocol", "no such file"}, 2},
		{"nothing", "node: x\n", []string{"admin is needed", "none of lb, proxy, web and media"}, 2},
		{"unknown", "lb:\n  speed: 3\n", []string{":2:3:", "speed"}, 2},
		{"log", "log: loud\n", []string{"log:"}, 2},
		{"half an lb", "admin: 127.0.0.1:9190\nkeys: " + key + "\nlb:\n  internal: 127.0.0.1:5070\n", []string{"lb: listeners is needed"}, 2},
		{"half a proxy", "admin: 127.0.0.1:9190\nkeys: " + key + "\nproxy:\n  listen: 127.0.0.1:5070\nstore:\n  dsn: user:hunter2@tcp(db)/x\n",
			[]string{"edges or plain_edges is needed", "store: data is needed", "store.dsn", "(set)"}, 2},
		{"web", "admin: 127.0.0.1:9190\nweb:\n  listen: 127.0.0.1:8080\n", []string{"fit for web"}, 0},
	} {
		file := write(t, "node.yaml", c.text)
		out, errs, code := ctl(nil, "check", file)
		for _, want := range c.want {
			if code != c.code || !strings.Contains(out+errs, want) || strings.Contains(out+errs, "hunter2") {
				t.Errorf("%s: code %d, no %q\n%s%s", c.name, code, want, out, errs)
			}
		}
		out, _, code = ctl(nil, "check", "-json", file)
		var m map[string]any
		if code != c.code || out != "" && (json.Unmarshal([]byte(out), &m) != nil || m["valid"] != (code == 0)) {
			t.Errorf("%s for machines: %d\n%s", c.name, code, out)
		}
	}
}
