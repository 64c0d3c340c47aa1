package directory

import (
	"context"

	"github.com/class5-go/class5/sip/digest"
)

// minPassword is the least number of characters of a password that a person
// chooses for a phone.
const minPassword = 8

// algorithms are those for which digests are stored.
var algorithms = [...]digest.Algorithm{digest.MD5, digest.SHA256, digest.SHA512256}

// replaceCredentials stores the digests of a password in place of those there
// were.
func (t *Tx) replaceCredentials(ctx context.Context, id int64, user, realm string, p Secret) error {
	if _, err := t.exec(ctx, "DELETE FROM prov_credentials WHERE subscriber_id = ?", id); err != nil {
		return err
	}
	return t.insertCredentials(ctx, id, user, realm, p)
}

// insertCredentials stores the digests of a password (HA1 of RFC 7616 section
// 3.4.2); realm is the domain. The columns hold hexadecimal digits.
func (t *Tx) insertCredentials(ctx context.Context, id int64, user, realm string, p Secret) error {
	now := t.store.now()
	return t.insertRows(ctx, "prov_credentials", "subscriber_id, algorithm, ha1, updated_ms", len(algorithms), func(i int) []any {
		a := algorithms[i]
		return []any{id, a.String(), digest.HA1(a, user, realm, p.Reveal()), now}
	})
}
