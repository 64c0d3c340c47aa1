package ng

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var dicts = cmp.AllowUnexported(Dict{}, entry{})

func TestBothFormatsSayTheSame(t *testing.T) {
	want := Of("command", "offer", "n", 12, "neg", int64(-3), "list", List{"a", int64(1), Of("x", "y")}, "empty", List{}, "sdp", "v=0\r\nü\x01\"\\")
	for _, f := range []Format{Bencode, JSON} {
		b := Append(nil, want, f)
		got, format, err := Parse(b)
		if err != nil || format != f {
			t.Fatalf("%v: %q: format %v, error %v", f, b, format, err)
		}
		if d := cmp.Diff(want, got, dicts); d != "" {
			t.Errorf("%v: %s", f, d)
		}
	}
}

func TestMalformedMessages(t *testing.T) {
	for name, b := range map[string]string{
		"empty": "", "no dictionary": "l1:ae", "string": "3:abc", "ends early": "d1:a", "no end": "d1:a1:b",
		"length lies": "d1:a99:be", "length huge": "d1:a99999999999999999999:be", "behind it": "d1:a1:bed",
		"number": "d1:ai1x2ee", "plus": "d1:ai+1ee", "key no string": "di1e1:ae", "deep": strings.Repeat("l", 50),
		"deep dict": "d1:a" + strings.Repeat("l", 20) + strings.Repeat("e", 21), "octet": "d1:axe",
		"json text": `{"a":1}x`, "json array": `{"a":[1,}`, "json open": `{"a":`, "json deep": strings.Repeat(`{"a":`, 30) + "1" + strings.Repeat("}", 30),
	} {
		if d, _, err := Parse([]byte(b)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%s: got %v, error %v", name, d, err)
		}
	}
}

func TestKeysWithHyphenAndSpaceAreOne(t *testing.T) {
	d := Of("received from", List{"IP4", "192.0.2.1"}, "ICE", "remove", "TOS", 184)
	if got := d.Strings("received-from"); len(got) != 2 || got[1] != "192.0.2.1" {
		t.Errorf("received-from: %q", got)
	}
	if got := d.Strings("ICE"); len(got) != 1 || got[0] != "remove" {
		t.Errorf("a string is a list of one: %q", got)
	}
	if n, ok := Of("a", "7").Int("a"); n != 7 || !ok {
		t.Errorf("a number written as text: %d %v", n, ok)
	}
	d.Set("received_from", "x")
	if d.Len() != 3 || d.Str("received from") != "x" {
		t.Errorf("set replaces: %v", d)
	}
}

func TestUnparsedFlags(t *testing.T) {
	d := Of("flags", List{"first"}, "rtpp-flags", "replace-origin via-branch=auto OSRTP=[accept] codec=[transcode=[PCMA PCMU] strip=[EVS]] set=[a=1 b]")
	if err := expand(&d); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"flags": List{"first", "replace-origin"}, "via-branch": "auto", "OSRTP": List{"accept"}, "set": List{"a=1", "b"},
		"codec": Of("transcode", List{"PCMA", "PCMU"}, "strip", List{"EVS"}),
	} {
		got, _ := d.Value(key)
		if diff := cmp.Diff(want, got, dicts); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	for _, s := range []string{"a=[b", "]", "a=[[b]]", "[", strings.Repeat("a=[", 40)} {
		d := Of("rtpp-flags", s)
		if err := expand(&d); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: error %v", s, err)
		}
	}
}

func TestStreamsAreCutIntoMessages(t *testing.T) {
	messages := []string{"1 d7:command4:pinge", `x {"a":"}\"{","b":{"c":[1]}}`, "abc d1:ali1e2:xye1:bde1:ci-5ee"}
	stream := messages[0] + messages[1] + "\r\n" + messages[2] + "\n"
	for chunk := 1; chunk < len(stream); chunk += 3 {
		sc := bufio.NewScanner(&chunks{stream, chunk})
		sc.Split(scanFrame)
		var got []string
		for sc.Scan() {
			if sc.Text() != "" {
				got = append(got, sc.Text())
			}
		}
		if d := cmp.Diff(messages, got); d != "" || sc.Err() != nil {
			t.Fatalf("chunks of %d: error %v, %s", chunk, sc.Err(), d)
		}
	}
	for _, s := range []string{strings.Repeat("x", 300), "1 x", "1 d1:a", "1 d99999999:", "1 di" + strings.Repeat("1", 30)} {
		sc := bufio.NewScanner(strings.NewReader(s))
		sc.Split(scanFrame)
		for sc.Scan() {
		}
		if !errors.Is(sc.Err(), ErrSyntax) {
			t.Errorf("%.20q: error %v", s, sc.Err())
		}
	}
}

// chunks reads a few octets at a time.
type chunks struct {
	s string
	n int
}

func (c *chunks) Read(b []byte) (int, error) {
	if c.s == "" {
		return 0, io.EOF
	}
	n := copy(b, c.s[:min(c.n, len(c.s))])
	c.s = c.s[n:]
	return n, nil
}

// relays is a handler that counts what it carries out.
type relays struct {
	name  string
	count atomic.Int64
	err   error
}

func (r *relays) HandleNG(_ context.Context, req *Request) (Dict, error) {
	n := r.count.Add(1)
	if req.Command == "fail-inside" {
		panic("on purpose")
	}
	if r.err != nil {
		return Dict{}, r.err
	}
	return Of("sdp", req.Dict.Str("sdp"), "count", n, "relay", r.name), nil
}

