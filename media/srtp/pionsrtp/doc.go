// Package pionsrtp is an engine for package srtp over github.com/pion/srtp/v2:
// the same contexts with somebody else's transforms, to compare with, or to
// trust instead.
//
//	c, err := srtp.NewContext(suite, key, salt, srtp.WithEngine(pionsrtp.New))
//
// It has the suites that pion/srtp has: AES_CM_128, AES_256_CM, NULL, each with
// both tags, and AES-GCM; the others, and unauthenticated RTP, are refused with
// an error that wraps srtp.ErrSuite.
//
// pion/srtp makes state for each SSRC that it sees, authentic or not, and by
// default takes replayed packets. Here a packet reaches it only after its tag has
// been checked, the indices and replay windows are those of the srtp.Context,
// and it is made anew when it has seen as many SSRCs as a context may have. It
// allocates for each packet.
package pionsrtp
