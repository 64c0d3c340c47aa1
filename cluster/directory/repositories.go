package directory

// repositories gives the same set of repositories to Store and Tx.
type repositories struct{ on access }

// Domains are the SIP domains served.
func (r repositories) Domains() Domains { return Domains(r) }

// Customers are the holders of contracts.
func (r repositories) Customers() Customers { return Customers(r) }

// Contracts are by which profile customers pay, and who sells to whom.
func (r repositories) Contracts() Contracts { return Contracts(r) }

// Spent is what accounts have spent, by their limits.
func (r repositories) Spent() Spent { return Spent(r) }

// Packages are rules of balances that top-ups and vouchers bring.
func (r repositories) Packages() Packages { return Packages(r) }

// Vouchers are codes that are worth a top-up.
func (r repositories) Vouchers() Vouchers { return Vouchers(r) }

// Peers are the foreign networks.
func (r repositories) Peers() Peers { return Peers(r) }

// Subscribers are the SIP users with their credentials and numbers.
func (r repositories) Subscribers() Subscribers { return Subscribers(r) }

// Numbers are the E.164 numbers of subscribers.
func (r repositories) Numbers() Numbers { return Numbers(r) }

// BillingProfiles are the tariffs that customers are on.
func (r repositories) BillingProfiles() BillingProfiles { return BillingProfiles(r) }

// Fees are the prices of billing profiles.
func (r repositories) Fees() Fees { return Fees(r) }

// Specials are numbers answered by an application.
func (r repositories) Specials() Specials { return Specials(r) }

// Settings are named byte strings shared by all nodes: key rings, markers.
func (r repositories) Settings() Settings { return Settings(r) }

// Admins are the users of panel and API.
func (r repositories) Admins() Admins { return Admins(r) }

// Sessions are the logins of admins.
func (r repositories) Sessions() Sessions { return Sessions(r) }

// Reratings are the plans to price calls anew that were carried out.
func (r repositories) Reratings() Reratings { return Reratings(r) }

// CDRs are the stored calls.
func (r repositories) CDRs() CDRs { return CDRs(r) }
