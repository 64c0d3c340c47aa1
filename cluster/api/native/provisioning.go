package native

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/class5-go/class5/cluster/directory"
)

type domain struct {
	ID      int64     `json:"id"`
	Name    string    `json:"name"`
	Rev     int64     `json:"rev"`
	Created time.Time `json:"created"`
}

func (s *service) domains() {
	const tag, path = "domains", "/domains"
	show := func(d directory.Domain) domain { return domain{d.ID, d.Name, d.Rev, d.Created} }
	readers(s, tag, path, func(ctx context.Context, p directory.Page) (directory.List[directory.Domain], error) {
		return s.Store.Domains().List(ctx, directory.DomainFilter{}, p)
	}, s.Store.Domains().Find, show, func(d directory.Domain) int64 { return d.Rev })
	huma.Register(s.api, operation("create-domain", http.MethodPost, path, "Serve a domain", tag, 201, 409),
		func(ctx context.Context, in *struct {
			Body struct {
				Name string `json:"name" maxLength:"253"`
			}
		}) (*rowOut[domain], error) {
			d, err := s.Store.Domains().Create(ctx, in.Body.Name)
			if err != nil {
				return nil, s.fail(err)
			}
			return created(path, d.ID, d.Rev, show(d)), nil
		})
	deleter(s, tag, path, s.Store.Domains().Delete)
}

type customer struct {
	ID               int64     `json:"id"`
	Name             string    `json:"name"`
	ExternalID       string    `json:"external_id,omitempty"`
	BillingProfileID int64     `json:"billing_profile_id"`
	Status           string    `json:"status"`
	Rev              int64     `json:"rev"`
	Created          time.Time `json:"created"`
	Updated          time.Time `json:"updated"`
}

type customerIn struct {
	Name             string `json:"name" maxLength:"255"`
	ExternalID       string `json:"external_id,omitempty" maxLength:"255"`
	BillingProfileID int64  `json:"billing_profile_id" minimum:"1"`
	Status           string `json:"status,omitempty" enum:"active,locked" doc:"active when absent"`
}

func (in customerIn) value() (directory.Customer, error) {
	return directory.Customer{
		Name: in.Name, ExternalID: in.ExternalID, BillingProfileID: in.BillingProfileID, Status: directory.Status(orActive(in.Status)),
	}, nil
}

func orActive(status string) string {
	if status == "" {
		return string(directory.Active)
	}
	return status
}

func (s *service) customers() {
	const tag, path = "customers", "/customers"
	show := func(c directory.Customer) customer {
		return customer{c.ID, c.Name, c.ExternalID, c.BillingProfileID, string(c.Status), c.Rev, c.Created, c.Updated}
	}
	readers(s, tag, path, func(ctx context.Context, p directory.Page) (directory.List[directory.Customer], error) {
		return s.Store.Customers().List(ctx, directory.CustomerFilter{}, p)
	}, s.Store.Customers().Find, show, func(c directory.Customer) int64 { return c.Rev })
	writers(s, tag, path, "customer", customerIn.value, s.Store.Customers().Create, s.Store.Customers().Update, show,
		func(c *directory.Customer) (id, rev *int64) { return &c.ID, &c.Rev })
	deleter(s, tag, path, s.Store.Customers().Delete)
}

type special struct {
	ID      int64     `json:"id"`
	Number  string    `json:"number"`
	App     string    `json:"app"`
	Rev     int64     `json:"rev"`
	Created time.Time `json:"created"`
}

func (s *service) specials() {
	const tag, path = "specials", "/specials"
	show := func(v directory.Special) special { return special{v.ID, v.Number, v.App, v.Rev, v.Created} }
	readers(s, tag, path, s.Store.Specials().List, s.Store.Specials().Find, show, func(v directory.Special) int64 { return v.Rev })
	huma.Register(s.api, operation("create-special", http.MethodPost, path, "Give a number to an application", tag, 201, 409),
		func(ctx context.Context, in *struct {
			Body struct {
				Number string `json:"number" maxLength:"64"`
				App    string `json:"app" maxLength:"64"`
			}
		}) (*rowOut[special], error) {
			v, err := s.Store.Specials().Create(ctx, in.Body.Number, in.Body.App)
			if err != nil {
				return nil, s.fail(err)
			}
			return created(path, v.ID, v.Rev, show(v)), nil
		})
	deleter(s, tag, path, s.Store.Specials().Delete)
}

type admin struct {
	ID       int64     `json:"id"`
	Name     string    `json:"name"`
	Role     string    `json:"role"`
	Status   string    `json:"status"`
	Rev      int64     `json:"rev"`
	Created  time.Time `json:"created"`
	Login    time.Time `json:"login,omitzero" doc:"last successful login"`
	Password string    `json:"password,omitempty" doc:"only in the answer that made it"`
}

func (s *service) admins() {
	const tag, path = "admins", "/admins"
	show := func(a directory.Admin) admin {
		return admin{a.ID, a.Name, string(a.Role), string(a.Status), a.Rev, a.Created, a.Login, ""}
	}
	readers(s, tag, path, s.Store.Admins().List, s.Store.Admins().Find, show, func(a directory.Admin) int64 { return a.Rev })
	huma.Register(s.api, operation("create-admin", http.MethodPost, path, "Create an administrator", tag, 201, 409),
		func(ctx context.Context, in *struct {
			Body struct {
				Name     string `json:"name" maxLength:"64"`
				Role     string `json:"role,omitempty" enum:"admin,read-only"`
				Password string `json:"password,omitempty" maxLength:"255" doc:"made up when absent"`
			}
		}) (*rowOut[admin], error) {
			a, p, err := s.Store.Admins().Create(ctx, directory.Admin{Name: in.Body.Name, Role: directory.Role(in.Body.Role)}, directory.Secret(in.Body.Password))
			if err != nil {
				return nil, s.fail(err)
			}
			body := show(a)
			body.Password = p.Reveal()
			return created(path, a.ID, a.Rev, body), nil
		})
	huma.Register(s.api, operation("update-admin", http.MethodPut, path+"/{id}", "Replace role and status", tag, 200, 404, 412, 428),
		func(ctx context.Context, in *struct {
			RevIn
			Body struct {
				Role   string `json:"role" enum:"admin,read-only"`
				Status string `json:"status,omitempty" enum:"active,locked"`
			}
		}) (*rowOut[admin], error) {
			rev, err := in.rev()
			if err != nil {
				return nil, err
			}
			a, err := s.Store.Admins().Update(ctx, directory.Admin{
				ID: in.ID, Rev: rev, Role: directory.Role(in.Body.Role), Status: directory.Status(orActive(in.Body.Status)),
			})
			if err != nil {
				return nil, s.fail(err)
			}
			return row(a.Rev, show(a)), nil
		})
	deleter(s, tag, path, s.Store.Admins().Delete)
}
