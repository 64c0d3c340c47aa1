package native

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
)

// Base is the path that everything is below.
const Base = "/api/v1"

// maxBody bounds a request.
const maxBody = 1 << 20

// Config of the API. All fields are required but Log and Rerater.
type Config struct {
	Store   *directory.Store
	Live    live.Source
	Gate    *login.Gate
	Rerater Rerater // nil: calls can not be priced anew
	Log     *slog.Logger
}

// service is what the operations work on.
type service struct {
	Config
	api huma.API
}

// New makes the handler of all paths below Base.
func New(cfg Config) http.Handler {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	hc := huma.DefaultConfig("class5", "1")
	hc.OpenAPIPath, hc.DocsPath, hc.SchemasPath = Base+"/openapi", "", ""
	hc.CreateHooks = nil // no $schema keys in bodies
	hc.RejectUnknownQueryParameters = true
	hc.Transformers = append(hc.Transformers, withoutValues)
	hc.Info.Description = "Provisioning, live state and call records of a class5 platform. " +
		"POST /api/v1/login with username and password, as JSON, answers with a token; " +
		"send it as Authorization: Bearer. Browsers get the same as a cookie."
	hc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: "class5"},
		"token":   {Type: "http", Scheme: "bearer"},
	}
	hc.Security = []map[string][]string{{"session": {}}, {"token": {}}}
	s := &service{Config: cfg, api: humago.New(mux, hc)}
	s.sessions()
	s.domains()
	s.customers()
	s.subscribers()
	s.profiles()
	s.fees()
	s.specials()
	s.admins()
	s.live()
	s.calls()
	s.peers()
	s.terms()
	s.locks()
	s.balances()
	s.packages()
	s.vouchers()
	if cfg.Rerater != nil {
		s.reratings()
	}
	mux.HandleFunc("GET "+Base+"/docs", s.docs)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { problem(w, http.StatusNotFound, "no such resource") })
	return cfg.Gate.Protect(s.authenticate(mux))
}

// open are the paths that need no session.
func open(r *http.Request) bool {
	switch strings.TrimPrefix(r.URL.Path, Base) {
	case "/login", "/docs", "/openapi.json", "/openapi.yaml", "/openapi-3.0.json", "/openapi-3.0.yaml":
		return true
	}
	return false
}

// authenticate finds out who asks and whether they may.
func (s *service) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody+1)
		if open(r) {
			// The handler of login needs the request to know the source and
			// the writer to set the cookie.
			next.ServeHTTP(w, r.WithContext(withHTTP(r.Context(), w, r)))
			return
		}
		ctx, err := s.Gate.Authenticate(r)
		if err != nil {
			s.refuse(w, err)
			return
		}
		admin, _ := login.From(ctx)
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if admin.Role != directory.RoleAdmin && !reads && r.URL.Path != Base+"/logout" {
			problem(w, http.StatusForbidden, "the role "+string(admin.Role)+" changes nothing")
			return
		}
		next.ServeHTTP(w, r.WithContext(withHTTP(ctx, w, r)))
	})
}

// operation describes one operation; errs are its failures beside the general ones.
func operation(id, method, path, summary, tag string, status int, errs ...int) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: Base + path, Summary: summary, Tags: []string{tag},
		DefaultStatus: status, MaxBodyBytes: maxBody, Errors: append([]int{401, 403, 422, 503}, errs...),
	}
}

// PageIn asks for a page of a list.
type PageIn struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"rows of a page"`
	Cursor string `query:"cursor" doc:"the next of the page before"`
}

func (p PageIn) page() (directory.Page, error) {
	if p.Cursor == "" {
		return directory.Page{Limit: p.Limit}, nil
	}
	after, err := strconv.ParseInt(p.Cursor, 10, 64)
	if err != nil || after < 0 {
		return directory.Page{}, invalidQuery("cursor", "not the next of a page")
	}
	return directory.Page{After: after, Limit: p.Limit}, nil
}

// list is a page.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"cursor of the next page; absent on the last one"`
}

type listOut[T any] struct{ Body list[T] }

// toList turns a page of the directory into one of the API.
func toList[F, T any](l directory.List[F], show func(F) T) *listOut[T] {
	out := &listOut[T]{Body: list[T]{Items: make([]T, 0, len(l.Items))}}
	for _, item := range l.Items {
		out.Body.Items = append(out.Body.Items, show(item))
	}
	if l.Next != 0 {
		out.Body.Next = strconv.FormatInt(l.Next, 10)
	}
	return out
}

