// Package sipgomsg turns a [wire.Message] into the request or response type of sipgo, and back.
//
// sipgo's own parser reads some legal messages differently from this project's: parameter names by case, commas in
// quoted parameters, folds, compact names, a second Call-ID. A message read twice by two readers is a way past the
// first one, so nothing is parsed a second time here: [Request] and [Response] fill sipgo's types from the views that
// wire has checked. They copy; nothing refers to the datagram afterwards.
//
// The result is in canonical form: long header names, no folds, one value a header for Via, Route, Record-Route, Path,
// Service-Route, Contact and the identity headers, parameter names in lower case. Route, Record-Route and Refer-To keep
// no display name and no header parameters in sipgo's types; values that have some become generic headers, which sipgo
// still reads by its accessors and writes whole. Of several Contacts, sipgo's accessor gives the last; GetHeaders has all.
//
// [AppendMessage] writes a sipgo message into a buffer. Text that would add a line of its own, in whatever field, is
// refused, which sipgo leaves to its callers.
package sipgomsg