// serve starts a server on all transports and returns their URLs.
func serve(t *testing.T, h Handler, cfg Config) (s *Server, urls map[string]string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s = NewServer(h, cfg)
	u, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.ServeUDP(ctx, u); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if err := s.ServeTCP(ctx, l); err != nil {
			t.Error(err)
		}
	})
	web := httptest.NewServer(s.HTTPHandler())
	t.Cleanup(func() {
		cancel()
		web.Close()
		wg.Wait()
	})
	host := strings.TrimPrefix(web.URL, "http://")
	return s, map[string]string{
		"udp": "udp://" + u.LocalAddr().String(), "tcp": "tcp://" + l.Addr().String(), "http": "http://" + host, "ws": "ws://" + host,
	}
}

func client(t *testing.T, cfg ClientConfig, opts ...ClientOption) *Client {
	t.Helper()
	c, err := NewClient(cfg, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestEveryTransportAndFormat(t *testing.T) {
	h := &relays{}
	s, urls := serve(t, h, Config{})
	sdp := strings.Repeat("a=line\r\n", 3000)
	for name, url := range urls {
		for _, f := range []Format{Bencode, JSON} {
			t.Run(name+"/"+f.String(), func(t *testing.T) {
				c := client(t, ClientConfig{URL: url, Format: f})
				if err := c.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				for i := range 6 { // more would not fit into the buffer of a UDP socket
					wg.Go(func() {
						want := fmt.Sprint(i, sdp)
						reply, err := c.Do(t.Context(), Of("command", "offer", "sdp", want))
						if err != nil || reply.Str("sdp") != want {
							t.Errorf("error %v, got %d octets, want %d", err, len(reply.Str("sdp")), len(want))
						}
					})
				}
				wg.Wait()
				if _, err := c.Do(t.Context(), Of("command", "fail inside")); err == nil || !strings.Contains(err.Error(), "internal error") {
					t.Errorf("a handler that fails: error %v", err)
				}
			})
		}
	}
	if st := s.Stats(); st.Panics != 8 || st.Malformed != 0 || st.Refused != 0 {
		t.Errorf("%+v", st)
	}
}

func TestRepeatedCookieGetsTheSameOctets(t *testing.T) {
	h := &relays{}
	s, urls := serve(t, h, Config{})
	c, err := net.Dial("udp", strings.TrimPrefix(urls["udp"], "udp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var replies []string
	for range 3 {
		if _, err := c.Write([]byte("77_1 d7:command5:offere")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 2000)
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		replies = append(replies, string(b[:n]))
	}
	if replies[0] != replies[1] || replies[1] != replies[2] || !strings.HasPrefix(replies[0], "77_1 d") {
		t.Errorf("%q", replies)
	}
	if h.count.Load() != 1 || s.Stats().Repeated != 2 {
		t.Errorf("carried out %d times, %+v", h.count.Load(), s.Stats())
	}
}

func TestWhoMayDriveTheRelay(t *testing.T) {
	h := &relays{}
	s, urls := serve(t, h, Config{Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	for name, url := range urls {
		c := client(t, ClientConfig{URL: url, Timeout: 200 * time.Millisecond, Tries: 1})
		if err := c.Ping(t.Context()); err == nil {
			t.Errorf("%s: a stranger was answered", name)
		}
	}
	if got := s.Stats().Refused; got < 4 {
		t.Errorf("%d refused", got)
	}
	secure := NewServer(h, Config{Token: "secret"})
	web := httptest.NewTLSServer(secure.HTTPHandler())
	defer web.Close()
	trust := WithTLS(web.Client().Transport.(*http.Transport).TLSClientConfig)
	for token, ok := range map[string]bool{"secret": true, "": false, "secreT": false} {
		for _, scheme := range []string{"https", "wss"} {
			c := client(t, ClientConfig{URL: scheme + strings.TrimPrefix(web.URL, "https"), Token: token}, trust)
			if err := c.Ping(t.Context()); (err == nil) != ok {
				t.Errorf("%s with token %q: error %v", scheme, token, err)
			}
		}
	}
}

func TestLoadLimit(t *testing.T) {
	h := &relays{err: &LoadLimitError{errors.New("Parallel session limit reached")}}
	_, urls := serve(t, h, Config{})
	c := client(t, ClientConfig{URL: urls["udp"]})
	if _, err := c.Do(t.Context(), Of("command", "offer", "supports", List{"load limit"})); !errors.Is(err, ErrLoadLimit) {
		t.Errorf("error %v", err)
	}
	var said *ReplyError
	if _, err := c.Do(t.Context(), Of("command", "offer")); !errors.As(err, &said) || !said.Full() {
		t.Errorf("error %v", err)
	}
}

func TestTextCommands(t *testing.T) {
	s := NewServer(&relays{}, Config{CLI: func(_ context.Context, line string) (string, error) { return "you said " + line, nil }})
	web := httptest.NewServer(s.HTTPHandler())
	defer web.Close()
	for path, want := range map[string]string{"/ping": "pong", "/cli/list+totals": "you said list totals"} {
		resp, err := http.Get(web.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		n, _ := resp.Body.Read(b)
		resp.Body.Close()
		if string(b[:n]) != want {
			t.Errorf("%s: %q", path, b[:n])
		}
	}
}
