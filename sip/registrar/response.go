package registrar

import (
	"strconv"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// allowed is the Allow value of a 405.
const allowed = "REGISTER"

// AppendResponse appends the response to m, the REGISTER of this result: the
// Contact list with what is left of each expiry, Path, Require, Flow-Timer,
// Min-Expires, Unsupported or Retry-After as the status asks. extra comes
// first (see wire.AppendResponse): Service-Route, P-Associated-URI, a Via
// with received filled in.
func (res *Result) AppendResponse(dst []byte, m *wire.Message, toTag string, extra ...wire.Field) ([]byte, error) {
	var text []byte
	fields := append(make([]wire.Field, 0, len(extra)+len(res.Bindings)+4), extra...)
	add := func(id wire.HeaderID, from int) {
		fields = append(fields, wire.Field{ID: id, Value: text[from:len(text):len(text)]})
	}
	for i := range res.Bindings {
		from := len(text)
		text = res.Bindings[i].appendContact(text, res.now)
		add(wire.HdrContact, from)
	}
	put := func(id wire.HeaderID, value string) {
		if value != "" {
			fields = append(fields, wire.Field{ID: id, Value: []byte(value)})
		}
	}
	if res.Status == 200 {
		put(wire.HdrPath, res.path)
		put(wire.HdrFlowTimer, seconds(res.flowTimer))
	}
	if res.Status == 200 || res.Status == 421 {
		put(wire.HdrRequire, res.require)
	}
	if res.Status == 405 {
		put(wire.HdrAllow, allowed)
	}
	put(wire.HdrUnsupported, res.unsupported)
	put(wire.HdrMinExpires, seconds(res.minExpires))
	put(wire.HdrRetryAfter, seconds(res.retryAfter))
	return wire.AppendResponse(dst, m, res.Status, res.Reason, toTag, fields...)
}

// appendContact appends a binding as one Contact value.
func (b *Binding) appendContact(dst []byte, now time.Time) []byte {
	dst = append(append(append(dst, '<'), b.Contact...), '>')
	if b.Q < 1000 {
		dst = append(dst, ";q=0."...)
		dst = append(dst, byte('0'+b.Q/100), byte('0'+b.Q/10%10), byte('0'+b.Q%10))
	}
	dst = append(dst, ";expires="...)
	left := (b.Expires.Sub(now) + time.Second - 1) / time.Second // rounded up: 0 would say it is gone
	dst = strconv.AppendInt(dst, int64(left), 10)
	if b.Instance != "" {
		dst = append(append(append(dst, `;+sip.instance="`...), b.Instance...), '"')
	}
	if b.RegID != 0 {
		dst = append(dst, ";reg-id="...)
		dst = strconv.AppendUint(dst, uint64(b.RegID), 10)
	}
	return append(dst, b.Params...)
}

// seconds is a duration in whole seconds, "" for none.
func seconds(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
