package directory_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/cluster/directory"
)

func TestAdmins(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		a, password, err := s.Admins().Create(ctx, directory.Admin{Name: "root"}, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := must(s.Admins().Verify(ctx, "root", password))(t); got.ID != a.ID || got.Login.IsZero() {
			t.Errorf("login: %+v", got)
		}
		for name, p := range map[string]directory.Secret{"root": password + "x", "Root": password, "nobody": password} {
			_, err := s.Admins().Verify(ctx, name, p)
			wantError(t, err, directory.ErrLogin, "")
		}
		_, _, err = s.Admins().Create(ctx, directory.Admin{Name: "root"}, "long enough 123")
		wantError(t, err, directory.ErrConflict, "name")
		_, _, err = s.Admins().Create(ctx, directory.Admin{Name: "short"}, "short")
		wantError(t, err, directory.ErrInvalid, "password")
		_, _, err = s.Admins().Create(ctx, directory.Admin{Name: "x", Role: "god"}, "long enough 123")
		wantError(t, err, directory.ErrInvalid, "role")

		a, _, err = s.Admins().SetPassword(ctx, a.ID, a.Rev, "correct horse battery")
		if err != nil {
			t.Fatal(err)
		}
		must(s.Admins().Verify(ctx, "root", "correct horse battery"))(t)
		_, err = s.Admins().Verify(ctx, "root", password)
		wantError(t, err, directory.ErrLogin, "")
		a.Status = directory.Locked
		a = must(s.Admins().Update(ctx, a))(t)
		_, err = s.Admins().Verify(ctx, "root", "correct horse battery")
		wantError(t, err, directory.ErrLogin, "")
		if err := s.Admins().Delete(ctx, a.ID, a.Rev); err != nil {
			t.Error(err)
		}
		if l := must(s.Admins().List(ctx, directory.Page{}))(t); len(l.Items) != 0 {
			t.Errorf("left: %+v", l)
		}
	})
}

func TestSessions(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s, clock := newStore(t, e.dsn(t))
			ctx := t.Context()
			a, _, err := s.Admins().Create(ctx, directory.Admin{Name: "root"}, "")
			if err != nil {
				t.Fatal(err)
			}
			open := func() directory.Secret {
				_, token, err := s.Sessions().Create(ctx, a.ID, "192.0.2.1:5", "Mozilla\r\n"+strings.Repeat("x", 400))
				if err != nil {
					t.Fatal(err)
				}
				return token
			}
			alive := func(token directory.Secret, want bool) {
				t.Helper()
				_, admin, err := s.Sessions().Find(ctx, token)
				if want && (err != nil || admin.ID != a.ID) {
					t.Errorf("session: %+v, %v", admin, err)
				}
				if !want {
					wantError(t, err, directory.ErrNotFound, "")
				}
			}
			idle := open()
			alive(idle, true)
			alive(idle+"x", false)
			alive("", false)
			clock.forward(31 * time.Minute)
			alive(idle, false)

			busy := open()
			for range 24 { // 12 hours, never idle
				alive(busy, true)
				clock.forward(29*time.Minute + 59*time.Second)
			}
			alive(busy, true)
			clock.forward(time.Minute)
			alive(busy, false)

			one, two := open(), open()
			list := must(s.Sessions().ByAdmin(ctx, a.ID))(t)
			if len(list) != 2 || len(list[0].UserAgent) != 255 || strings.ContainsAny(list[0].UserAgent, "\r\n") {
				t.Fatalf("sessions: %+v", list)
			}
			if err := s.Sessions().Revoke(ctx, list[0].ID); err != nil {
				t.Error(err)
			}
			alive(one, false)
			alive(two, true)
			if a, _, err = s.Admins().SetPassword(ctx, a.ID, a.Rev, ""); err != nil {
				t.Fatal(err)
			}
			alive(two, false)
			three := open()
			a.Status = directory.Locked
			must(s.Admins().Update(ctx, a))(t)
			alive(three, false)
			if err := s.Sessions().Prune(ctx); err != nil {
				t.Error(err)
			}
			_, _, err = s.Sessions().Create(ctx, 99, "", "")
			wantError(t, err, directory.ErrInvalid, "admin_id")
		})
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	p := directory.Secret("hunter2")
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "secret", p, "in", struct{ P directory.Secret }{p})
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "secret", p, "in", struct{ P directory.Secret }{p})
	fmt.Fprintf(&b, "%v %s %q %x %d %#v %+v", p, p, p, p, p, p, []directory.Secret{p})
	if out := b.String(); strings.Contains(out, "hunter2") || strings.Contains(out, "68756e74") || strings.Contains(out, "104") {
		t.Errorf("a secret got out: %s", out)
	}
}
