// Package panel is the administrators' web site: what the platform does now,
// its subscribers, customers, domains and prices, and a page for each call with
// its messages, its media figures and how its price came about.
//
// Pages are made on the server and work without JavaScript. With it, htmx 4.0.1
// (in the package with its licence, like every other asset) keeps figures up to date over one stream
// of server-sent events. Nothing is loaded from elsewhere, and the content
// security policy allows neither inline scripts and styles nor eval.
//
// # Use
//
// A [Panel] is an http.Handler for the root of a host; an API may be mounted
// beside it under a longer path. [Panel.Run] must run for live updates: it owns
// the goroutine that watches the [live.Source]. When its context is done, all
// streams end at once, so that a server can drain.
//
// Handlers block on the directory and the live source as long as the context
// of their request allows. A live source that does not answer never makes a
// page of the directory fail: the page says what is missing.
//
// A stream ends after five minutes and the browser opens it again, which counts
// as use of the session: a page that is watched keeps its login until the
// lifetime of the session is over.
//
// # Who may do what
//
// The session of a [login.Gate] says who asks. Administrators with the role
// read-only see no forms for changes, and get 403 when they send one. Changes
// carry the revision that their author saw; when somebody was faster, the form
// comes back with both values (409). A password appears once, in the answer to
// the form that made it.
package panel
