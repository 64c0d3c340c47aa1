// Package native is the platform's own JSON API under /api/v1: provisioning,
// live state, call records. It describes itself as OpenAPI 3.1 at
// /api/v1/openapi.json and, for people, at /api/v1/docs.
//
// # Conventions
//
// Callers log in at /api/v1/login and then send the cookie, or the token as
// "Authorization: Bearer". Errors are application/problem+json (RFC 9457) and
// name the field at fault. Bodies are strict: unknown keys are refused, 1 MiB
// at most. Lists come in pages: "limit" up to 500, "cursor" from the "next" of
// the page before. Each row has a revision in its ETag; changes must name the
// revision they are based on in If-Match (428 without, 412 when it is not the
// newest). Amounts of money are decimal strings, never numbers. Administrators
// with the role read-only change nothing (403).
package native
