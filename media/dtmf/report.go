package dtmf

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"time"
)

// Report is what Kamailio's rtpengine module reads from its dtmf_events_sock,
// and what rtpengine writes to its DTMF log.
type Report struct {
	CallID    string
	SourceTag string   // of the party that dialled
	Tags      []string // of all parties
	Time      time.Time
	Source    netip.Addr // where its packets come from
	Digit     Digit      // that has ended
}

// AppendJSON appends the datagram. It holds the digit: it is for the socket
// that asked for it, not for logs.
func (r Report) AppendJSON(dst []byte) []byte {
	dst = text(append(dst, `{"callid":`...), r.CallID)
	dst = text(append(dst, `,"source_tag":`...), r.SourceTag)
	dst = append(dst, `,"tags":[`...)
	for i, tag := range r.Tags {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = text(dst, tag)
	}
	dst = strconv.AppendInt(append(dst, `],"type":"DTMF","timestamp":`...), r.Time.Unix(), 10)
	dst = text(append(dst, `,"source_ip":`...), r.Source.String())
	dst = strconv.AppendUint(append(dst, `,"event":`...), uint64(r.Digit.Event), 10)
	dst = strconv.AppendInt(append(dst, `,"duration":`...), r.Digit.Duration.Milliseconds(), 10)
	dst = strconv.AppendUint(append(dst, `,"volume":`...), uint64(r.Digit.Volume), 10)
	return append(dst, '}')
}

func text(dst []byte, s string) []byte {
	b, err := json.Marshal(s)
	if err != nil { // strings always marshal
		return append(dst, `""`...)
	}
	return append(dst, b...)
}