// IDIn names a row.
type IDIn struct {
	ID int64 `path:"id" minimum:"1"`
}

// RevIn names a row and the revision that a change is based on.
type RevIn struct {
	ID      int64  `path:"id" minimum:"1"`
	IfMatch string `header:"If-Match" doc:"ETag of the row as it was read"`
}

func (r RevIn) rev() (int64, error) {
	if r.IfMatch == "" {
		return 0, huma.NewError(http.StatusPreconditionRequired, "If-Match with the ETag of the row is needed")
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(r.IfMatch, "W/"), `"`), 10, 64)
	if err != nil {
		return 0, huma.NewError(http.StatusPreconditionFailed, "If-Match is not the ETag of a row")
	}
	return n, nil
}

// rowOut is one row with its revision.
type rowOut[T any] struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     T
}

func row[T any](rev int64, body T) *rowOut[T] {
	return &rowOut[T]{ETag: `"` + strconv.FormatInt(rev, 10) + `"`, Body: body}
}

func created[T any](path string, id, rev int64, body T) *rowOut[T] {
	out := row(rev, body)
	out.Location = Base + path + "/" + strconv.FormatInt(id, 10)
	return out
}

// readers registers list and item of a resource.
func readers[F, T any](s *service, tag, path string,
	page func(context.Context, directory.Page) (directory.List[F], error),
	find func(context.Context, int64) (F, error), show func(F) T, rev func(F) int64,
) {
	huma.Register(s.api, operation("list-"+tag, http.MethodGet, path, "List "+tag, tag, 200),
		func(ctx context.Context, in *PageIn) (*listOut[T], error) {
			p, err := in.page()
			if err != nil {
				return nil, err
			}
			l, err := page(ctx, p)
			if err != nil {
				return nil, s.fail(err)
			}
			return toList(l, show), nil
		})
	reader(s, tag, path, find, show, rev)
}

// reader registers the item of a resource.
func reader[F, T any](s *service, tag, path string, find func(context.Context, int64) (F, error), show func(F) T, rev func(F) int64) {
	huma.Register(s.api, operation("read-"+tag, http.MethodGet, path+"/{id}", "Read one of the "+tag, tag, 200, 404),
		func(ctx context.Context, in *IDIn) (*rowOut[T], error) {
			v, err := find(ctx, in.ID)
			if err != nil {
				return nil, s.fail(err)
			}
			return row(rev(v), show(v)), nil
		})
}

// writers registers the creation and the replacement of a row, called one of
// its kind. key is where it has its number and its revision.
func writers[I, F, T any](s *service, tag, path, one string, value func(I) (F, error), create, update func(context.Context, F) (F, error),
	show func(F) T, key func(*F) (id, rev *int64),
) {
	name := strings.ReplaceAll(one, " ", "-")
	huma.Register(s.api, operation("create-"+name, http.MethodPost, path, "Create a "+one, tag, 201, 409),
		func(ctx context.Context, in *struct{ Body I }) (*rowOut[T], error) {
			v, err := value(in.Body)
			if err != nil {
				return nil, err
			}
			if v, err = create(ctx, v); err != nil {
				return nil, s.fail(err)
			}
			id, rev := key(&v)
			return created(path, *id, *rev, show(v)), nil
		})
	huma.Register(s.api, operation("update-"+name, http.MethodPut, path+"/{id}", "Replace a "+one, tag, 200, 404, 409, 412, 428),
		func(ctx context.Context, in *struct {
			RevIn
			Body I
		}) (*rowOut[T], error) {
			v, err := value(in.Body)
			if err != nil {
				return nil, err
			}
			id, rev := key(&v)
			if *rev, err = in.rev(); err != nil {
				return nil, err
			}
			*id = in.ID
			if v, err = update(ctx, v); err != nil {
				return nil, s.fail(err)
			}
			return row(*rev, show(v)), nil
		})
}

// deleter registers the removal of a row.
func deleter(s *service, tag, path string, remove func(ctx context.Context, id, rev int64) error) {
	huma.Register(s.api, operation("delete-"+tag, http.MethodDelete, path+"/{id}", "Delete one of the "+tag, tag, 204, 404, 409, 412, 428),
		func(ctx context.Context, in *RevIn) (*struct{}, error) {
			rev, err := in.rev()
			if err != nil {
				return nil, err
			}
			return nil, s.fail(remove(ctx, in.ID, rev))
		})
}
