package panel

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/class5-go/class5/cluster/live"
)

// Measures of the drawing, in pixels.
const (
	laneFirst   = 190
	laneGap     = 230
	rowFirst    = 64
	rowGap      = 40
	maxMessages = 400 // drawn; a call in trouble can have many thousands
)

// ladder is the sequence diagram of a call's messages, laid out.
type ladder struct {
	Width, Height, Bottom int
	Lanes                 []lane
	Rows                  []rung
	Left                  int // messages that are not drawn
}

type lane struct {
	X    int
	Name string
}

// rung is one message. X1 and X2 are its ends, Mid is where its label is.
type rung struct {
	N              int
	Y, X1, X2, Mid int
	Head           string // points of the arrow head
	Self           string // path of a message to the sender itself
	Kind           string // request, provisional, success or failure
	Label          string
	Start          string // the whole first line
	Offset         string
	At             time.Time
	From, To       string
	Protocol, Node string
	Data           string
}

func drawLadder(messages []live.Message) ladder {
	var l ladder
	if len(messages) > maxMessages {
		l.Left, messages = len(messages)-maxMessages, messages[:maxMessages]
	}
	x := map[string]int{}
	at := func(address string) int {
		if _, ok := x[address]; !ok {
			x[address] = laneFirst + len(l.Lanes)*laneGap
			l.Lanes = append(l.Lanes, lane{x[address], address})
		}
		return x[address]
	}
	for i, m := range messages {
		start, _, _ := strings.Cut(m.Data, "\n")
		start = strings.TrimSpace(start)
		label, kind := summary(start, m.Data)
		r := rung{
			N: i + 1, Y: rowFirst + rowGap*(i+1), X1: at(m.From), X2: at(m.To), Kind: kind, Start: start, At: m.At,
			Offset: fmt.Sprintf("+%.3f s", m.At.Sub(messages[0].At).Seconds()),
			From:   m.From, To: m.To, Protocol: m.Protocol, Node: m.Node, Data: m.Data,
		}
		r.draw(label)
		l.Rows = append(l.Rows, r)
	}
	l.Bottom = rowFirst + rowGap*len(l.Rows) + 24
	l.Height = l.Bottom + 16
	l.Width = laneFirst + max(0, len(l.Lanes)-1)*laneGap + 110
	return l
}

// draw sets the shapes of an arrow from X1 to X2.
func (r *rung) draw(label string) {
	r.Mid = (r.X1 + r.X2) / 2
	room := 30
	tip := 9
	switch {
	case r.X1 == r.X2:
		r.Self = fmt.Sprintf("M%d %d h34 v14 h-34", r.X1, r.Y-7)
		r.Head = fmt.Sprintf("%d,%d %d,%d %d,%d", r.X1, r.Y+7, r.X1+tip, r.Y+2, r.X1+tip, r.Y+12)
		r.Mid, room = r.X1+46, 8
	case r.X1 < r.X2:
		r.Head = fmt.Sprintf("%d,%d %d,%d %d,%d", r.X2, r.Y, r.X2-tip, r.Y-5, r.X2-tip, r.Y+5)
	default:
		r.Head = fmt.Sprintf("%d,%d %d,%d %d,%d", r.X2, r.Y, r.X2+tip, r.Y-5, r.X2+tip, r.Y+5)
	}
	label = strings.Join(strings.Fields(label), " ")
	if utf8.RuneCountInString(label) > room {
		label = string([]rune(label)[:room-1]) + "…"
	}
	r.Label = label
}

// summary names a message in a few words: the method, or the status and, where
// it is not the INVITE that is answered, the method.
func summary(start, data string) (label, kind string) {
	rest, isResponse := strings.CutPrefix(start, "SIP/2.0 ")
	sdp := ""
	if head, body, ok := strings.Cut(data, "\r\n\r\n"); ok && strings.HasPrefix(body, "v=0") && head != "" {
		sdp = " (SDP)"
	}
	if !isResponse {
		method, _, _ := strings.Cut(start, " ")
		return method + sdp, "request"
	}
	kind = "failure"
	switch {
	case strings.HasPrefix(rest, "1"):
		kind = "provisional"
	case strings.HasPrefix(rest, "2"):
		kind = "success"
	}
	if m := cseqMethod(data); m != "" && m != "INVITE" {
		rest += " (" + m + ")"
	}
	return rest + sdp, kind
}

// cseqMethod is the method in the CSeq of a message, "" when there is none.
func cseqMethod(data string) string {
	for line := range strings.Lines(data) {
		name, value, ok := strings.Cut(line, ":")
		if line = strings.TrimSpace(line); line == "" {
			return ""
		}
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "CSeq") {
			continue
		}
		if f := strings.Fields(value); len(f) == 2 {
			return f[1]
		}
	}
	return ""
}
