// Package capture keeps the SIP messages of recent calls in a bounded memory,
// found by Call-ID, so that a call can be drawn as a ladder while it runs and
// for a while after.
//
// [Store.Add] copies the message, [Store.Call] hides what must not be shown (digest
// responses, SDES keys). Neither blocks on anything but a short lock; when
// the bytes or messages of the store or of one call are used up, the oldest
// call, or the rest of that call, is given up and counted. REGISTER, OPTIONS
// and other messages without a call are not kept.
package capture
