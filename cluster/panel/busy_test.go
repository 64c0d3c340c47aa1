package panel

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
	"github.com/class5-go/class5/media/relay"
)

var errDown = errors.New("node is down")

// record is an answered call of one minute between the demo subscribers.
func (s *site) record(callID string, init time.Time) billing.CDR {
	s.Helper()
	a, b := s.demo.Demo[0].Subscriber, s.demo.Demo[1].Subscriber
	c := billing.CDR{
		Revision: 1, Generation: 1, CallID: callID, FromTag: "a", ToTag: "b", Status: billing.StatusOK, Code: 200,
		Caller: billing.Endpoint{Subscriber: number(a.ID), Account: number(a.CustomerID), User: a.Username, Domain: a.Domain, Number: "12025550101"},
		Callee: billing.Endpoint{Subscriber: number(b.ID), Account: number(b.CustomerID), User: b.Username, Domain: b.Domain, Number: "12025550102", Dialled: "+12025550102"},
		Source: netip.MustParseAddr("192.0.2.10"), Node: "proxy-a", Init: billing.MillisOf(init), Media: report(),
	}
	c.Start, c.End, c.Duration = c.Init+4000, c.Init+64000, 60000
	c.Key = billing.NewLegKey(callID, "a", 0, billing.CallPlain, c.Init)
	reader, err := s.store.NewReader(s.Context(), directory.ReaderConfig{})
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	tariff, err := reader.Tariff(s.Context(), s.demo.Profile.ID)
	if err != nil {
		s.Fatal(err)
	}
	trace, err := rate.Explain(tariff, rate.Call{Destination: "12025550102", Source: "12025550101", Start: c.Start, Duration: c.Duration})
	if err != nil {
		s.Fatal(err)
	}
	raw, err := json.Marshal(trace)
	if err != nil {
		s.Fatal(err)
	}
	c.Parties = []billing.Party{{
		Side: billing.SideCaller, Role: billing.RoleCustomer, Account: number(a.CustomerID), Zone: trace.Zone, Amount: trace.Amount, Charged: trace.Charged, Explain: raw,
	}}
	return c
}

func (s *site) keep(records ...billing.CDR) {
	s.Helper()
	var batch ship.Batch
	for _, c := range records {
		batch.Records = append(batch.Records, ship.Record{CDR: c})
	}
	if err := s.store.Records(sqlstore.Options{}).Store(s.Context(), batch); err != nil {
		s.Fatal(err)
	}
}

// report is what a relay says of a call: good from the caller, poor from the
// callee.
func report() json.RawMessage {
	flow := func(mos float64, lost uint64) relay.StreamReport {
		return relay.StreamReport{
			Kind: "audio", Codec: "PCMA", Remote: netip.MustParseAddrPort("192.0.2.10:4000"), Sent: relay.Flow{Packets: 2990},
			Received: relay.Flow{Packets: 3000 - lost, Expected: 3000, Lost: lost, JitterMean: 2500 * time.Microsecond, JitterMax: 9 * time.Millisecond, MOS: mos},
			Dropped:  map[string]uint64{"late": 2, "foreign": 3},
		}
	}
	raw, err := json.Marshal(relay.Report{Legs: []relay.LegReport{
		{Connected: true, Streams: []relay.StreamReport{flow(4.21, 12)}}, {Connected: true, Streams: []relay.StreamReport{flow(3.1, 300)}},
	}})
	if err != nil {
		return nil
	}
	return raw
}

// flow of messages of an answered call.
func messages(at time.Time) []live.Message {
	phone, edge := "192.0.2.10:5062", "198.51.100.1:5060"
	message := func(ms int, from, to, start string) live.Message {
		return live.Message{
			At: at.Add(time.Duration(ms) * time.Millisecond), Node: "proxy-a", Protocol: "UDP", From: from, To: to,
			Data: start + "\r\nCall-ID: live-1\r\nCSeq: 1 INVITE\r\n\r\n",
		}
	}
	return []live.Message{
		message(0, phone, edge, "INVITE sip:bob@example.com SIP/2.0"), message(2, edge, edge, "OPTIONS sip:self SIP/2.0"),
		message(9, edge, phone, "SIP/2.0 100 Trying"), message(1234, edge, phone, "SIP/2.0 200 OK"),
	}
}

// busy fills the site: two stored calls, one running, two phones.
func (s *site) busy() {
	s.Helper()
	failed := s.record("stored-2", s.now.Add(-time.Hour))
	failed.Status, failed.Code, failed.Start, failed.Duration, failed.Parties = billing.StatusBusy, 486, 0, 0, nil
	s.keep(s.record("stored-1", s.now.Add(-2*time.Hour)), failed)
	s.node.set(func(n *node) {
		n.calls = []live.Call{{ID: "1", CallID: "live-1", State: "confirmed", Caller: "alice@example.com", Callee: "bob@example.com", Invited: s.now.Add(-70 * time.Second), Answered: s.now.Add(-65 * time.Second), Node: "proxy-a"}}
		for i, aor := range []string{s.demo.Demo[0].Subscriber.AoR(), s.demo.Demo[0].Subscriber.AoR() + ".au"} {
			n.regs = append(n.regs, live.Registration{AoR: aor, Contact: fmt.Sprintf("sip:phone-%d@192.0.2.10", i), UserAgent: "baresip", Transport: "TCP", Source: "192.0.2.10:40112", Expires: s.now.Add(time.Hour)})
		}
		n.ladder["live-1"], n.ladder["stored-1"] = messages(s.now), messages(s.now.Add(-2*time.Hour))
		n.media["live-1"] = report()
	})
}
