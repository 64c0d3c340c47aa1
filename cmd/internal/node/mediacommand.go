package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// orders are the commands of the control protocol that an operator may give to a
// session. Those that carry descriptions are the signalling's.
var orders = []string{
	"block DTMF", "block media", "connect", "inject start", "inject stop", "pause recording", "play DTMF", "play media", "silence media",
	"start forwarding", "start recording", "stop forwarding", "stop media", "stop recording", "unblock DTMF", "unblock media", "unsilence media", "unsubscribe",
}

// maxOrder is the size in octets of what comes with an order.
const maxOrder = 16 << 10

// order gives a session a command of the control protocol, with what the body
// says under the keys that it has there. It goes the way of all commands: it is
// counted with them, and answered by the process that has the session.
func (m *MediaNode) order(r *http.Request) (any, error) {
	command, id := r.PathValue("command"), r.PathValue("id")
	if !slices.Contains(orders, command) {
		return nil, fault{http.StatusNotFound, fmt.Errorf("no command %q", command)}
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxOrder+1))
	if err == nil && len(b) > maxOrder {
		err = fmt.Errorf("more than %d octets", maxOrder)
	}
	if err != nil {
		return nil, bad(err)
	}
	var d ng.Dict
	if len(b) > 0 {
		var format ng.Format
		if d, format, err = ng.Parse(b); err == nil && format != ng.JSON {
			err = errors.New("no JSON")
		}
		if err != nil {
			return nil, bad(err)
		}
	}
	d.Set("command", command)
	d.Set("call-id", id)
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	reply, _, err := ng.Parse(m.server.Answer(r.Context(), ng.Append(nil, d, ng.JSON), from, false))
	if err != nil {
		return nil, err
	}
	if reply.Str("result") != "ok" {
		return nil, refused(reply)
	}
	m.env.Log.Info("session changed by an operator", "call_id", id, "command", command)
	return json.RawMessage(ng.Append(nil, reply, ng.JSON)), nil
}

// refused is the error of a reply.
func refused(reply ng.Dict) error {
	err := errors.New(reply.Str("error-reason"))
	if err.Error() == "Unknown call-id" {
		return fault{http.StatusNotFound, err}
	}
	return fault{http.StatusConflict, err}
}

// endAll ends all sessions.
func (m *MediaNode) endAll(r *http.Request) (any, error) {
	n := 0
	for id := range m.relay.List() {
		if _, err := m.relay.Delete(r.Context(), relay.DeleteRequest{CallID: id, Forced: true}); err == nil {
			n++
		}
	}
	m.env.Log.Info("all sessions ended by an operator", "sessions", n)
	return map[string]int{"terminated": n}, nil
}
