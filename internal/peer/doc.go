// Package peer starts foreign servers for tests: each an ordinary process of
// an unprivileged user, with a directory and addresses of its own, that ends
// with the test. The packages that it needs are listed in .ci/packages.
package peer
