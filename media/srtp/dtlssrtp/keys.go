package dtlssrtp

import (
	"fmt"

	"github.com/class5-go/class5/media/srtp"
	"github.com/pion/dtls/v3"
)

// exporterLabel is the label of RFC 5764 section 4.2.
const exporterLabel = "EXTRACTOR-dtls_srtp"

// Keys is the result of a handshake.
type Keys struct {
	Suite srtp.Suite
	// Local is what we protect with, Remote what the peer does.
	Local, Remote MasterKey
}

// MasterKey is the master key and salt of one direction.
type MasterKey struct {
	Key, Salt []byte
}

// Contexts makes the SRTP contexts of what we send and of what we receive.
func (k Keys) Contexts(opts ...srtp.Option) (out, in *srtp.Context, err error) {
	if out, err = srtp.NewContext(k.Suite, k.Local.Key, k.Local.Salt, opts...); err != nil {
		return nil, nil, err
	}
	in, err = srtp.NewContext(k.Suite, k.Remote.Key, k.Remote.Salt, opts...)
	return out, in, err
}

// export takes the keys out of a finished handshake.
func export(c *dtls.Conn, role Role) (Keys, error) {
	profile, ok := c.SelectedSRTPProtectionProfile()
	if !ok {
		return Keys{}, ErrProfile
	}
	suite, ok := srtp.SuiteByProfile(uint16(profile))
	if !ok {
		return Keys{}, fmt.Errorf("%w: %#04x", ErrProfile, uint16(profile))
	}
	state, ok := c.ConnectionState()
	if !ok {
		return Keys{}, fmt.Errorf("%w: no connection state", ErrHandshake)
	}
	key, salt := suite.KeyLen(), suite.SaltLen()
	b, err := state.ExportKeyingMaterial(exporterLabel, nil, 2*(key+salt))
	if err != nil {
		return Keys{}, fmt.Errorf("%w: export: %w", ErrHandshake, err)
	}
	// client key, server key, client salt, server salt
	cut := func(n int) []byte {
		part := b[:n:n]
		b = b[n:]
		return part
	}
	var client, server MasterKey
	client.Key, server.Key = cut(key), cut(key)
	client.Salt, server.Salt = cut(salt), cut(salt)
	if role == Active {
		return Keys{Suite: suite, Local: client, Remote: server}, nil
	}
	return Keys{Suite: suite, Local: server, Remote: client}, nil
}
