// Package login is how administrators get in: sessions kept in the directory,
// held by a cookie in a browser or as a bearer token in a script, with a
// throttle on wrong passwords and protection against requests that another
// site makes a browser send.
//
// Panel and API share one [Gate]. [Gate.Protect] goes around the whole
// handler; [Gate.Require] around what only administrators may see; handlers
// find who asks by [From] and put [Gate.FormToken] into their forms.
package login
