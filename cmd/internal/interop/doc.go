// Package interop holds the tests that run the servers as processes against
// foreign phones, proxies, stores and browsers. They need the Debian packages
// of .ci/packages and the build tag interop:
//
//	go test -tags interop ./cmd/internal/interop
package interop
