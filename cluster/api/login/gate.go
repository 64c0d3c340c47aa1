package login

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/class5-go/class5/cluster/directory"
)

// ErrThrottled says that there were too many wrong passwords from this address or for this name;
// the password was not looked at.
var ErrThrottled = errors.New("login: too many attempts")

// Config of a Gate. Store is required.
type Config struct {
	Store *directory.Store
	// Secure keeps the cookie to TLS and names it so that no other host can
	// set it. Leave it off only where the listener is on loopback.
	Secure bool
	// Origins that may send changes besides the handler's own, such as a front
	// end elsewhere: "https://panel.example.com".
	Origins []string
	Now     func() time.Time // [time.Now]
}

// Gate decides who gets in.
type Gate struct {
	cfg      Config
	throttle *throttle
	cross    *http.CrossOriginProtection
	key      [32]byte // of form tokens; they die with the process
}

// New makes a gate. It fails for an origin that is none.
func New(cfg Config) (*Gate, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	g := &Gate{cfg: cfg, throttle: newThrottle(), cross: http.NewCrossOriginProtection()}
	for _, o := range cfg.Origins {
		if err := g.cross.AddTrustedOrigin(o); err != nil {
			return nil, err
		}
	}
	if _, err := rand.Read(g.key[:]); err != nil {
		return nil, err
	}
	return g, nil
}

// identity is who asks.
type identity struct {
	admin   directory.Admin
	session directory.Session
}

type contextKey struct{}

// From says who asks. It is false outside of Require.
func From(ctx context.Context) (directory.Admin, bool) {
	id, ok := ctx.Value(contextKey{}).(identity)
	return id.admin, ok
}

func (g *Gate) cookieName() string {
	if g.cfg.Secure {
		return "__Host-class5"
	}
	return "class5"
}

// Login checks a password, begins a session and sets its cookie. The token is
// the session's, for scripts that send it as "Authorization: Bearer". Errors
// are ErrThrottled, directory.ErrLogin, or that the directory is unavailable.
func (g *Gate) Login(w http.ResponseWriter, r *http.Request, name string, password directory.Secret) (directory.Admin, directory.Secret, error) {
	source := Source(r)
	now := g.cfg.Now()
	if !g.throttle.allow(now, source, name) {
		return directory.Admin{}, "", ErrThrottled
	}
	admin, err := g.cfg.Store.Admins().Verify(r.Context(), name, password)
	if err != nil {
		if errors.Is(err, directory.ErrLogin) {
			g.throttle.failed(now, source, name)
		}
		return directory.Admin{}, "", err
	}
	g.throttle.succeeded(source, name)
	_, token, err := g.cfg.Store.Sessions().Create(r.Context(), admin.ID, source, r.UserAgent())
	if err != nil {
		return directory.Admin{}, "", err
	}
	http.SetCookie(w, g.cookie(token.Reveal(), 0))
	return admin, token, nil
}

// Logout ends the session of a request and takes the cookie back.
func (g *Gate) Logout(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, g.cookie("", -1))
	if id, ok := r.Context().Value(contextKey{}).(identity); ok {
		return g.cfg.Store.Sessions().Revoke(r.Context(), id.session.ID)
	}
	return nil
}

func (g *Gate) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: g.cookieName(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: g.cfg.Secure, SameSite: http.SameSiteLaxMode,
	}
}

// token is the session token of a request, "" when it has none.
func (g *Gate) token(r *http.Request) string {
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return t
	}
	c, err := r.Cookie(g.cookieName())
	if err != nil {
		return ""
	}
	return c.Value
}

// Require lets only administrators through to next; refuse answers the others
// with the reason: directory.ErrNotFound for no session, anything else for a
// directory that does not answer.
func (g *Gate) Require(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := g.Authenticate(r)
		if err != nil {
			refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Authenticate finds the session of a request and returns a context in which
// From knows the administrator. Changes made under it carry that name.
func (g *Gate) Authenticate(r *http.Request) (context.Context, error) {
	token := g.token(r)
	if token == "" {
		return nil, directory.ErrNotFound
	}
	session, admin, err := g.cfg.Store.Sessions().Find(r.Context(), directory.Secret(token))
	if err != nil {
		return nil, err
	}
	ctx := context.WithValue(r.Context(), contextKey{}, identity{admin, session})
	return directory.WithActor(ctx, "admin:"+admin.Name), nil
}

// Protect refuses changes that another site made a browser send (403).
func (g *Gate) Protect(next http.Handler) http.Handler { return g.cross.Handler(next) }

// FormToken is a value for a hidden field, bound to the session of r.
func (g *Gate) FormToken(r *http.Request) string {
	id, _ := r.Context().Value(contextKey{}).(identity)
	h := hmac.New(sha256.New, g.key[:])
	var b [8]byte
	for i := range b {
		b[i] = byte(id.session.ID >> (8 * i))
	}
	h.Write(b[:])
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// FormTokenValid compares the value that came back with a form.
func (g *Gate) FormTokenValid(r *http.Request, value string) bool {
	return hmac.Equal([]byte(value), []byte(g.FormToken(r)))
}

// Source is the address that a request came from, without port.
func Source(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
