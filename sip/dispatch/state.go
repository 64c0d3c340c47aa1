package dispatch

import "time"

// State is what a target is good for.
type State uint8

// The states of a target.
const (
	StateUnknown   State = iota // not a target
	StateDown                   // does not answer: nothing new, requests in its dialogs are refused
	StateUp                     // takes its share
	StateSlowStart              // has come up lately: takes a growing part of its share
	StateBusy                   // has asked to be spared: like draining, for a while
	StateDraining               // takes nothing new, but keeps dialogs and transactions
)

// String is the state in lower case, meant as a metrics label.
func (s State) String() string {
	switch s {
	case StateDown:
		return "down"
	case StateUp:
		return "up"
	case StateSlowStart:
		return "slow_start"
	case StateBusy:
		return "busy"
	case StateDraining:
		return "draining"
	}
	return "unknown"
}

// Status is a target as it is at the moment.
type Status struct {
	Target
	State State
	// Since is when it came up or went down, zero when it has done neither.
	Since time.Time
	// Proven means that it has answered. A target of a new pool is up before it has.
	Proven bool
	// Misses is the number of probes unanswered since the last answer.
	Misses int
	// Share is the part of its weight that counts, below 1 in slow start.
	Share float64
	// Leaving means that Set does not name it any more.
	Leaving bool
}

// member is a target and what is known of it. Its fields are guarded by the
// pool's lock.
type member struct {
	Target
	health
	id      uint16
	name    string // of the address, for the ring
	leaving bool   // Set does not name it any more
	drained bool   // the operator has said so
	// left is when the first Tick saw it leaving.
	left time.Time
	told State // what Observe knows
}

func (m *member) draining() bool { return m.Draining || m.leaving || m.drained }

func (m *member) state() State {
	switch {
	case !m.up:
		return StateDown
	case m.draining():
		return StateDraining
	case m.busy:
		return StateBusy
	case m.step < rampSteps:
		return StateSlowStart
	}
	return StateUp
}

// weight is what counts at the moment.
func (m *member) weight() float64 {
	return float64(m.Weight) * m.share()
}

func (m *member) share() float64 { return float64(m.step) / rampSteps }

// tell collects what has changed since the last call.
func (p *Pool) tell() []Event {
	events := p.gone
	p.gone = nil
	for _, m := range p.members {
		if from, to := m.told, m.state(); from != to {
			m.told = to
			events = append(events, Event{Addr: m.Addr, From: from, To: to})
		}
	}
	if p.cfg.Observe == nil {
		return nil
	}
	for i := range events {
		events[i].At = p.latest
	}
	return events
}
