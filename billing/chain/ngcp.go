package chain

import "github.com/class5-go/class5/billing"

// Column is one of the prices that a record of Sipwise NGCP has.
type Column struct {
	Cost      billing.Amount
	Fee, Zone string
}

// Columns are the six prices that a record of Sipwise NGCP has. A price that
// nobody is party to is 0. The reseller is the one that sells to the customer;
// there is no room for those above it.
type Columns struct {
	SourceCarrier, SourceReseller, SourceCustomer                Column
	DestinationCarrier, DestinationReseller, DestinationCustomer Column
}

// NGCP puts the parties of a record into NGCP's columns.
func NGCP(parties []billing.Party) Columns {
	var c Columns
	for i := range parties {
		p := &parties[i]
		to := c.of(p)
		if to != nil {
			*to = Column{p.Amount, p.Fee, p.Zone}
		}
	}
	return c
}

func (c *Columns) of(p *billing.Party) *Column {
	caller := p.Side == billing.SideCaller
	switch {
	case p.Role == billing.RoleCustomer && caller:
		return &c.SourceCustomer
	case p.Role == billing.RoleCustomer:
		return &c.DestinationCustomer
	case p.Role == billing.RoleReseller && p.Depth > 1:
		return nil
	case p.Role == billing.RoleReseller && caller:
		return &c.SourceReseller
	case p.Role == billing.RoleReseller:
		return &c.DestinationReseller
	case p.Role == billing.RoleCarrier && caller:
		return &c.SourceCarrier
	case p.Role == billing.RoleCarrier:
		return &c.DestinationCarrier
	}
	return nil
}
