package directory_test

import (
	"testing"

	"github.com/class5-go/class5/cluster/directory"
)

func TestBootstrapOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		first, err := s.Bootstrap(ctx, directory.BootstrapOptions{Domain: "example.com"})
		if err != nil {
			t.Fatal(err)
		}
		if !first.First || first.AdminPassword == "" || len(first.Demo) != 0 {
			t.Errorf("first start: %+v", first)
		}
		if _, err := s.Admins().Verify(ctx, "admin", first.AdminPassword); err != nil {
			t.Errorf("the password that was told does not fit: %v", err)
		}
		demo, err := s.Bootstrap(ctx, directory.BootstrapOptions{Domain: "example.com", Demo: true})
		if err != nil {
			t.Fatal(err)
		}
		if demo.First || demo.AdminPassword != "" || len(demo.Demo) != 2 || demo.Demo[0].Password == "" {
			t.Errorf("second start, with demo: %+v", demo)
		}
		elsewhere, err := s.Bootstrap(ctx, directory.BootstrapOptions{Domain: "example.org", Demo: true})
		if err != nil || elsewhere.Domain.Name != "example.com" || len(elsewhere.Demo) != 2 {
			t.Errorf("a start for another domain: %+v, %v", elsewhere, err)
		}
		again, err := s.Bootstrap(ctx, directory.BootstrapOptions{Domain: "example.com", Demo: true})
		if err != nil {
			t.Fatal(err)
		}
		if again.First || len(again.Demo) != 2 || again.Demo[0].Password != "" || again.Domain.Name != "example.com" {
			t.Errorf("third start: %+v", again)
		}
	})
}
