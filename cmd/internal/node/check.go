package node

import (
	"errors"
	"fmt"

	"github.com/class5-go/class5/cmd/internal/exports"
)

// Check says which nodes a configuration is for and what is wrong with it, as
// far as can be told without binding an address or opening a database.
func (c *Config) Check() (nodes []string, err error) {
	if _, err := c.Logger(); err != nil {
		return nil, err
	}
	var all []error
	if c.Admin == "" {
		all = append(all, needs("admin", false))
	}
	keys := false
	if len(c.LB.Listeners) > 0 || c.LB.Internal.IsValid() || len(c.LB.Proxies) > 0 {
		nodes, keys = append(nodes, "lb"), true
		all = append(all, c.LB.check())
	}
	if c.Proxy.Listen.IsValid() || len(c.Proxy.Edges)+len(c.Proxy.PlainEdges) > 0 {
		nodes, keys = append(nodes, "proxy"), true
		all = append(all, c.Proxy.check(), needs("store: data", c.Store.Data != "", "proxy: token", c.Proxy.Token != ""), c.Store.check())
	}
	if err := exports.Check(c.Exports); err != nil {
		all = append(all, fmt.Errorf("%w: %w", ErrConfig, err))
	}
	if c.Web.Listen != "" {
		nodes = append(nodes, "web")
	}
	if len(c.Media.Interfaces) > 0 {
		nodes = append(nodes, "media")
		all = append(all, c.Media.check())
	}
	if len(nodes) == 0 {
		all = append(all, fmt.Errorf("%w: none of lb, proxy, web and media is configured", ErrConfig))
	}
	if keys {
		_, err := KeyFile(c.Keys)
		all = append(all, err)
	}
	return nodes, errors.Join(all...)
}
