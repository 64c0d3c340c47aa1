package native

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type source struct{ down bool }

var errDown = fmt.Errorf("down")

func (s source) err() error {
	if s.down {
		return errDown
	}
	return nil
}

func (s source) Calls(context.Context, int) ([]live.Call, error) {
	return []live.Call{{ID: "1", CallID: "c1"}}, s.err()
}
func (s source) Registrations(_ context.Context, prefix string, _ int) ([]live.Registration, error) {
	return []live.Registration{{AoR: prefix + "@x"}}, s.err()
}
func (s source) Ladder(_ context.Context, id string) ([]live.Message, error) {
	if id != "c1" {
		return nil, live.ErrNotFound
	}
	return []live.Message{{Data: "INVITE"}}, s.err()
}
func (s source) Media(context.Context, string) (json.RawMessage, error) {
	return json.RawMessage(`{"legs":[]}`), s.err()
}
func (s source) Counts(context.Context) (live.Counts, error) { return live.Counts{Calls: 1}, s.err() }
func (s source) Version(context.Context) (uint64, error)     { return 1, s.err() }

type bench struct {
	planner *planner
	t       *testing.T
	h       http.Handler
	store   *directory.Store
	token   string
	profile int64
}

func setUp(t *testing.T, src live.Source) *bench {
	t.Helper()
	store, err := directory.Open(t.Context(), directory.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "t.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, err := store.Bootstrap(t.Context(), directory.BootstrapOptions{Domain: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	gate, err := login.New(login.Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	p := &planner{}
	b := &bench{t: t, store: store, profile: first.Profile.ID, planner: p, h: New(Config{Store: store, Live: src, Gate: gate, Rerater: p})}
	b.token = b.login("admin", first.AdminPassword.Reveal())
	return b
}

func (b *bench) login(name, password string) string {
	b.t.Helper()
	var out struct{ Token string }
	if code, _ := b.send("POST", "/login", "", map[string]string{"username": name, "password": password}, &out); code != 200 {
		b.t.Fatalf("login: %d", code)
	}
	return out.Token
}

// send makes one request; match is the If-Match header.
func (b *bench) send(method, path, match string, in, out any) (int, http.Header) {
	b.t.Helper()
	var body io.Reader
	switch v := in.(type) {
	case nil:
	case string:
		body = strings.NewReader(v)
	default:
		j, err := json.Marshal(v)
		if err != nil {
			b.t.Fatal(err)
		}
		body = bytes.NewReader(j)
	}
	r := httptest.NewRequest(method, Base+path, body)
	r.Header.Set("Content-Type", "application/json")
	if b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	if match != "" {
		r.Header.Set("If-Match", match)
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	if out != nil && (w.Code < 400 || strings.Contains(fmt.Sprintf("%T", out), "problemBody")) {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			b.t.Fatalf("%s %s: %d %s: %v", method, path, w.Code, w.Body, err)
		}
	}
	if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
		b.t.Errorf("%s %s: %d as %s", method, path, w.Code, w.Header().Get("Content-Type"))
	}
	return w.Code, w.Header()
}

type problemBody struct {
	Status int
	Errors []struct{ Location, Message string }
}

func TestSubscriberLife(t *testing.T) {
	b := setUp(t, source{})
	var customer struct{ ID int64 }
	if code, _ := b.send("POST", "/customers", "", map[string]any{"name": "ACME", "billing_profile_id": b.profile}, &customer); code != 201 {
		t.Fatalf("customer: %d", code)
	}
	var sub subscriber
	in := map[string]any{"domain_id": 1, "customer_id": customer.ID, "username": "alice", "numbers": []string{"+43 1 234"}}
	code, h := b.send("POST", "/subscribers", "", in, &sub)
	if code != 201 || sub.Password == "" || len(sub.Numbers) != 1 || sub.Numbers[0] != "431234" {
		t.Fatalf("create: %d %+v", code, sub)
	}
	path, etag := strings.TrimPrefix(h.Get("Location"), Base), h.Get("ETag")
	var again problemBody
	if code, _ := b.send("POST", "/subscribers", "", in, &again); code != 409 || again.Errors[0].Location != "body.username" {
		t.Errorf("twice: %d %+v", code, again)
	}
	var read subscriber
	if code, h := b.send("GET", path, "", nil, &read); code != 200 || h.Get("ETag") != etag || read.Password != "" {
		t.Errorf("read: %d %+v", code, read)
	}
	change := map[string]any{"display_name": "Alice", "status": "locked", "numbers": []string{"431235", "431236"}}
	if code, _ := b.send("PATCH", path, "", change, nil); code != 428 {
		t.Errorf("without revision: %d", code)
	}
	code, h = b.send("PATCH", path, etag, change, &read)
	if code != 200 || read.DisplayName != "Alice" || read.Status != "locked" || len(read.Numbers) != 2 {
		t.Errorf("change: %d %+v", code, read)
	}
	if code, _ := b.send("PATCH", path, etag, change, nil); code != 412 {
		t.Errorf("stale: %d", code)
	}
	etag = h.Get("ETag")
	if code, h = b.send("POST", path+"/password", etag, map[string]any{}, &read); code != 200 || read.Password == "" || read.Password == sub.Password {
		t.Errorf("password: %d %+v", code, read)
	}
	if code, _ := b.send("DELETE", fmt.Sprintf("/customers/%d", customer.ID), `"1"`, nil, nil); code != 409 {
		t.Errorf("customer in use: %d", code)
	}
	if code, _ := b.send("DELETE", path, h.Get("ETag"), nil, nil); code != 204 {
		t.Errorf("delete: %d", code)
	}
	if code, _ := b.send("GET", path, "", nil, nil); code != 404 {
		t.Errorf("after delete: %d", code)
	}
}

