package login

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/cluster/directory"
)

type fixture struct {
	gate     *Gate
	store    *directory.Store
	password directory.Secret
	now      time.Time
}

func setUp(t *testing.T, cfg Config) *fixture {
	t.Helper()
	f := &fixture{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return f.now }
	store, err := directory.Open(t.Context(), directory.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "t.db"), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, f.password, err = store.Admins().Create(t.Context(), directory.Admin{Name: "admin"}, "")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Store, cfg.Now = store, clock
	f.store = store
	if f.gate, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) login(t *testing.T, name string, password directory.Secret) (*http.Cookie, directory.Secret, error) {
	t.Helper()
	w := httptest.NewRecorder()
	_, token, err := f.gate.Login(w, httptest.NewRequest("POST", "/login", nil), name, password)
	if cookies := w.Result().Cookies(); len(cookies) > 0 {
		return cookies[0], token, err
	}
	return nil, token, err
}

// ask sends a request through Protect and Require and returns the status.
func (f *fixture) ask(method string, edit func(*http.Request)) int {
	h := f.gate.Protect(f.gate.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if admin, ok := From(r.Context()); !ok || admin.Name != "admin" {
			w.WriteHeader(500)
		}
	}), func(w http.ResponseWriter, _ *http.Request, err error) {
		if errors.Is(err, directory.ErrNotFound) {
			w.WriteHeader(401)
			return
		}
		w.WriteHeader(503)
	}))
	r := httptest.NewRequest(method, "http://panel.test/x", nil)
	edit(r)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestSession(t *testing.T) {
	f := setUp(t, Config{})
	cookie, token, err := f.login(t, "admin", f.password)
	if err != nil || cookie == nil || !cookie.HttpOnly {
		t.Fatalf("login: %v %+v", err, cookie)
	}
	for name, c := range map[string]struct {
		edit func(*http.Request)
		want int
	}{
		"cookie":       {func(r *http.Request) { r.AddCookie(cookie) }, 200},
		"bearer":       {func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token.Reveal()) }, 200},
		"nothing":      {func(*http.Request) {}, 401},
		"wrong token":  {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 401},
		"basic":        {func(r *http.Request) { r.SetBasicAuth("admin", f.password.Reveal()) }, 401},
		"other cookie": {func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "class5", Value: "zzz"}) }, 401},
		"other site": {func(r *http.Request) {
			r.AddCookie(cookie)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}, 403},
		"old browser, other site": {func(r *http.Request) {
			r.AddCookie(cookie)
			r.Header.Set("Origin", "http://evil.test")
		}, 403},
	} {
		if got := f.ask("POST", c.edit); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	f.now = f.now.Add(13 * time.Hour)
	if got := f.ask("GET", func(r *http.Request) { r.AddCookie(cookie) }); got != 401 {
		t.Errorf("after its lifetime: %d", got)
	}
}

func TestLogout(t *testing.T) {
	f := setUp(t, Config{Secure: true})
	cookie, _, err := f.login(t, "admin", f.password)
	if err != nil || !cookie.Secure || !strings.HasPrefix(cookie.Name, "__Host-") {
		t.Fatalf("%v %+v", err, cookie)
	}
	r := httptest.NewRequest("POST", "/logout", nil)
	r.AddCookie(cookie)
	ctx, err := f.gate.Authenticate(r)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := f.gate.Logout(w, r.WithContext(ctx)); err != nil || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("logout: %v", err)
	}
	if _, err := f.gate.Authenticate(r); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("the session lives: %v", err)
	}
}

func TestFormToken(t *testing.T) {
	f := setUp(t, Config{})
	request := func() *http.Request {
		cookie, _, err := f.login(t, "admin", f.password)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/", nil)
		r.AddCookie(cookie)
		ctx, err := f.gate.Authenticate(r)
		if err != nil {
			t.Fatal(err)
		}
		return r.WithContext(ctx)
	}
	one, two := request(), request()
	token := f.gate.FormToken(one)
	if !f.gate.FormTokenValid(one, token) || f.gate.FormTokenValid(two, token) || f.gate.FormTokenValid(one, "") {
		t.Error("a form token is good for another session, or not for its own")
	}
}

func TestThrottle(t *testing.T) {
	th := newThrottle()
	now := time.Unix(0, 0)
	for range burstSource {
		if !th.allow(now, "192.0.2.1", "admin") {
			t.Fatal("refused too early")
		}
		th.failed(now, "192.0.2.1", "admin")
	}
	if th.allow(now, "192.0.2.1", "other") {
		t.Error("the address is not held back")
	}
	if !th.allow(now, "192.0.2.2", "admin") {
		t.Error("the owner is locked out from another network")
	}
	if now = now.Add(refill); !th.allow(now, "192.0.2.1", "admin") {
		t.Error("the allowance does not come back")
	}
	for range burstName {
		th.failed(now, "192.0.2.3", "ADMIN")
	}
	if th.allow(now, "192.0.2.4", "admin") {
		t.Error("the name is not held back")
	}
}

func TestWrongPassword(t *testing.T) {
	f := setUp(t, Config{})
	var last error
	for range burstSource + 1 {
		_, _, last = f.login(t, "nobody", "wrong password")
		if errors.Is(last, ErrThrottled) {
			break
		}
		if !errors.Is(last, directory.ErrLogin) {
			t.Fatal(last)
		}
	}
	if !errors.Is(last, ErrThrottled) {
		t.Errorf("after %d wrong passwords: %v", burstSource+1, last)
	}
}
