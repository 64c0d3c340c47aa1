package dtmf

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// ErrReport means: not a datagram with a digit.
var ErrReport = errors.New("dtmf: malformed report")

// maxReport bounds such a datagram, in octets.
const maxReport = 8192

// ParseReport reads what [Report.AppendJSON] or rtpengine writes: whose digit it
// is, and the digit. Errors wrap ErrReport and do not show the datagram.
func ParseReport(b []byte) (Report, error) {
	var d struct {
		Type     string   `json:"type"`
		CallID   string   `json:"callid"`
		Source   string   `json:"source_tag"`
		Tags     []string `json:"tags"`
		At       int64    `json:"timestamp"`
		Event    *uint8   `json:"event"`
		Duration uint32   `json:"duration"`
		Volume   int      `json:"volume"`
	}
	if len(b) > maxReport {
		return Report{}, fmt.Errorf("%w: %d octets", ErrReport, len(b))
	}
	if err := json.Unmarshal(b, &d); err != nil || !utf8.Valid(b) { // others would not find the call
		return Report{}, fmt.Errorf("%w: no such object in %d octets", ErrReport, len(b))
	}
	if d.Type != "DTMF" || d.CallID == "" || d.Source == "" || d.Event == nil {
		return Report{}, fmt.Errorf("%w: type, call, party or event missing", ErrReport)
	}
	return Report{
		CallID: d.CallID, SourceTag: d.Source, Tags: d.Tags, Time: time.Unix(d.At, 0),
		Digit: Digit{Event: Event(*d.Event), Ended: true, Duration: min(time.Duration(d.Duration)*time.Millisecond, maxDuration), Volume: uint8(min(max(d.Volume, -d.Volume), 63))},
	}, nil
}