func TestBadInput(t *testing.T) {
	b := setUp(t, source{})
	sub := func(k string, v any) map[string]any {
		m := map[string]any{"domain_id": 1, "customer_id": 1, "username": "bob"}
		m[k] = v
		return m
	}
	for _, c := range []struct {
		name, method, path string
		in                 any
		want               int
	}{
		{"CRLF in a name", "POST", "/subscribers", sub("display_name", "a\r\nVia: x"), 422},
		{"NUL", "POST", "/subscribers", sub("display_name", "a\x00"), 422},
		{"bidi control", "POST", "/subscribers", sub("display_name", "a\u202eb"), 422},
		{"bad user name", "POST", "/subscribers", sub("username", "a b@"), 422},
		{"bad number", "POST", "/subscribers", sub("numbers", []string{"12ab"}), 422},
		{"unknown key", "POST", "/subscribers", sub("admin", true), 422},
		{"wrong type", "POST", "/subscribers", sub("domain_id", "one"), 422},
		{"no such domain", "POST", "/subscribers", sub("domain_id", 99), 422},
		{"no JSON", "POST", "/subscribers", "{", 400},
		{"missing", "POST", "/domains", map[string]any{}, 422},
		{"too large", "POST", "/domains", `{"name":"` + strings.Repeat("a", maxBody) + `"}`, 413},
		{"price", "POST", "/billing-profiles/1/fees", map[string]any{"direction": "out", "destination": "43", "init": "x", "init_interval": 1, "follow": "0", "follow_interval": 1}, 422},
		{"cursor", "GET", "/domains?cursor=x", nil, 422},
		{"limit", "GET", "/domains?limit=501", nil, 422},
		{"unknown query", "GET", "/domains?sort=x", nil, 422},
		{"call cursor", "GET", "/calls?cursor=1", nil, 422},
		{"id", "GET", "/domains/zero", nil, 422},
		{"nothing there", "GET", "/nothing", nil, 404},
		{"no such row", "GET", "/fees/99", nil, 404},
	} {
		if code, _ := b.send(c.method, c.path, "", c.in, nil); code != c.want {
			t.Errorf("%s: %d, want %d", c.name, code, c.want)
		}
	}
}

