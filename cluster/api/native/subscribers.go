package native

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/class5-go/class5/cluster/directory"
)

type subscriber struct {
	ID          int64     `json:"id"`
	DomainID    int64     `json:"domain_id"`
	Domain      string    `json:"domain"`
	CustomerID  int64     `json:"customer_id"`
	Username    string    `json:"username"`
	DisplayName string    `json:"display_name"`
	Status      string    `json:"status"`
	Numbers     []string  `json:"numbers" doc:"E.164 without plus, the primary one first"`
	Rev         int64     `json:"rev"`
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
	Password    string    `json:"password,omitempty" doc:"only in the answer that made it"`
}

func showSubscriber(v directory.Subscriber) subscriber {
	numbers := v.Numbers
	if numbers == nil {
		numbers = []string{}
	}
	return subscriber{
		ID: v.ID, DomainID: v.DomainID, Domain: v.Domain, CustomerID: v.CustomerID, Username: v.Username,
		DisplayName: v.DisplayName, Status: string(v.Status), Numbers: numbers, Rev: v.Rev, Created: v.Created, Updated: v.Updated,
	}
}

type subscriberIn struct {
	DomainID    int64    `json:"domain_id" minimum:"1"`
	CustomerID  int64    `json:"customer_id" minimum:"1"`
	Username    string   `json:"username" maxLength:"64"`
	DisplayName string   `json:"display_name,omitempty" maxLength:"255"`
	Status      string   `json:"status,omitempty" enum:"active,locked"`
	Numbers     []string `json:"numbers,omitempty" maxItems:"100"`
	Password    string   `json:"password,omitempty" maxLength:"255" doc:"made up when absent"`
}

type subscriberChange struct {
	CustomerID  *int64    `json:"customer_id,omitempty"`
	DisplayName *string   `json:"display_name,omitempty" maxLength:"255"`
	Status      *string   `json:"status,omitempty" enum:"active,locked"`
	Numbers     *[]string `json:"numbers,omitempty" maxItems:"100"`
}

type subscriberFilter struct {
	PageIn
	Username   string `query:"username" doc:"begins with"`
	Number     string `query:"number" doc:"one of the numbers begins with"`
	DomainID   int64  `query:"domain_id"`
	CustomerID int64  `query:"customer_id"`
	Status     string `query:"status" enum:"active,locked"`
}

func (s *service) subscribers() {
	const tag, path = "subscribers", "/subscribers"
	repo := s.Store.Subscribers()
	huma.Register(s.api, operation("list-subscribers", http.MethodGet, path, "List subscribers", tag, 200),
		func(ctx context.Context, in *subscriberFilter) (*listOut[subscriber], error) {
			p, err := in.page()
			if err != nil {
				return nil, err
			}
			l, err := repo.List(ctx, directory.SubscriberFilter{
				Username: in.Username, Number: in.Number, DomainID: in.DomainID, CustomerID: in.CustomerID, Status: directory.Status(in.Status),
			}, p)
			if err != nil {
				return nil, s.fail(err)
			}
			return toList(l, showSubscriber), nil
		})
	reader(s, tag, path, repo.Find, showSubscriber, func(v directory.Subscriber) int64 { return v.Rev })
	huma.Register(s.api, operation("create-subscriber", http.MethodPost, path, "Create a subscriber", tag, 201, 409),
		func(ctx context.Context, in *struct{ Body subscriberIn }) (*rowOut[subscriber], error) {
			b := in.Body
			v, password, err := repo.Create(ctx, directory.NewSubscriber{
				DomainID: b.DomainID, CustomerID: b.CustomerID, Username: b.Username, DisplayName: b.DisplayName,
				Status: directory.Status(b.Status), Numbers: b.Numbers, Password: directory.Secret(b.Password),
			})
			if err != nil {
				return nil, s.fail(err)
			}
			body := showSubscriber(v)
			body.Password = password.Reveal()
			return created(path, v.ID, v.Rev, body), nil
		})
	huma.Register(s.api, operation("update-subscriber", http.MethodPatch, path+"/{id}", "Change what is given", tag, 200, 404, 409, 412, 428),
		func(ctx context.Context, in *struct {
			RevIn
			Body subscriberChange
		}) (*rowOut[subscriber], error) {
			rev, err := in.rev()
			if err != nil {
				return nil, err
			}
			v, err := s.changeSubscriber(ctx, in.ID, rev, in.Body)
			if err != nil {
				return nil, s.fail(err)
			}
			return row(v.Rev, showSubscriber(v)), nil
		})
	huma.Register(s.api, operation("set-password", http.MethodPost, path+"/{id}/password", "Replace the credentials", tag, 200, 404, 412, 428),
		func(ctx context.Context, in *struct {
			RevIn
			Body struct {
				Password string `json:"password,omitempty" maxLength:"255" doc:"made up when absent"`
			}
		}) (*rowOut[subscriber], error) {
			rev, err := in.rev()
			if err != nil {
				return nil, err
			}
			v, password, err := repo.SetPassword(ctx, in.ID, rev, directory.Secret(in.Body.Password))
			if err != nil {
				return nil, s.fail(err)
			}
			body := showSubscriber(v)
			body.Password = password.Reveal()
			return row(v.Rev, body), nil
		})
	deleter(s, tag, path, repo.Delete)
}

// changeSubscriber makes all changes of one request in one transaction.
func (s *service) changeSubscriber(ctx context.Context, id, rev int64, in subscriberChange) (v directory.Subscriber, err error) {
	err = s.Store.Update(ctx, func(tx *directory.Tx) error {
		if v, err = tx.Subscribers().Find(ctx, id); err != nil {
			return err
		}
		if v.Rev != rev {
			return directory.ErrStale
		}
		if in.CustomerID != nil {
			v.CustomerID = *in.CustomerID
		}
		if in.DisplayName != nil {
			v.DisplayName = *in.DisplayName
		}
		if in.Status != nil {
			v.Status = directory.Status(*in.Status)
		}
		if v, err = tx.Subscribers().Update(ctx, v); err != nil || in.Numbers == nil {
			return err
		}
		v, err = tx.Subscribers().SetNumbers(ctx, id, v.Rev, *in.Numbers)
		return err
	})
	return v, err
}
