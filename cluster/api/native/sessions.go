package native

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/directory"
)

type httpKey struct{}

type exchange struct {
	w http.ResponseWriter
	r *http.Request
}

// withHTTP lets login and logout reach the cookies.
func withHTTP(ctx context.Context, w http.ResponseWriter, r *http.Request) context.Context {
	return context.WithValue(ctx, httpKey{}, exchange{w, r.WithContext(ctx)})
}

// who is the administrator logged in.
type who struct {
	Name  string `json:"name"`
	Role  string `json:"role"`
	Token string `json:"token,omitempty" doc:"for scripts: Authorization: Bearer"`
}

func (s *service) sessions() {
	in := operation("login", http.MethodPost, "/login", "Begin a session", "session", 200, 429)
	in.Security = []map[string][]string{}
	huma.Register(s.api, in, func(ctx context.Context, in *struct {
		Body struct {
			Username string `json:"username" maxLength:"255"`
			Password string `json:"password" maxLength:"255"`
		}
	}) (*struct{ Body who }, error) {
		x := ctx.Value(httpKey{}).(exchange)
		admin, token, err := s.Gate.Login(x.w, x.r, in.Body.Username, directory.Secret(in.Body.Password))
		if err != nil {
			return nil, s.fail(err)
		}
		return &struct{ Body who }{who{Name: admin.Name, Role: string(admin.Role), Token: token.Reveal()}}, nil
	})
	huma.Register(s.api, operation("logout", http.MethodPost, "/logout", "End the session", "session", 204),
		func(ctx context.Context, _ *struct{}) (*struct{}, error) {
			x := ctx.Value(httpKey{}).(exchange)
			return nil, s.fail(s.Gate.Logout(x.w, x.r))
		})
	huma.Register(s.api, operation("me", http.MethodGet, "/me", "Who is logged in", "session", 200),
		func(ctx context.Context, _ *struct{}) (*struct{ Body who }, error) {
			admin, _ := login.From(ctx)
			return &struct{ Body who }{who{Name: admin.Name, Role: string(admin.Role)}}, nil
		})
}