func TestProblemsKeepSecrets(t *testing.T) {
	b := setUp(t, source{})
	for path, body := range map[string]string{
		"/login":       `{"name":"admin","password":"open sesame"}`,
		"/subscribers": `{"username":7,"password":"open sesame"}`,
		"/admins":      `{"password":"open sesame"`,
	} {
		r := httptest.NewRequest("POST", Base+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+b.token)
		w := httptest.NewRecorder()
		b.h.ServeHTTP(w, r)
		if w.Code/100 != 4 || strings.Contains(w.Body.String(), "sesame") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestWhoMay(t *testing.T) {
	b := setUp(t, source{})
	var made admin
	if code, _ := b.send("POST", "/admins", "", map[string]any{"name": "viewer", "role": "read-only"}, &made); code != 201 {
		t.Fatalf("admin: %d", code)
	}
	b.token = b.login("viewer", made.Password)
	if code, _ := b.send("GET", "/subscribers", "", nil, nil); code != 200 {
		t.Errorf("read-only reads: %d", code)
	}
	for _, c := range [][2]string{{"POST", "/domains"}, {"DELETE", "/domains/1"}, {"PUT", "/customers/1"}, {"PATCH", "/subscribers/1"}} {
		if code, _ := b.send(c[0], c[1], `"1"`, map[string]any{"name": "x.org"}, nil); code != 403 {
			t.Errorf("read-only %s %s: %d", c[0], c[1], code)
		}
	}
	if code, _ := b.send("POST", "/logout", "", nil, nil); code != 204 {
		t.Errorf("logout: %d", code)
	}
	for _, path := range []string{"/me", "/subscribers", "/calls", "/active-calls", "/registrations", "/counts", "/admins"} {
		if code, _ := b.send("GET", path, "", nil, nil); code != 401 {
			t.Errorf("%s after logout: %d", path, code)
		}
	}
	if code, _ := b.send("POST", "/login", "", map[string]any{"username": "viewer", "password": "wrong"}, nil); code != 401 {
		t.Errorf("wrong password: %d", code)
	}
}

func TestPages(t *testing.T) {
	b := setUp(t, source{})
	for i := range 7 {
		if code, _ := b.send("POST", "/domains", "", map[string]any{"name": fmt.Sprintf("d%d.example.com", i)}, nil); code != 201 {
			t.Fatal(code)
		}
	}
	seen := map[string]bool{}
	for cursor, pages := "", 0; ; pages++ {
		var page list[domain]
		b.send("GET", "/domains?limit=3&cursor="+cursor, "", nil, &page)
		for _, d := range page.Items {
			seen[d.Name] = true
		}
		if cursor = page.Next; cursor == "" || pages > 10 {
			break
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d domains over all pages, want 8", len(seen))
	}
}

func TestCallRecords(t *testing.T) {
	b := setUp(t, source{})
	at := billing.MillisOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	var batch ship.Batch
	for i := range 5 {
		batch.Records = append(batch.Records, ship.Record{CDR: billing.CDR{
			Key: billing.LegKey{byte(i + 1)}, Revision: 1, Generation: 1, CallID: fmt.Sprintf("c%d", i+1), FromTag: "f",
			Init: at + billing.Millis(i), Start: at + billing.Millis(i), End: at + 60_000, Duration: 60_000, Flags: billing.FlagEvidence, Evidence: "restart",
			Media:   json.RawMessage(`{"legs":[]}`),
			Parties: []billing.Party{{Side: billing.SideCaller, Role: billing.RoleCustomer, Account: "1", Amount: billing.NewAmount(30_000, billing.MustCurrency("EUR"))}},
		}})
	}
	if err := b.store.Records(sqlstore.Options{}).Store(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	var page list[callRecord]
	b.send("GET", "/calls?limit=3", "", nil, &page)
	if len(page.Items) != 3 || page.Items[0].CallID != "c5" || page.Items[0].Parties[0].Amount != "0.030000" || page.Items[0].Parties[0].Currency != "EUR" {
		t.Fatalf("%+v", page)
	}
	var rest list[callRecord]
	b.send("GET", "/calls?limit=3&cursor="+page.Next, "", nil, &rest)
	if len(rest.Items) != 2 || rest.Next != "" {
		t.Errorf("second page: %+v", rest)
	}
	var one callRecord
	if code, _ := b.send("GET", fmt.Sprintf("/calls/%d", rest.Items[1].ID), "", nil, &one); code != 200 || one.Media == nil || one.Evidence != "restart" {
		t.Errorf("one: %d %+v", code, one)
	}
	if code, _ := b.send("GET", fmt.Sprintf("/calls/%d/ladder", rest.Items[1].ID), "", nil, nil); code != 200 {
		t.Errorf("ladder: %d", code)
	}
	if code, _ := b.send("GET", fmt.Sprintf("/calls/%d/ladder", page.Items[0].ID), "", nil, nil); code != 404 {
		t.Errorf("ladder that is gone: %d", code)
	}
}

func TestLive(t *testing.T) {
	paths := []string{"/active-calls", "/registrations?aor=a", "/counts", "/active-calls/ladder?call_id=c1", "/active-calls/media?call_id=c1"}
	up, down := setUp(t, source{}), setUp(t, source{down: true})
	for _, path := range paths {
		if code, _ := up.send("GET", path, "", nil, nil); code != 200 {
			t.Errorf("%s: %d", path, code)
		}
		if code, h := down.send("GET", path, "", nil, nil); code != 503 || h.Get("Retry-After") == "" {
			t.Errorf("%s with a dead node: %d", path, code)
		}
	}
}

// TestDescription: the document is OpenAPI 3.1, its references lead somewhere
// and every operation says how it can fail.
func TestDescription(t *testing.T) {
	b := setUp(t, source{})
	b.token = ""
	var doc map[string]any
	if code, _ := b.send("GET", "/openapi.json", "", nil, &doc); code != 200 || !strings.HasPrefix(doc["openapi"].(string), "3.1") {
		t.Fatalf("%d %v", code, doc["openapi"])
	}
	var walk func(v any)
	refs := 0
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				refs++
				at := any(doc)
				for _, key := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
					at = at.(map[string]any)[key]
				}
				if at == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, item := range v {
				walk(item)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(doc)
	operations := 0
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			operations++
			responses := op.(map[string]any)["responses"].(map[string]any)
			if responses["422"] == nil || responses["401"] == nil || len(responses) < 3 {
				t.Errorf("%s %s: responses %v", method, path, responses)
			}
		}
	}
	if operations < 30 || refs == 0 {
		t.Errorf("%d operations, %d references", operations, refs)
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, httptest.NewRequest("GET", Base+"/docs", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "/api/v1/subscribers/{id}") || strings.Contains(w.Body.String(), "<script") {
		t.Errorf("docs: %d", w.Code)
	}
}
